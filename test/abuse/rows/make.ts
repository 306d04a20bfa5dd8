import { buffer } from "node:stream/consumers";
import { deflateRawSync } from "node:zlib";
import { ZipFile } from "yazl";
import type { Outgoing, World } from "../types.ts";

export const MB = 1_000_000;

/** `head`, `item` over and over with commas between, `tail`: about `bytes` long. */
export function listOf(bytes: number, item: string, head = "[", tail = "]"): Buffer {
  const one = Buffer.from(`${item},`);
  const count = Math.max(1, Math.floor((bytes - head.length - tail.length) / one.length));
  const items = Buffer.alloc(count * one.length, one).subarray(0, -1);
  return Buffer.concat([Buffer.from(head), items, Buffer.from(tail)]);
}

/** `head`, the items that `item` gives, `tail`. */
export const listBy = (count: number, item: (i: number) => string, head = "[", tail = "]"): Buffer =>
  Buffer.from(head + Array.from({ length: count }, (_, i) => item(i)).join(",") + tail);

/** A request of the same body to the same path, whatever its place. */
export const same = (outgoing: Outgoing) => (): Outgoing => outgoing;

export const json = (body: unknown): Buffer => Buffer.from(JSON.stringify(body));

/** `POST` to a path of the first project. */
export const inFirst = (world: World, path: string, body: Buffer): Outgoing => ({
  path: `/v1/projects/${world.project(0)}/${path}`,
  body,
});

/** What a predict begins with, up to its prompts' list. */
export const predictHead = (id: string): string => `{"image":{"id":"${id}"},"prompts":[`;

export type Entries = readonly (readonly [path: string, content: Buffer])[];

/** A deflated zip; yazl makes it the same way each time. */
export async function zipOf(entries: Entries, compress = true): Promise<Buffer> {
  const zip = new ZipFile();
  const mtime = new Date(1980, 0, 1);
  for (const [path, content] of entries) zip.addBuffer(content, path, { compress, mtime });
  zip.end();
  return buffer(zip.outputStream);
}

export const deflated = (content: Buffer): number => deflateRawSync(content).length;

/** Computes once what is long in the making. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

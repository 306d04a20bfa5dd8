import { type FileHandle, open } from "node:fs/promises";
import { decodeModel, type OnnxModel } from "../lib/onnx-proto.ts";
import { maxParts, TooManyParts } from "../lib/protobuf-parts.ts";
import { RefusedFile } from "./refused.ts";
import { readBytes } from "./tensor-file.ts";

/** Fields of onnx.proto3, by their numbers. */
const field = { graph: 7, initializer: 5, floatData: 4, rawData: 9 } as const;
/** Longer values stay in the file. */
const maxInlineBytes = 64 * 1024;
/** What is left of a graph without its weights; ViT-H's has 3 MB. */
const maxGraphBytes = 32 * 1024 * 1024;

/** An ONNX file without the values of its large weights. */
export interface OnnxOutline {
  readonly model: OnnxModel;
  /** Where the values of a weight lie in the file, in bytes, for those that the model here lacks. */
  readonly values: ReadonlyMap<number, { readonly offset: number; readonly length: number }>;
}

/**
 * Reads an ONNX file, however large, but for the values of weights over 64 kB; `values` finds those by the weight's
 * place in `graph.initializer`. Throws RefusedFile `truncated` or `unreadable`.
 */
export async function readOutline(path: string): Promise<OnnxOutline> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const scanner = new Scanner(file);
    const model = await scanner.model(size);
    try {
      return { model: decodeModel(model), values: scanner.values };
    } catch (cause) {
      const reason = cause instanceof TooManyParts ? cause.message : `${path} is not an ONNX file`;
      throw new RefusedFile("unreadable", reason, { cause });
    }
  } finally {
    await file.close();
  }
}

interface Field {
  readonly number: number;
  readonly wire: number;
  /** Where the field begins, where its content begins, and where it ends. */
  readonly from: number;
  readonly content: number;
  readonly to: number;
}

class Scanner {
  readonly values = new Map<number, { offset: number; length: number }>();
  readonly #file: FileHandle;
  #initializers = 0;
  #kept = 0;
  #fields = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async model(size: number): Promise<Uint8Array> {
    return this.#message(0, size, async (entry) =>
      entry.number === field.graph && entry.wire === 2
        ? this.#message(entry.content, entry.to, (inner) => this.#graphField(inner))
        : null,
    );
  }

  async #graphField(entry: Field): Promise<Uint8Array | null> {
    if (entry.number !== field.initializer || entry.wire !== 2) return null;
    const index = this.#initializers++;
    return this.#message(entry.content, entry.to, (inner) => {
      const length = inner.to - inner.content;
      const isValues =
        inner.wire === 2 && (inner.number === field.rawData || inner.number === field.floatData);
      if (!isValues || length <= maxInlineBytes) return Promise.resolve(null);
      this.values.set(index, { offset: inner.content, length });
      return Promise.resolve(new Uint8Array(0));
    });
  }

  /** A message's bytes, each field as `replace` gives it, or as it is where that gives null. */
  async #message(
    from: number,
    to: number,
    replace: (entry: Field) => Promise<Uint8Array | null>,
  ): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let at = from; at < to;) {
      const entry = await this.#field(at, to);
      const content = await replace(entry);
      if (content) parts.push(varint(entry.number * 8 + 2), varint(content.length), content);
      else parts.push(await this.#keep(entry));
      at = entry.to;
    }
    return Buffer.concat(parts);
  }

  async #keep({ from, to }: Field): Promise<Uint8Array> {
    this.#kept += to - from;
    if (this.#kept > maxGraphBytes)
      throw new RefusedFile(
        "unreadable",
        `the ONNX graph without its weights is over ${maxGraphBytes} bytes`,
      );
    return readBytes(this.#file, from, to - from);
  }

  async #field(from: number, end: number): Promise<Field> {
    if (++this.#fields > maxParts) throw new RefusedFile("unreadable", new TooManyParts().message);
    const head = await readBytes(this.#file, from, Math.min(20, end - from));
    const [key, keyBytes] = readVarint(head, 0);
    const wire = key & 7;
    const number = Math.floor(key / 8);
    const after = from + keyBytes;
    if (wire === 2) {
      const [length, lengthBytes] = readVarint(head, keyBytes);
      const content = after + lengthBytes;
      if (content + length > end)
        throw new RefusedFile(
          "truncated",
          `the ONNX file ends at byte ${end}, a field of it at ${content + length}`,
        );
      return { number, wire, from, content, to: content + length };
    }
    const size = wire === 0 ? readVarint(head, keyBytes)[1] : wire === 1 ? 8 : wire === 5 ? 4 : null;
    if (size === null || after + size > end)
      throw new RefusedFile("unreadable", `not an ONNX file: byte ${from} is no field`);
    return { number, wire, from, content: after, to: after + size };
  }
}

/** A number of up to 53 bits and how many bytes it took. */
function readVarint(bytes: Uint8Array, at: number): [number, number] {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) break;
    // Beyond 53 bits lie only negative numbers, whose value nobody here looks at
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return [value, i + 1];
  }
  throw new RefusedFile("truncated", "the ONNX file ends in the middle of a number");
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.of(...bytes, rest);
    bytes.push((rest % 128) + 128);
  }
}

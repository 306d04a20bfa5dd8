import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Answer, Outgoing } from "./types.ts";

/** Longer than this no request of a row is waited for, and no job: eight at once may come one after another. */
const patience = { request: 240_000, job: 900_000 } as const;
/** More of an answer than this is counted as it comes and not kept. */
const keptBytes = 1_000_000;

export interface Sent extends Answer {
  readonly json: Record<string, unknown>;
}

/** Sends one request on a connection of its own. An answer counts from its head, even where the body was still on its way. */
export function send(url: string, key: string, outgoing: Outgoing): Promise<Sent> {
  const { body, chunked = false } = outgoing;
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  return new Promise((resolve) => {
    const lost = (code: string): void =>
      resolve({ status: null, code, retryAfter: false, seconds: seconds(), json: {} });
    let answered = false;
    const sending = request(url + outgoing.path, {
      method: outgoing.method ?? "POST",
      agent: false,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body && { "content-type": outgoing.type ?? "application/json" }),
        ...(body && !chunked && { "content-length": String(body.length) }),
        ...outgoing.headers,
      },
    });
    sending.setTimeout(patience.request, () => sending.destroy(new Error("no answer")));
    sending.on("error", (error: NodeJS.ErrnoException) => {
      if (!answered) lost(error.code ?? error.message);
    });
    sending.on("response", (answer) => {
      answered = true;
      drain(answer).then(
        (json) => resolve(told(answer, json, seconds())),
        () => lost("cut off within the answer"),
      );
    });
    // What goes wrong in writing is told by the request itself.
    pipeline(Readable.from(piecesOf(body ?? Buffer.alloc(0))), sending).catch(() => {});
  });
}

/** A body that the service stops reading ends with its answer. */
const piecesOf = function* (body: Buffer): Generator<Buffer> {
  const piece = 65_536;
  for (let at = 0; at < body.length; at += piece) yield body.subarray(at, at + piece);
};

async function drain(answer: IncomingMessage): Promise<Record<string, unknown>> {
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= keptBytes) kept.push(chunk);
  }
  if (bytes > keptBytes || !(answer.headers["content-type"] ?? "").includes("json")) return {};
  return JSON.parse(Buffer.concat(kept).toString()) as Record<string, unknown>;
}

function told(answer: IncomingMessage, json: Record<string, unknown>, seconds: number): Sent {
  const { code } = (json["error"] ?? {}) as { code?: string };
  return {
    status: answer.statusCode ?? null,
    code: code ?? null,
    retryAfter: answer.headers["retry-after"] !== undefined,
    seconds,
    json,
  };
}

/** The same, sent again while it's told to come later, as a client does; for as long as one is waited for. */
export async function sendUntilTaken(url: string, key: string, outgoing: Outgoing): Promise<Sent> {
  const end = performance.now() + patience.request;
  for (;;) {
    const sent = await send(url, key, outgoing);
    const later = (sent.status === 503 || sent.status === 429) && sent.retryAfter;
    if (!later || performance.now() > end) return sent;
    await pause(1000);
  }
}

/** Follows an import to its end: `succeeded`, `failed import_file_invalid`, or `no end`. */
export async function followImport(url: string, key: string, project: string, id: string): Promise<string> {
  const end = performance.now() + patience.job;
  for (;;) {
    const { status, json } = await send(url, key, {
      method: "GET",
      path: `/v1/projects/${project}/imports/${id}`,
    });
    if (status === null) return "lost";
    if (json["status"] === "succeeded") return "succeeded";
    if (json["status"] === "failed" || json["status"] === "cancelled") {
      const { code } = (json["error"] ?? {}) as { code?: string };
      return `${json["status"]} ${code ?? ""}`.trim();
    }
    if (performance.now() > end) return `no end (${String(json["status"])})`;
    await pause(200);
  }
}

/**
 * A child process that reads what others made: `entry.ts MODULE MEMORY_MIB VALUE_MIB`. It runs one exported function of the
 * module at a time, as its parent asks, and hands back a value or a stream of them.
 */
import { serialize, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { AppError, messageOf } from "../errors.ts";
import {
  ahead,
  collectedBytes,
  type ReadingContext,
  type Reply,
  type Request,
  type ThrownInChild,
} from "./messages.ts";

const [moduleUrl = "", memoryMiB, valueMiB] = process.argv.slice(2);
const maxValueBytes = Number(valueMiB) * 1024 * 1024;

const watch = new Worker(new URL("./watch.ts", import.meta.url), {
  workerData: { memoryMiB: Number(memoryMiB), parent: process.ppid },
});
watch.unref();
const tellWatch = (state: "work" | "rest"): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows, this is a thread
  watch.postMessage(state);
};

/** Begins before the first file comes: its one error is that of the first ask. */
const loading = import(moduleUrl) as Promise<
  Record<string, (input: unknown, context: ReadingContext) => unknown>
>;
loading.catch(() => {});

/** How many items may be sent before the parent has asked for more, and what waits for it. */
const flow: { credit: number; more?: () => void } = { credit: 0 };

process.on("message", (request: Request) => {
  if (request.type === "run") {
    flow.credit = ahead;
    void run(request.name, request.input);
    return;
  }
  flow.credit++;
  flow.more?.();
});
// The parent is gone, or needs us no longer.
process.on("disconnect", () => process.exit());

const send = (reply: Reply): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(reply, undefined, undefined, () => resolve());
  });

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What stays resident: a file's buffers are gone, which would wait for more garbage and have the parent end this process. */
function memoryBytes(): number {
  if (process.memoryUsage.rss() > collectedBytes) collectGarbage();
  return process.memoryUsage.rss();
}

const context: ReadingContext = { reading: (file) => void send({ type: "reading", file }) };

async function run(name: string, input: unknown): Promise<void> {
  tellWatch("work");
  try {
    const read = (await loading)[name];
    if (!read) throw new Error(`${moduleUrl} has no ${name}`);
    const result = read(input, context);
    let value: unknown;
    if (isStream(result)) for await (const item of result) await sendItem(item);
    else value = await result;
    const bytes = packed(value);
    tellWatch("rest");
    await send({ type: "end", value: bytes, memoryBytes: memoryBytes() });
  } catch (error) {
    tellWatch("rest");
    if (error === tooLarge) return send({ type: "too_large" });
    await send({ type: "thrown", error: thrown(error), memoryBytes: memoryBytes() });
  }
}

const isStream = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;

const tooLarge = new Error("too large");

function packed(value: unknown): Uint8Array {
  const bytes = serialize(value);
  if (bytes.length > maxValueBytes) throw tooLarge;
  return bytes;
}

async function sendItem(item: unknown): Promise<void> {
  const value = packed(item);
  while (flow.credit === 0) {
    await new Promise<void>((resolve) => {
      flow.more = resolve;
    });
  }
  flow.credit--;
  await send({ type: "item", value });
}

function thrown(error: unknown): ThrownInChild {
  const base = {
    name: error instanceof Error ? error.name : "Error",
    message: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  };
  return error instanceof AppError ? { ...base, code: error.code, param: error.param } : base;
}

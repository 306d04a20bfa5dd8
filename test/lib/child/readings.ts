/** What the children of pool.test.ts run. */
import { AppError } from "../../../src/lib/errors.ts";
import type { ReadingContext } from "../../../src/lib/child/messages.ts";

export const double = async (input: { numbers: Float32Array }) => ({
  pid: process.pid,
  secret: process.env["DATABASE_URL"],
  numbers: input.numbers.map((value) => 2 * value),
});

export async function* count(to: number) {
  for (let i = 0; i < to; i++) yield { i };
}

export async function refuse(): Promise<never> {
  throw new AppError("mask_empty", "nothing is in it", { param: "a.png" });
}

export async function wrong(): Promise<never> {
  throw new TypeError("a mistake of ours");
}

/** Objects, which V8's own limit counts. */
export async function hoard(_: null, { reading }: ReadingContext): Promise<never> {
  reading("hoard.json");
  for (const kept: unknown[] = []; ;) kept.push(new Map());
}

/** Buffers, which it does not count. */
export async function hoardBuffers(_: null, { reading }: ReadingContext): Promise<never> {
  reading("hoard.bin");
  for (const kept: unknown[] = []; ;) kept.push(Buffer.alloc(1 << 20, 1));
}

export async function spin(): Promise<never> {
  for (;;);
}

export async function tooMuch() {
  return "x".repeat(9 << 20);
}

export async function tooLong() {
  return "x".repeat(2 ** 30);
}

export async function crash(): Promise<never> {
  process.abort();
}

/** Tells that it has begun, then never ends by itself. */
export async function* hang(): AsyncGenerator<string> {
  yield "begun";
  await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
}

/** What the threads of worker-pool.test.ts run. */
import { AppError } from "../../src/lib/errors.ts";
import { type Outcome, settle } from "../../src/lib/outcome.ts";

export const double = (value: number): Promise<Outcome<number>> => settle(async () => 2 * value);

export const refuse = (): Promise<Outcome<never>> =>
  settle(async () => {
    throw new AppError("mask_empty", "nothing is in it", { param: "a" });
  });

export async function end(): Promise<Outcome<never>> {
  process.exit(3);
}

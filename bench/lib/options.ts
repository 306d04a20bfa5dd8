import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** What bench/NAME/options.ts exports; main.ts of the same folder exports `main(options)`, which gives the exit status. */
export interface OptionsModule<T = unknown> {
  /** Lines of the usage; the first begins with the bench's name. */
  readonly usage: string;
  /** Throws an Error that says which option is wrong. */
  readOptions(args: readonly string[]): T;
}

/** The whole number in `text`. Throws an Error that names the option where there is none, or one below `least`. */
export function whole(name: string, text: string, least = 1): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name} ${text} is not a whole number of at least ${least}`);
  return value;
}

const venv = resolve(import.meta.dirname, "../../.venv/bin/python");

/** The Python that was asked for, else that of .venv, which `npm run test:peers` makes; undefined where there is none. */
export const pythonOf = (asked: string | undefined): string | undefined =>
  asked ?? (existsSync(venv) ? venv : undefined);
/** Why there is no peer where `pythonOf` finds none. */
export const noPython = "no .venv here (npm run test:peers makes it), and no --python";

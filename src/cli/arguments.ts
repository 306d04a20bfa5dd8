import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { CliError } from "./errors.ts";

/** node:util's parser; what it doesn't understand is a usage error, told in one line. */
export function parse<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  names: readonly string[],
  options: Options,
) {
  const config = { args: [...args], options, allowPositionals: true, strict: true } as const;
  let parsed: ReturnType<typeof parseArgs<typeof config>>;
  try {
    parsed = parseArgs(config);
  } catch (error) {
    throw new CliError("usage", (error as Error).message);
  }
  const { values, positionals } = parsed;
  const missing = names[positionals.length];
  if (missing !== undefined) throw new CliError("usage", `${missing} is missing.`);
  if (positionals.length > names.length)
    throw new CliError("usage", `What is ${positionals[names.length]}? Expected: ${names.join(" ")}.`);
  return { values, positionals };
}

export function integer(name: string, text: string, min = 0): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < min)
    throw new CliError("usage", `${name} takes a whole number from ${min}, not ${text}.`);
  return value;
}

/** `base` or a version's number. */
export const versionOf = (text: string): "base" | number =>
  text === "base" ? text : integer("VERSION", text, 1);

/** `10,20,110,80`: numbers, as many as `counts` allows. */
export function numbers(name: string, text: string, counts: readonly number[]): number[] {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!counts.includes(values.length) || !values.every(Number.isFinite))
    throw new CliError(
      "usage",
      `${name} takes ${counts.join(" or ")} ${counts[0] === 1 ? "number" : "numbers with commas between"}, not ${text}.`,
    );
  return values;
}

export const number = (name: string, text: string): number => numbers(name, text, [1])[0] as number;

export function oneOf<const Name extends string>(option: string, names: readonly Name[], text: string): Name {
  const found = names.find((known) => known === text);
  if (found === undefined)
    throw new CliError("usage", `${option} is one of ${names.join(", ")}, not ${text}.`);
  return found;
}

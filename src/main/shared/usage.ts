import { parseArgs, type ParseArgsConfig } from "node:util";
import { messageOf } from "../../lib/errors.ts";

/**
 * Prints a program's usage and ends where `--help` asks for it (status 0), or where an argument is none that it takes
 * (status 2). `takes` are its other options and how many words may follow; none of either by default.
 */
export function usageOr(
  usage: string,
  takes: { options?: ParseArgsConfig["options"]; words?: { least: number; most: number } } = {},
): void {
  const { options, words = { least: 0, most: 0 } } = takes;
  try {
    const help = { type: "boolean", short: "h" } as const;
    const { values, positionals } = parseArgs({ options: { ...options, help }, allowPositionals: true });
    if (values.help) {
      process.stdout.write(`${usage}\n`);
      process.exit(0);
    }
    if (positionals.length >= words.least && positionals.length <= words.most) return;
    process.stderr.write(`${usage}\n`);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${usage}\n`);
  }
  process.exit(2);
}

/** Runs bench/NAME/main.ts with the options that bench/NAME/options.ts reads: `npm run bench -- NAME [OPTION ...]`. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../src/lib/errors.ts";
import type { OptionsModule } from "./lib/options.ts";

const names = readdirSync(import.meta.dirname).filter((name) =>
  existsSync(join(import.meta.dirname, name, "main.ts")),
);
const optionsOf = (name: string): Promise<OptionsModule> =>
  import(`./${name}/options.ts`) as Promise<OptionsModule>;

async function usage(): Promise<string> {
  const all = await Promise.all(names.map(optionsOf));
  return `usage: npm run bench -- NAME [OPTION ...]\n${all.map((one) => one.usage).join("")}`;
}

async function run([name = "", ...args]: string[]): Promise<number> {
  if (name === "--help" || name === "-h") {
    process.stdout.write(await usage());
    return 0;
  }
  if (!names.includes(name)) {
    process.stderr.write(await usage());
    return 2;
  }
  const module = await optionsOf(name);
  const own = `usage: npm run bench -- NAME [OPTION ...]\n${module.usage}`;
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(own);
    return 0;
  }
  let options: unknown;
  try {
    options = module.readOptions(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${own}`);
    return 2;
  }
  const program = (await import(`./${name}/main.ts`)) as { main(given: unknown): Promise<number> };
  return program.main(options);
}

process.exitCode = await run(process.argv.slice(2));

/** Runs docs/recipes.md against a server of its own: the shell's blocks as one script, then Python's. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { readConfig } from "../src/config.ts";
import { createLog } from "../src/lib/log.ts";
import { buildGraphs } from "../src/graphs/build.ts";
import { startLocal } from "../src/main/local.ts";
import { usageOr } from "../src/main/shared/usage.ts";

usageOr("usage: npm run test:recipes\n  Runs docs/recipes.md against a server of its own.");
const page = await readFile(join(import.meta.dirname, "../docs/recipes.md"), "utf8");

/** All blocks of a language, one below the other. */
const blocks = (language: string): string =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))]
    .map(([, code]) => code)
    .join("\n");

const disc = (grey: number) =>
  sharp(
    Buffer.from(
      `<svg width="200" height="150"><rect width="200" height="150" fill="rgb(${grey},${grey},${grey})"/><circle cx="100" cy="75" r="40" fill="#203080"/></svg>`,
    ),
  )
    .png()
    .toBuffer();

const folder = await mkdtemp(join(tmpdir(), "maskwright-recipes-"));
const log = createLog({ level: "warn", name: "recipes" });
try {
  await buildGraphs();
  const config = readConfig({ ...process.env, DATA_DIR: join(folder, "data"), PORT: "0", LOG_LEVEL: "warn" });
  const local = await startLocal(config, log);
  try {
    for (let i = 1; i <= 6; i++) await writeFile(join(folder, `page-${i}.png`), await disc(200 + 8 * i));
    const env = { ...process.env, MASKWRIGHT_URL: local.url, MASKWRIGHT_KEY: local.key ?? "" };
    const run = async (command: string, args: string[]) => {
      const { stdout } = await promisify(execFile)(command, args, { cwd: folder, env });
      process.stdout.write(stdout);
    };
    await run("bash", ["-euo", "pipefail", "-c", blocks("sh")]);
    await run(process.env["PYTHON"] ?? "python3", ["-c", blocks("python")]);
    process.stdout.write("Every recipe ran.\n");
  } finally {
    await local.stop();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

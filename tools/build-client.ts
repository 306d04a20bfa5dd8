/** Builds src/client into build/client: a package of one script and its types, which wants no other package. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { usageOr } from "../src/main/shared/usage.ts";

const root = resolve(import.meta.dirname, "..");

/** Writes the package into `folder`, whose contents it replaces. Throws an Error where it does not compile. */
export async function buildClient(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["src/client/index.ts"],
    outfile: join(folder, "client/index.js"),
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    logLevel: "silent",
  });
  declarations(join(folder, "client"));
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<
    string,
    string
  >;
  const manifest = {
    name: "maskwright",
    version,
    description: "The typed client of the maskwright API.",
    license,
    type: "module",
    exports: { "./client": { types: "./client/index.d.ts", default: "./client/index.js" } },
    engines: { node: ">=22" },
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  // Its code is inside the script.
  const bundled = readFileSync(join(root, "node_modules/openapi-fetch/LICENSE"));
  writeFileSync(join(folder, "LICENSE.openapi-fetch"), bundled);
  for (const name of ["LICENSE", "NOTICE"]) writeFileSync(join(folder, name), readFileSync(join(root, name)));
}

function declarations(folder: string): void {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const options = [
    "--declaration",
    "--emitDeclarationOnly",
    "--noEmit",
    "false",
    "--rewriteRelativeImportExtensions",
  ];
  const target = ["--target", "es2023", "--module", "nodenext", "--skipLibCheck", "--strict"];
  const args = [
    ...options,
    ...target,
    "--ignoreConfig",
    "--outDir",
    folder,
    join(root, "src/client/index.ts"),
  ];
  execFileSync(process.execPath, [compiler, ...args], { cwd: root, stdio: "pipe", encoding: "utf8" });
  // TypeScript leaves the endings of what a declaration imports as they are.
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".d.ts"))) {
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll(/from "(\.\/[\w-]+)\.ts"/g, 'from "$1.js"'));
  }
}

if (import.meta.main) {
  usageOr(
    "usage: npm run build:client\n  Builds the client into build/client; `npm pack ./build/client` makes a file of it that installs anywhere.",
  );
  const folder = join(root, "build/client");
  await buildClient(folder);
  process.stdout.write(`${folder}\n`);
}

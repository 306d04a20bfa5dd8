#!/usr/bin/env bash
# drizzle-orm 0.45.4 on Node 22.23.3: loading its ES modules costs several times the processor time of loading the same code as
# CommonJS (1.2 s beside .2 s where it was tried). Its package.json is 179 kB, most of it exports; for each .js file of a
# package that is "type": "module" Node's loader asks for the package's scope, which is that whole text, read again from the
# native side, and each import of the package parses the exports anew. The CommonJS files end with .cjs, for which nobody
# asks. Exits with 1 when that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@22.23.3 drizzle-orm@0.45.4 postgres@3.4.9 >/dev/null
cat > check.mjs <<'JS'
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";

const names = ["drizzle-orm", "drizzle-orm/pg-core", "drizzle-orm/postgres-js"];
const told = 'const { user, system } = process.cpuUsage(); console.log((user + system) / 1000);';
const ways = {
  "as ES modules": ["--input-type=module", names.map((name) => `await import("${name}");`).join("") + told],
  "as CommonJS": ["--input-type=commonjs", names.map((name) => `require("${name}");`).join("") + told],
  "nothing": ["--input-type=commonjs", told],
};
const least = (args) => Math.min(...Array.from({ length: 3 }, () => Number(execFileSync(process.execPath, [args[0], "-e", args[1]]))));
const times = Object.fromEntries(Object.entries(ways).map(([way, args]) => [way, least(args)]));
console.log(`node ${process.version}, drizzle-orm 0.45.4, package.json of ${statSync("node_modules/drizzle-orm/package.json").size} bytes`);
for (const [way, ms] of Object.entries(times)) console.log(`  ${way}: ${Math.round(ms)} ms of processor time`);
const own = (way) => times[way] - times.nothing;
const ratio = own("as ES modules") / own("as CommonJS");
console.log(`  ES modules take ${ratio.toFixed(1)} times as long`);
process.exit(ratio > 2 ? 0 : 1);
JS
node_modules/.bin/node check.mjs

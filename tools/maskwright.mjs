#!/usr/bin/env node
// The command `maskwright`: src/cli/main.ts on the project's own Node.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.argv.splice(2, 0, join(dirname(fileURLToPath(import.meta.url)), "..", "src", "cli", "main.ts"));
await import("./run.mjs");

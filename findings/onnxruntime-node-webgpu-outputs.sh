#!/usr/bin/env bash
# onnxruntime-node 1.30.0, WebGPU provider, an output kept in the GPU's memory by preferredOutputLocation: getData() of it
# ends the process (abort, no JavaScript error), and a tensor given for another output is left as it was, while the result
# has the values. Without preferredOutputLocation the given tensor is written. Runs on SwiftShader, the software Vulkan
# device of @sparticuz/chromium; Linux x64. Exits with 1 when either is mended.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
ONNXRUNTIME_NODE_INSTALL=skip npm install --silent --no-audit --no-fund onnxruntime-node@1.30.0 >/dev/null
npm pack --silent @sparticuz/chromium@147.0.0 >/dev/null
tar --extract --gzip --file ./*.tgz
node -e 'require("fs").writeFileSync("vulkan.tar", require("zlib").brotliDecompressSync(require("fs").readFileSync("package/bin/swiftshader.tar.br")))'
tar --extract --file vulkan.tar
export LD_LIBRARY_PATH="$folder" VK_ICD_FILENAMES="$folder/vk_swiftshader_icd.json" ORT_DISABLE_TELEMETRY=1
cat > check.cjs <<'JS'
const ort = require("onnxruntime-node");

// Protocol buffers by hand: a field's key, then a number, or a length and bytes.
const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const number = (field, n) => [...varint(field << 3), ...varint(n)];
const bytes = (field, data) => [...varint((field << 3) | 2), ...varint(data.length), ...data];
const text = (field, s) => bytes(field, [...Buffer.from(s)]);
const add = (a, b, c) => bytes(1, [...text(1, a), ...text(1, b), ...text(2, c), ...text(4, "Add")]);
const value = (field, name) => bytes(field, [...text(1, name), ...bytes(2, bytes(1, [...number(1, 1), ...bytes(2, bytes(1, number(1, 4)))]))]);
// y = x + x, z = x + y
const graph = [...add("x", "x", "y"), ...add("x", "y", "z"), ...text(2, "g"), ...value(11, "x"), ...value(12, "y"), ...value(12, "z")];
const model = Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, [...text(1, ""), ...number(2, 17)])]);

(async () => {
  const x = new ort.Tensor(Float32Array.of(1, 2, 3, 4), [4]);
  const run = async (options) => {
    const session = await ort.InferenceSession.create(model, { executionProviders: ["webgpu"], logSeverityLevel: 3, ...options });
    const own = new ort.Tensor(new Float32Array(4), [4]);
    return { own, results: await session.run({ x }, { y: null, z: own }) };
  };
  const plain = await run({});
  const kept = await run({ preferredOutputLocation: { y: "gpu-buffer" } });
  console.log(`plain: own ${plain.own.data}, result ${plain.results.z.data}`);
  console.log(`y in the GPU's memory: own ${kept.own.data}, result ${kept.results.z.data}`);
  if (String(plain.own.data) !== "3,6,9,12" || String(kept.own.data) !== "0,0,0,0" || String(kept.results.z.data) !== "3,6,9,12") process.exit(1);
  console.log("asking for y's data ...");
  console.log(String(await kept.results.y.getData()));
})();
JS
status=0
node check.cjs || status=$?
echo "status $status; 134 is an abort"
[ "$status" -eq 134 ]

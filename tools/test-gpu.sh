#!/usr/bin/env bash
# Proves onnxruntime's WebGPU provider on a machine without a GPU: on SwiftShader, the software Vulkan device inside the
# npm package @sparticuz/chromium (70 MB, fetched into build/ on first use).
set -euo pipefail
cd "$(dirname "$0")/.."
version=147.0.0
folder="$PWD/build/swiftshader-$version"
if [ ! -f "$folder/vk_swiftshader_icd.json" ]; then
  part="$(mktemp -d)"
  trap 'rm -rf "$part"' EXIT
  (cd "$part" && npm pack --silent "@sparticuz/chromium@$version" > /dev/null && tar --extract --gzip --file ./*.tgz)
  node -e 'require("fs").writeFileSync(process.argv[2], require("zlib").brotliDecompressSync(require("fs").readFileSync(process.argv[1])))' \
    "$part/package/bin/swiftshader.tar.br" "$part/swiftshader.tar"
  mkdir -p "$folder"
  tar --extract --file "$part/swiftshader.tar" --directory "$folder"
fi
export LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" VK_ICD_FILENAMES="$folder/vk_swiftshader_icd.json"
node tools/run.mjs node_modules/vitest/vitest.mjs run --project gpu "$@"

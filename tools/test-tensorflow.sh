#!/usr/bin/env bash
# Tests the eager engine on tfjs-node, built here against the libtensorflow of pip's tensorflow-cpu (about 300 MB, a
# few minutes). In a copy of this tree, because whatever finds tfjs-node in node_modules takes it.
set -euo pipefail
cd "$(dirname "$0")/.."
copy="${TFJS_COPY:-build/tensorflow}"
mkdir -p "$copy"
tar --create --exclude=./node_modules --exclude=./build --exclude=./.git --exclude=./.venv --exclude=./infra/node_modules . |
  tar --extract --directory "$copy"
cd "$copy"
if [ ! -f node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node ]; then
  ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund --loglevel=error
  bash tools/build-tfjs-node.sh "${PYTHON:-python3}"
fi
TF_CPP_MIN_LOG_LEVEL=2 node tools/run.mjs node_modules/vitest/vitest.mjs run --project tensorflow

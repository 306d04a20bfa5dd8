#!/usr/bin/env bash
# Tests against Python peers (torch, pycocotools, safetensors). Installs them into .venv on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! .venv/bin/python -c 'import torch, pycocotools, safetensors, onnxruntime, PIL' 2>/dev/null; then
  echo "Installing Python peers into .venv ..."
  python3 -m venv .venv
  .venv/bin/pip install --quiet torch numpy safetensors pycocotools onnxruntime pillow
fi
MASKWRIGHT_PEERS=1 node scripts/run.mjs node_modules/vitest/vitest.mjs run --config vitest.peers.config.ts

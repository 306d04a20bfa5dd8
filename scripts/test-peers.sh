#!/usr/bin/env bash
# Tests against Python peers (torch, pycocotools, safetensors, Meta's segment_anything). Installs them into .venv on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! .venv/bin/python -c 'import torch, pycocotools, safetensors, onnx, onnxruntime, PIL, transformers, cv2, segment_anything' 2>/dev/null; then
  echo "Installing Python peers into .venv ..."
  python3 -m venv .venv
  .venv/bin/pip install --quiet torch numpy safetensors pycocotools onnx onnxruntime pillow transformers opencv-python-headless segment-anything torchvision
fi
MASKWRIGHT_PEERS=1 node scripts/run.mjs node_modules/vitest/vitest.mjs run --config vitest.peers.config.ts

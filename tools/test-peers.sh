#!/usr/bin/env bash
# Tests against peers: Python's (torch, transformers, pycocotools, Meta's segment_anything) and transformers.js. Installs
# them into .venv on first use.
# --install installs and runs nothing.
# Meta's package can also be a checkout: PYTHONPATH=/path/to/segment-anything npm run test:peers
set -euo pipefail
cd "$(dirname "$0")/.."
pip() { .venv/bin/pip install --quiet --retries 1 "$@"; }
has() { .venv/bin/python -c "import $1" 2>/dev/null; }
if ! has 'torch, pycocotools, safetensors, onnx, onnxruntime, PIL, transformers, cv2'; then
  echo "Installing Python peers into .venv ..."
  python3 -m venv .venv
  pip torch numpy safetensors pycocotools onnx onnxruntime pillow transformers opencv-python-headless
fi
# Only PyPI itself has this one, so a machine that installs from a mirror may go without it.
if ! has segment_anything; then
  pip segment-anything torchvision 2>/dev/null || true
  has segment_anything || echo "SKIPPED what needs Meta's own code: segment_anything is not to be had here (PYTHONPATH may name a checkout)"
fi
has sam2.build_sam || echo "SKIPPED what needs Meta's SAM 2: PYTHONPATH may name a checkout of facebookresearch/sam2"
# The same holds for Label Studio's.
if ! has 'label_studio_sdk.converter.brush, label_studio_sdk.label_interface'; then
  pip label-studio-sdk 2>/dev/null || true
  has label_studio_sdk.converter.brush || echo "SKIPPED what needs label-studio-sdk: it is not to be had here (PYTHONPATH may name a checkout's src)"
fi
# And for OpenSSF's.
if ! has model_signing; then
  pip model-signing 2>/dev/null || true
  has model_signing || echo "SKIPPED what needs model-signing: it is not to be had here"
fi
if ! has 'mcp, mcp_types, httpx2'; then
  pip 'mcp>=2.3' 2>/dev/null || true
  has 'mcp, mcp_types, httpx2' || echo "SKIPPED what needs Python's client of the Model Context Protocol: mcp 2.3 is not to be had here"
fi
# The package python/ and its notebook: without a kernel the notebook's cells run as a script.
has httpx || pip httpx
if ! has 'nbclient, ipykernel'; then
  pip nbclient ipykernel 2>/dev/null || true
  has 'nbclient, ipykernel' || echo "SKIPPED the notebook's kernel: nbclient and ipykernel are not to be had here, its cells run as a script"
fi
# Large, and for one line: what the package gives it is checked by shape elsewhere.
has supervision || echo "SKIPPED what needs supervision: it is not installed here (PYTHONPATH may name a checkout of roboflow/supervision)"
# CVAT's server is no package: its code comes from a checkout, which runs with what is stood in for (peers/cvat_functions.py).
[ -n "${CVAT_CHECKOUT:-}" ] || echo "SKIPPED what needs CVAT's own code: CVAT_CHECKOUT may name a checkout of cvat-ai/cvat"
has 'yaml, attrs' || pip pyyaml attrs
# Some hundred megabytes of runtimes; its postinstall scripts, which are for GPUs, are left out.
if [ ! -d .venv/transformers-js/node_modules ]; then
  echo "Installing transformers.js into .venv/transformers-js ..."
  mkdir -p .venv/transformers-js
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix .venv/transformers-js @huggingface/transformers@4.3.2
fi
[ "${1:-}" != --install ] || exit 0
MASKWRIGHT_PEERS=1 node tools/run.mjs node_modules/vitest/vitest.mjs run --project peers

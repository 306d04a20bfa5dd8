#!/usr/bin/env bash
# Runs every recipe of docs/recipes.md. Installs requests into .venv on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in jq curl; do
  if ! command -v "$tool" > /dev/null; then echo "SKIPPED: test:recipes (no $tool)"; exit 0; fi
done
if ! .venv/bin/python -c 'import requests' 2>/dev/null; then
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/pip install --quiet --retries 1 requests
fi
PYTHON="$PWD/.venv/bin/python" node tools/run.mjs tools/test-recipes.ts

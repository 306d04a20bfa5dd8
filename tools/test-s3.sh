#!/usr/bin/env bash
# Tests the object store against moto's S3 server, taken from the PATH or installed into .venv; or against any other
# server, with S3_TEST_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${S3_TEST_ENDPOINT:-}" ] && ! command -v moto_server >/dev/null; then
  [ -x .venv/bin/python ] || python3 -m venv .venv
  [ -x .venv/bin/moto_server ] || .venv/bin/pip install --quiet "moto[server]"
  export MOTO_SERVER="$PWD/.venv/bin/moto_server"
fi
node tools/run.mjs node_modules/vitest/vitest.mjs run --project s3

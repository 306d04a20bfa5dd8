#!/usr/bin/env bash
# npm run test:kill with its objects in a bucket of moto's S3 server, which it starts and ends: moto_server is taken from
# the PATH, from MOTO_SERVER or from .venv (npm run test:s3 puts it there). KILL_ROUNDS sets how many kills (20).
set -euo pipefail
cd "$(dirname "$0")/.."
program="${MOTO_SERVER:-$(command -v moto_server || echo .venv/bin/moto_server)}"
port="$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')"
"$program" -H 127.0.0.1 -p "$port" >/dev/null 2>&1 &
moto=$!
trap 'kill "$moto"' EXIT
export S3_ENDPOINT="http://127.0.0.1:$port" S3_BUCKET=kill S3_FORCE_PATH_STYLE=true
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
for _ in $(seq 150); do
  curl --silent --fail --output /dev/null --request PUT "$S3_ENDPOINT/$S3_BUCKET" && break
  sleep 0.2
done
node tools/run.mjs node_modules/vitest/vitest.mjs run --project kill

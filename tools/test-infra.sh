#!/usr/bin/env bash
# Checks what is deployed, offline: lint and types of infra/ (the root's leave it out), the AWS stacks (synthesis,
# assertions, cdk-nag, cfn-lint), the container files and the Kubernetes manifests, and the object store against an S3
# server. Installs infra's own packages on first use, and cfn-lint and moto (into .venv) where they are not on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cmp --silent infra/package-lock.json infra/node_modules/.installed-lock; then
  echo "Installing infra's packages ..."
  npm ci --prefix infra --no-audit --no-fund --loglevel=error
  cp infra/package-lock.json infra/node_modules/.installed-lock
fi
if [ -z "${CFN_LINT:-}" ] && ! command -v cfn-lint >/dev/null; then
  [ -x .venv/bin/python ] || python3 -m venv .venv
  [ -x .venv/bin/cfn-lint ] || .venv/bin/pip install --quiet cfn-lint
  export CFN_LINT="$PWD/.venv/bin/cfn-lint"
fi
node tools/run.mjs node_modules/oxlint/bin/oxlint --type-aware --deny-warnings -c infra/oxlint.json infra
node tools/run.mjs node_modules/typescript/bin/tsc --noEmit -p infra
node tools/run.mjs node_modules/vitest/vitest.mjs run --config infra/vitest.config.ts
bash tools/test-s3.sh

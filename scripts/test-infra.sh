#!/usr/bin/env bash
# Checks what is deployed, offline: the AWS stacks (synthesis, assertions, cdk-nag, cfn-lint), the container files and
# the Kubernetes manifests. Installs infra's own packages and cfn-lint (into .venv) on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cmp --silent infra/package-lock.json infra/node_modules/.installed-lock; then
  echo "Installing infra's packages ..."
  npm ci --prefix infra --no-audit --no-fund --loglevel=error
  cp infra/package-lock.json infra/node_modules/.installed-lock
fi
if [ -z "${CFN_LINT:-}" ]; then
  if [ ! -x .venv/bin/cfn-lint ]; then
    echo "Installing cfn-lint into .venv ..."
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/pip install --quiet cfn-lint
  fi
  export CFN_LINT="$PWD/.venv/bin/cfn-lint"
fi
node scripts/run.mjs node_modules/typescript/bin/tsc --noEmit -p infra
node scripts/run.mjs node_modules/vitest/vitest.mjs run --config infra/vitest.config.ts

#!/usr/bin/env bash
# Builds the guide of docs/ into build/guide, which the server shows at /docs/guide. VitePress (100 MB) is installed into
# build/docs-site on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
site=build/docs-site
mkdir -p "$site"
if ! cmp -s tools/docs-site/package-lock.json "$site/package-lock.json" || [ ! -d "$site/node_modules" ]; then
  echo "Installing VitePress into $site ..."
  cp tools/docs-site/package.json tools/docs-site/package-lock.json "$site"
  npm ci --prefix "$site" --silent --no-audit --no-fund --ignore-scripts
fi
rm -rf "$site/pages" "$site/.vitepress" "$site/out"
cp -r docs "$site/pages"
mkdir "$site/.vitepress"
cp tools/docs-site/config.mjs "$site/.vitepress"
(cd "$site" && node_modules/.bin/vitepress build)
node tools/run.mjs src/main/keep-guide.ts

#!/usr/bin/env bash
# Builds @tensorflow/tfjs-node 4.22 against a current libtensorflow, for the eager training engine (optional).
#
# tfjs-node's own install script downloads libtensorflow 2.9.1 from Google; where that host is out of reach, or where
# that library is too old, this takes the libraries out of pip's tensorflow-cpu wheel and compiles the binding on them.
# Needs Python 3 with pip, a C++ compiler, make, and the headers of Node (node-gyp fetches them, or set
# npm_config_nodedir). Run it after npm ci; npm ci removes what it made.
#
#   bash scripts/build-tfjs-node.sh [python]
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:-python3}"
package=node_modules/@tensorflow/tfjs-node

for node in node_modules/node-*/bin/node; do
  [ -x "$node" ] && PATH="$PWD/$(dirname "$node"):$PATH" && break
done
node --version | grep -q '^v22\.' || { echo "Node 22 is needed: tfjs-node breaks on 23 and later" >&2; exit 1; }

echo "Installing @tensorflow/tfjs-node without its install script ..."
npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error @tensorflow/tfjs-node@4.22.0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
echo "Taking libtensorflow out of pip's tensorflow-cpu ..."
"$python" -m pip download --quiet --no-deps --only-binary=:all: --dest "$work" tensorflow-cpu
"$python" - "$work" "$package/deps" <<'PYTHON'
import pathlib, sys, zipfile
work, deps = map(pathlib.Path, sys.argv[1:])
wheel = zipfile.ZipFile(next(work.glob("*.whl")))
for entry in wheel.namelist():
    path = pathlib.PurePosixPath(entry)
    if path.parent == pathlib.PurePosixPath("tensorflow") and path.name.startswith(("libtensorflow_cc.so", "libtensorflow_framework.so")):
        target = deps / "lib" / path.name
    elif entry.startswith("tensorflow/include/") and not entry.endswith("/"):
        target = deps / "include" / path.relative_to("tensorflow/include")
    else:
        continue
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(wheel.read(entry))
PYTHON
(
  cd "$package/deps/lib"
  ln -sf libtensorflow_cc.so.2 libtensorflow.so
  ln -sf libtensorflow_cc.so.2 libtensorflow.so.2
  ln -sf libtensorflow_framework.so.2 libtensorflow_framework.so
)

echo "Compiling the binding ..."
(
  cd "$package"
  npx --yes node-gyp@11 rebuild --loglevel=warn \
    --napi_build_version=8 --module_name=tfjs_binding --module_path=lib/napi-v8
  mkdir -p lib/napi-v8
  cp -f build/Release/tfjs_binding.node lib/napi-v8/
)
TF_CPP_MIN_LOG_LEVEL=2 node -e '
  const tf = require("@tensorflow/tfjs-node");
  console.log(`tfjs-node ${tf.version["tfjs-node"]} runs, backend ${tf.getBackend()}`);'

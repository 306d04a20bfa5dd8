#!/usr/bin/env bash
# Builds @tensorflow/tfjs-node 4.22, or tfjs-node-gpu, against a current libtensorflow, for the eager training engine
# (optional).
#
# tfjs-node's own install script downloads libtensorflow 2.9.1 from Google; where that host is out of reach, or where
# that library is too old (for a GPU that CUDA 11 does not know, say), this takes the libraries out of pip's wheel,
# tensorflow-cpu or tensorflow, and compiles the binding on them. For a GPU the CUDA libraries must be where the loader
# finds them: pip install "tensorflow[and-cuda]", and LD_LIBRARY_PATH over its nvidia/*/lib folders. That way was not
# run by us, for want of a GPU; the way for the processor is tested by npm run test:tensorflow.
# Needs Python 3 with pip, a C++ compiler, make, and the headers of Node (node-gyp fetches them, or set
# npm_config_nodedir). Run it after npm ci; npm ci removes what it made.
#
#   bash tools/build-tfjs-node.sh [python] [cpu|gpu]
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:-python3}"
case "${2:-cpu}" in
  cpu) name=tfjs-node wheel=tensorflow-cpu ;;
  gpu) name=tfjs-node-gpu wheel=tensorflow ;;
  *) echo "the second argument is cpu or gpu, not $2" >&2; exit 1 ;;
esac
package="node_modules/@tensorflow/$name"

for node in node_modules/node-*/bin/node; do
  [ -x "$node" ] && PATH="$PWD/$(dirname "$node"):$PATH" && break
done
node --version | grep -q '^v22\.' || { echo "Node 22 is needed: tfjs-node breaks on 23 and later" >&2; exit 1; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
echo "Installing @tensorflow/$name without its install script ..."
# Elsewhere first: npm does not install what package.json names as an optional peer. What is here already stays as it
# is, tfjs-core above all, of which there may be one only.
echo '{ "private": true }' > "$work/package.json"
npm install --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error "@tensorflow/$name@4.22.0"
for found in "$work"/node_modules/* "$work"/node_modules/@*/*; do
  entry="${found#"$work/node_modules/"}"
  case "$entry" in @*/*) ;; @*) continue ;; esac
  [ -e "node_modules/$entry" ] && continue
  mkdir -p "node_modules/$(dirname "$entry")"
  cp -r "$found" "node_modules/$entry"
done

echo "Taking libtensorflow out of pip's $wheel ..."
"$python" -m pip download --quiet --no-deps --only-binary=:all: --dest "$work" "$wheel"
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
  const name = process.argv[1];
  const tf = require(`@tensorflow/${name}`);
  console.log(`${name} ${tf.version["tfjs-core"]} runs, backend ${tf.getBackend()}`);' "$name"

#!/usr/bin/env bash
# @cornerstonejs/codec-openjpeg 1.3.6, the WebAssembly build of OpenJPEG that DICOM viewers use, on JPEG 2000 files that Pillow
# 11.3.0 writes. R, G and B with alpha: decode() throws a bare number, the address of a C++ exception, so `error.message` is
# undefined; one and three components come out right, and Pillow reads its own file back. And readHeader(), which should tell a
# picture's size before a pixel is unpacked, leaves getFrameInfo() at 0 x 0: only decode() fills it, so whoever wants to
# refuse a large picture first has to read the codestream's SIZ marker. Exits with 1 when that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet pillow==11.3.0 numpy
venv/bin/python - <<'PY'
import numpy as np
from PIL import Image, ImageChops

y, x = np.mgrid[:48, :64]
colours = np.stack([4 * x, 5 * y, 2 * (x + y), 255 - x], -1).astype(np.uint8)
for name, picture in [("grey", colours[..., 0]), ("rgb", colours[..., :3]), ("rgba", colours)]:
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.save(f"{name}.jp2", irreversible=False)
    with Image.open(f"{name}.jp2") as again:
        assert again.mode == image.mode and ImageChops.difference(again, image).getbbox() is None
PY
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @cornerstonejs/codec-openjpeg@1.3.6 >/dev/null
cat > check.cjs <<'JS'
const { readFileSync } = require("node:fs");
const load = require("@cornerstonejs/codec-openjpeg/decodewasmjs");

async function tried(name) {
  const { J2KDecoder } = await load({ print() {}, printErr() {} });
  const decoder = new J2KDecoder();
  const file = readFileSync(`${name}.jp2`);
  decoder.getEncodedBuffer(file.length).set(file);
  decoder.readHeader();
  const { width, height } = decoder.getFrameInfo();
  const header = `${width} x ${height}`;
  try {
    decoder.decode();
  } catch (thrown) {
    return { header, decoded: `throws a ${typeof thrown}` };
  }
  const info = decoder.getFrameInfo();
  return { header, decoded: `${info.width} x ${info.height} x ${info.componentCount}` };
}

(async () => {
  const found = {};
  for (const name of ["grey", "rgb", "rgba"]) found[name] = await tried(name);
  console.log("@cornerstonejs/codec-openjpeg 1.3.6 on Pillow 11.3.0's lossless .jp2 of 64 x 48 pixels");
  for (const [name, { header, decoded }] of Object.entries(found))
    console.log(`  ${name}: after readHeader() ${header}; decode(): ${decoded}`);
  const same =
    found.grey.decoded === "64 x 48 x 1" &&
    found.rgb.decoded === "64 x 48 x 3" &&
    found.rgba.decoded === "throws a number" &&
    Object.values(found).every(({ header }) => header === "0 x 0");
  process.exit(same ? 0 : 1);
})();
JS
node check.cjs

#!/usr/bin/env bash
# pycocotools 2.0.11 with numpy 2.4.6: a COCO segmentation whose first polygon has two points, as tools export what somebody
# drew by a double click, is taken for a box (frPyObjects asks only whether it has four numbers) and fails as one: TypeError,
# argument 'bb' has incorrect type, for all polygons of the annotation, good ones behind it among them. As the second polygon
# the same two points are fine and cover nothing. Whoever reads outlines for pycocotools has to drop polygons of less than
# three points first. Exits with 1 when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --retries 1 pycocotools==2.0.11 numpy==2.4.6
cat > check.py <<'PY'
import contextlib
import io
import sys

import numpy
import pycocotools
from pycocotools.coco import COCO

line = [10, 10, 30, 20]
triangle = [2, 2, 22, 2, 22, 22]


def pixels(segmentation):
    coco = COCO()
    coco.dataset = dict(
        images=[dict(id=1, width=60, height=50)],
        categories=[dict(id=1, name="thing")],
        annotations=[dict(id=1, image_id=1, category_id=1, segmentation=segmentation, bbox=[2, 2, 28, 20], area=200, iscrowd=0)],
    )
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    try:
        return int(coco.annToMask(coco.anns[1]).sum())
    except TypeError as error:
        return f"TypeError: {error}"


seen = {
    "the triangle": pixels([triangle]),
    "the triangle, then the line": pixels([triangle, line]),
    "the line, then the triangle": pixels([line, triangle]),
    "the line": pixels([line]),
}
print("numpy", numpy.__version__)
for what, value in seen.items():
    print(f"{what}: {value}")
refused = "TypeError: Argument 'bb' has incorrect type (expected numpy.ndarray, got list)"
alone = seen["the triangle"]
expected = {
    "the triangle": alone,
    "the triangle, then the line": alone,
    "the line, then the triangle": refused,
    "the line": refused,
}
sys.exit(0 if alone == 190 and seen == expected else 1)
PY
venv/bin/python check.py

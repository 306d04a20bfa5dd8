#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 and pycocotools 2.0.11: polygons that findContours makes of a mask run through the centres of
# its border pixels, and fillPoly gives the mask back from them to the pixel; pycocotools takes the same numbers for edges, so
# that the last row and column are lost. A square of 10 x 10 pixels is 81 in COCO, IoU .81, one of 3 x 3 is 4, IoU .44. Outlines of
# pixel edges, [x, y] to [x + 10, y + 10], come back whole. Whoever makes COCO polygons by OpenCV, as most recipes do, teaches and
# judges small objects by a mask that is a pixel short. Exits with 1 when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --retries 1 pycocotools==2.0.11 opencv-python-headless==5.0.0.93 numpy==2.4.6
cat > check.py <<'PY'
import sys

import cv2
import numpy
from pycocotools import mask as coco

print("opencv", cv2.__version__, "numpy", numpy.__version__)


def decoded(polygons):
    return coco.decode(coco.merge(coco.frPyObjects(polygons, 64, 64)))


right = True
for side, kept in [(3, 4), (10, 81), (40, 1521)]:
    mask = numpy.zeros((64, 64), numpy.uint8)
    mask[5 : 5 + side, 7 : 7 + side] = 1
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    back = numpy.zeros_like(mask)
    cv2.fillPoly(back, contours, 1)
    theirs = decoded([contour.reshape(-1).astype(float).tolist() for contour in contours])
    edges = decoded([[7, 5, 7 + side, 5, 7 + side, 5 + side, 7, 5 + side]])
    iou = (mask & theirs).sum() / (mask | theirs).sum()
    print(
        f"{side} x {side}: {mask.sum()} pixels; by fillPoly {back.sum()}, by pycocotools {theirs.sum()} (IoU {iou:.2f}),"
        f" by pycocotools from edges {edges.sum()}"
    )
    right &= (back == mask).all() and (edges == mask).all() and theirs.sum() == kept
sys.exit(0 if right else 1)
PY
venv/bin/python check.py

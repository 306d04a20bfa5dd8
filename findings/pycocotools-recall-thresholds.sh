#!/usr/bin/env bash
# pycocotools 2.0.11 with numpy 2.4.6: ten of COCOeval's 101 recall thresholds, made by linspace, lie a hair above their
# hundredth (.35, .41, .47, .57, .69, .70, .82, .83, .94, .95), so that a recall of exactly that does not reach them. Of 100
# objects, 69 found without a mistake have the average precision of 68 found (69/101), and the next two bring .0099 and .0198.
# Whoever compares an own average precision with it to more than two digits needs these very thresholds, not i/100. Exits
# with 1 when that changes.
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
from pycocotools.cocoeval import COCOeval

objects = 100
box = [10, 10, 20, 20]


def average_precision(found):
    coco = COCO()
    coco.dataset = dict(
        images=[dict(id=i + 1, width=50, height=50) for i in range(objects)],
        categories=[dict(id=1, name="thing")],
        annotations=[dict(id=i + 1, image_id=i + 1, category_id=1, bbox=box, area=400, iscrowd=0) for i in range(objects)],
    )
    coco.createIndex()
    finds = coco.loadRes([dict(image_id=i + 1, category_id=1, bbox=box, score=0.9) for i in range(found)])
    judge = COCOeval(coco, finds, "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return judge.stats[1], judge.params.recThrs


scores = {}
with contextlib.redirect_stdout(io.StringIO()):
    for found in (67, 68, 69, 70, 71):
        scores[found], thresholds = average_precision(found)
above = [i for i in range(101) if thresholds[i] > i / 100]
print(f"numpy {numpy.__version__}")
print("thresholds above their hundredth:", above)
for found, score in scores.items():
    print(f"{found} of {objects} found, none wrong: AP50 {score:.6f} = {score * 101:.0f}/101")
ok = above == [35, 41, 47, 57, 69, 70, 82, 83, 94, 95] and [round(s * 101) for s in scores.values()] == [68, 69, 69, 70, 72]
sys.exit(0 if ok else 1)
PY
venv/bin/python check.py 2>/dev/null

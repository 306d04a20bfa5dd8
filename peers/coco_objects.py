"""Makes every outline of a COCO set compressed run lengths, with area and box; no picture is opened.

usage: coco_objects.py FOLDER, which holds annotations.json. Prints one line of JSON.
"""

import contextlib
import importlib.metadata
import json
import os
import sys
import time

from pycocotools import mask
from pycocotools.coco import COCO

folder = sys.argv[1]
with contextlib.redirect_stdout(sys.stderr):
    coco = COCO(os.path.join(folder, "annotations.json"))
area = 0
start = time.perf_counter()
for annotation in coco.anns.values():
    rle = coco.annToRLE(annotation)
    area += int(mask.area(rle))
    mask.toBbox(rle)
print(
    json.dumps(
        {
            "name": f"pycocotools {importlib.metadata.version('pycocotools')}",
            "seconds": time.perf_counter() - start,
            "objects": len(coco.anns),
            "area": area,
        }
    )
)

"""Reads a COCO set as a training script does: every picture as RGB, every object as compressed run lengths.

usage: read_coco.py FOLDER, which holds annotations.json and images/. Prints one line of JSON.
"""

import contextlib
import importlib.metadata
import json
import os
import resource
import sys
import time

import numpy as np
from PIL import Image
from pycocotools import mask
from pycocotools.coco import COCO

folder = sys.argv[1]
start = time.perf_counter()
with contextlib.redirect_stdout(sys.stderr):
    coco = COCO(os.path.join(folder, "annotations.json"))
objects = 0
for image in coco.loadImgs(coco.getImgIds()):
    path = os.path.join(folder, "images", image["file_name"])
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.shape == (image["height"], image["width"], 3)
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
        rle = coco.annToRLE(annotation)
        assert mask.area(rle) > 0
        mask.toBbox(rle)
        objects += 1
seconds = time.perf_counter() - start
versions = {name: importlib.metadata.version(name) for name in ("pycocotools", "pillow")}
print(
    json.dumps(
        {
            "name": ", ".join(f"{name} {version}" for name, version in versions.items()),
            "seconds": seconds,
            "images": len(coco.imgs),
            "objects": objects,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)

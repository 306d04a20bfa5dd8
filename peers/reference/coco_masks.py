"""Writes test/imaging/reference/coco-masks.json: strings of pycocotools for masks and polygons.

Run: python peers/reference/coco_masks.py   (needs numpy, pycocotools)
"""

import json
from pathlib import Path

import numpy as np
from lcg import lcg_bytes
from pycocotools import mask as coco

out = Path(__file__).parents[2] / "test/imaging/reference/coco-masks.json"

masks = []
for seed, (height, width, threshold) in enumerate(
    [(1, 1, 0), (1, 1, 256), (5, 7, 128), (64, 48, 20), (31, 90, 240), (40, 1, 128), (1, 40, 128), (300, 200, 250)], 1
):
    # 1 where the byte is at least the threshold
    mask = (lcg_bytes(height * width, seed).astype(int).reshape(height, width) >= threshold).astype(np.uint8)
    masks.append(dict(seed=seed, size=[height, width], threshold=threshold, counts=coco.encode(np.asfortranarray(mask))["counts"].decode()))
# A block in a large mask: long runs, several characters each.
block = np.zeros((2000, 1500), np.uint8)
block[700:1900, 300:1200] = 1
masks.append(dict(block=[300, 700, 1200, 1900], size=[2000, 1500], counts=coco.encode(np.asfortranarray(block))["counts"].decode()))

polygons = []
rng = np.random.default_rng(7)
for i in range(24):
    height, width = (int(v) for v in rng.integers(6, 80, 2))
    rings = []
    for _ in range(int(rng.integers(1, 4))):
        points = rng.random((int(rng.integers(3, 10)), 2)) * [width * 1.4, height * 1.4] - [width * 0.2, height * 0.2]
        points = np.round(points, 0 if i % 3 == 0 else 2)
        if i % 5 == 0:
            points[1] = points[0]  # an edge of no length
        rings.append([float(v) for v in points.ravel()])
    polygons.append(dict(size=[height, width], polygons=rings, counts=coco.merge(coco.frPyObjects(rings, height, width))["counts"].decode()))

out.write_text(json.dumps(dict(masks=masks, polygons=polygons)) + "\n")

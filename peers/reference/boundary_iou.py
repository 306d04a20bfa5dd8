"""Writes test/imaging/reference/boundary-iou.json: boundaries and boundary IoU as the paper's own code makes them.

Source: boundary-iou-api boundary_iou/utils/boundary_utils.py, mask_to_boundary (Cheng et al. 2021).
Run: python peers/reference/boundary_iou.py   (needs numpy, opencv-python-headless, pycocotools)
"""

import json
from pathlib import Path

import cv2
import numpy as np
from lcg import lcg_bytes
from pycocotools import mask as coco

out = Path(__file__).parents[2] / "test/imaging/reference/boundary-iou.json"


def boundary_of(mask: np.ndarray, ratio: float = 0.02) -> np.ndarray:
    height, width = mask.shape
    depth = max(1, int(round(ratio * np.sqrt(height**2 + width**2))))
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=depth)
    return mask - eroded[1 : height + 1, 1 : width + 1]


def blobs(height: int, width: int, seed: int) -> np.ndarray:
    """Rectangles and discs laid over each other, some over the image's edge, some cut out again."""
    mask = np.zeros((height, width), np.uint8)
    rows, columns = np.mgrid[:height, :width]
    for kind, y, x, size in lcg_bytes(4 * 7, seed).reshape(-1, 4).astype(int):
        cy, cx, r = y * height // 255, x * width // 255, 1 + size * min(height, width) // 600
        value = 0 if kind % 4 == 0 else 1
        if kind % 2 == 0:
            mask[(rows - cy) ** 2 + (columns - cx) ** 2 <= r * r] = value
        else:
            mask[max(0, cy - r) : cy + r, max(0, cx - 2 * r) : cx + 2 * r] = value
    return mask


def rle(mask: np.ndarray) -> str:
    return coco.encode(np.asfortranarray(mask))["counts"].decode()


cases = []
# 100 x 75: 2.5 pixels of 125, which Python rounds to 2; 180 x 135: 4.5 of 225, to 4; 60 x 45: 1.5 of 75, to 2.
for seed, (height, width) in enumerate([(1, 1), (7, 5), (9, 40), (45, 60), (75, 100), (135, 180), (100, 100), (240, 320)], 1):
    a, b = blobs(height, width, seed), blobs(height, width, seed + 100)
    b = np.where(lcg_bytes(1, seed)[0] % 2 == 0, a | b, b).astype(np.uint8)
    ba, bb = boundary_of(a), boundary_of(b)
    union = int((ba | bb).sum())
    cases.append(
        dict(
            size=[height, width],
            a=rle(a),
            b=rle(b),
            boundary=rle(ba),
            iou=int((ba & bb).sum()) / union if union else 1,
        )
    )
# The whole image: the edge counts as background.
whole = np.ones((200, 150), np.uint8)
cases.append(dict(size=[200, 150], a=rle(whole), b=rle(whole), boundary=rle(boundary_of(whole)), iou=1))

out.write_text(json.dumps(cases) + "\n")

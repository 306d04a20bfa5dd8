"""Writes test/imaging/reference/preprocess.json: Pillow's resize, and SAM's whole preprocessing.

Run: python peers/reference/preprocess.py   (needs numpy, pillow, torch)
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, __version__
from lcg import lcg_bytes

out = Path(__file__).parents[2] / "test/imaging/reference/preprocess.json"


def image(width, height, seed):
    return Image.fromarray(lcg_bytes(width * height * 3, seed).reshape(height, width, 3))


resizes = []
for seed, (width, height, to_width, to_height) in enumerate(
    [(7, 5, 14, 10), (64, 48, 31, 17), (33, 90, 33, 45), (50, 20, 77, 20), (301, 187, 1024, 636), (1500, 40, 1024, 27)], 1
):
    resized = image(width, height, seed).resize((to_width, to_height), Image.Resampling.BILINEAR)
    resizes.append(
        dict(
            seed=seed,
            **{"from": [width, height]},
            to=[to_width, to_height],
            sha256=hashlib.sha256(resized.tobytes()).hexdigest(),
        )
    )

# segment-anything: predictor.set_image (ResizeLongestSide.apply_image) and Sam.preprocess
inputs = []
for seed, (width, height) in enumerate([(301, 187), (90, 133), (1300, 700)], 11):
    scale = 1024 / max(height, width)
    new_height, new_width = int(height * scale + 0.5), int(width * scale + 0.5)
    resized = np.array(image(width, height, seed).resize((new_width, new_height), Image.Resampling.BILINEAR))
    x = torch.as_tensor(resized).permute(2, 0, 1).contiguous()[None]
    mean = torch.tensor([123.675, 116.28, 103.53]).view(-1, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375]).view(-1, 1, 1)
    x = (x - mean) / std
    x = torch.nn.functional.pad(x, (0, 1024 - new_width, 0, 1024 - new_height))[0]
    inputs.append(
        dict(seed=seed, size=[width, height], resized=[new_width, new_height], sha256=hashlib.sha256(x.numpy().tobytes()).hexdigest())
    )

out.write_text(json.dumps(dict(pillow=__version__, torch=torch.__version__, resizes=resizes, inputs=inputs), indent=1) + "\n")

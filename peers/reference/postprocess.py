"""Writes test/imaging/reference/postprocess.json: SAM's postprocess_masks, by PyTorch.

Run: python peers/reference/postprocess.py   (needs numpy, torch)
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from lcg import lcg_bytes

out = Path(__file__).parents[2] / "test/imaging/reference/postprocess.json"
cases = []
for seed, (height, width) in enumerate([(683, 1024), (1024, 1024), (97, 61), (1531, 2047), (2300, 301), (480, 640)], 1):
    # Logits from a coarse random grid, -16.03 to 15.845 (never 0): edges as smooth as a decoder's.
    grid = torch.from_numpy(lcg_bytes(32 * 32, seed).astype(np.float32)).view(1, 1, 32, 32) / 8 - 16.03
    low = grid.repeat_interleave(8, 2).repeat_interleave(8, 3)
    # segment-anything modeling/sam.py, postprocess_masks
    scale = 1024 / max(height, width)
    input_size = int(height * scale + 0.5), int(width * scale + 0.5)
    masks = F.interpolate(low, (1024, 1024), mode="bilinear", align_corners=False)
    masks = masks[..., : input_size[0], : input_size[1]]
    masks = F.interpolate(masks, (height, width), mode="bilinear", align_corners=False)[0, 0].numpy()
    at = (lcg_bytes(4 * 64, 100 + seed).astype(np.uint32).reshape(64, 4) * [1 << 24, 1 << 16, 1 << 8, 1]).sum(1) % masks.size
    at[:4] = [0, width - 1, masks.size - width, masks.size - 1]
    cases.append(
        dict(
            seed=seed,
            size=[height, width],
            foreground=int((masks > 0).sum()),
            near_zero=int((np.abs(masks) < 1e-4).sum()),
            at=at.tolist(),
            logits=[round(float(v), 6) for v in masks.reshape(-1)[at]],
        )
    )
out.write_text(json.dumps(dict(torch=torch.__version__, cases=cases)) + "\n")

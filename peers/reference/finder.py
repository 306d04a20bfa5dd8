"""Writes test/training/finder/reference/finder.json: a finder's outputs, loss and slopes by PyTorch, and COCO's scores.

Run: python peers/reference/finder.py   (needs torch, numpy, pycocotools)
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

sys.path.insert(0, str(Path(__file__).parent))
from lcg import lcg_bytes  # noqa: E402

out = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "test/training/finder/reference/finder.json")
LABELS, CROPS, SIDE = 2, 2, 5
OUTPUTS = 2 * LABELS + 4
SHAPES = {
    "mean": [256],
    "scale": [256],
    "project.weight": [256, 64],
    "project.bias": [64],
    "blocks.0.weight": [576, 64],
    "blocks.0.bias": [64],
    "blocks.1.weight": [576, 64],
    "blocks.1.bias": [64],
    "widen.weight": [64, 128],
    "widen.bias": [128],
    "head.weight": [128, 4 * OUTPUTS],
    "head.bias": [4 * OUTPUTS],
}


def values(shape, seed, scale):
    """Numbers in [-scale, scale), as the test makes them."""
    count = int(np.prod(shape))
    return torch.from_numpy((lcg_bytes(count, seed).astype(np.float32) / 128 - 1) * np.float32(scale)).reshape(shape)


weights = {name: values(shape, 100 + i, 0.08) for i, (name, shape) in enumerate(SHAPES.items())}
weights["scale"] = weights["scale"] + 1
parts = SIDE * SIDE * 4
cells = values([CROPS, SIDE, SIDE, 256], 1, 1.0)
kept = (values([CROPS, 1, 1, 256], 2, 1.0) > -0.8).float() * 1.1
foreground = (values([CROPS, parts, LABELS], 3, 0.5) + 0.5).clamp(0, 1)
centres = (values([CROPS, parts, LABELS], 4, 0.6) + 0.5).clamp(0, 1)
sides = values([CROPS, parts, 4], 5, 1.0)
weight = values([CROPS, parts], 6, 1.0).clamp(0, 1)
valid = (values([CROPS, parts], 7, 1.0) > -0.7).float()


def convolved(x, kernel, bias, dilation):
    """[B, h, w, C] by taps [9 C, C'], row by row, zeros beyond the edge."""
    own = kernel.reshape(3, 3, x.shape[3], -1).permute(3, 2, 0, 1)
    return F.conv2d(x.permute(0, 3, 1, 2), own, bias, padding=dilation, dilation=dilation).permute(0, 2, 3, 1)


def net(x, w):
    x = ((x - w["mean"]) * w["scale"]) @ w["project.weight"] + w["project.bias"]
    for i, dilation in enumerate((1, 3)):
        x = x + F.gelu(convolved(x, w[f"blocks.{i}.weight"], w[f"blocks.{i}.bias"], dilation))
    x = x @ w["widen.weight"] + w["widen.bias"]
    return F.gelu(x) @ w["head.weight"] + w["head.bias"]


for name, tensor in weights.items():
    if name not in ("mean", "scale"):
        tensor.requires_grad_()
plain = net(cells, weights)
raw = net((cells - weights["mean"]) * kept + weights["mean"], weights).reshape(CROPS, parts, OUTPUTS)
f, c, s = raw.split([LABELS, LABELS, 4], dim=2)
v = valid[:, :, None]
entropy = F.binary_cross_entropy_with_logits(f, foreground, reduction="none")
share = torch.sigmoid(f) * v
dice = 1 - (2 * (share * foreground).sum(1) + 1) / ((share + foreground).sum(1) + 1)
region = (entropy * v).sum() / ((valid.sum() + 1) * LABELS) + 0.5 * dice.mean()
p, peak = torch.sigmoid(c), (centres > 0.999).float()
focal = -(peak * (1 - p) ** 2 * F.logsigmoid(c) + (1 - peak) * (1 - centres) ** 4 * p**2 * F.logsigmoid(-c))
centre = (focal * v).sum() / (peak * v).sum().clamp(min=1)
box = (F.smooth_l1_loss(s, sides, reduction="none", beta=0.1).sum(2) * weight).sum() / weight.sum().clamp(min=1)
loss = 2 * region + 0.5 * centre + 0.5 * box
loss.backward()
slopes = {
    name: dict(sum=t.grad.abs().sum().item(), first=t.grad.flatten()[:3].tolist())
    for name, t in weights.items()
    if t.grad is not None
}

# Finds and true masks as boxes of pixels, by image.
random = np.random.default_rng(5)
images, annotations, finds = [], [], []
for i in range(6):
    images.append(dict(id=i + 1, height=40, width=40))
    for _ in range(random.integers(1, 6)):
        x, y, w, h = random.integers(0, 25), random.integers(0, 25), random.integers(6, 15), random.integers(6, 15)
        label = int(random.integers(1, 3))
        annotations.append((i + 1, label, [int(x), int(y), int(x + w), int(y + h)]))
        for _ in range(random.integers(0, 3)):
            dx, dy, dw = random.integers(-2, 2, 3)
            found = [max(0, int(x + dx)), max(0, int(y + dy)), int(min(40, x + w + dw)), int(min(40, y + h + dw))]
            finds.append((i + 1, label if random.random() < 0.9 else 3 - label, found, round(float(random.random()), 4)))


def encoded(box):
    mask = np.zeros((40, 40), np.uint8, order="F")
    mask[box[1] : box[3], box[0] : box[2]] = 1
    rle = coco_mask.encode(mask)
    return dict(size=rle["size"], counts=rle["counts"].decode())


truth = dict(
    images=images,
    categories=[dict(id=1, name="a"), dict(id=2, name="b")],
    annotations=[
        dict(
            id=k + 1,
            image_id=image,
            category_id=label,
            iscrowd=0,
            segmentation=encoded(b),
            bbox=[b[0], b[1], b[2] - b[0], b[3] - b[1]],
            area=(b[2] - b[0]) * (b[3] - b[1]),
        )
        for k, (image, label, b) in enumerate(annotations)
    ],
)
scores = {}
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO()
    coco.dataset = truth
    coco.createIndex()
    results = coco.loadRes(
        [dict(image_id=i, category_id=c, segmentation=encoded(b), score=s) for i, c, b, s in finds]
    )
    for label, name in ((1, "a"), (2, "b")):
        judge = COCOeval(coco, results, "segm")
        judge.params.catIds = [label]
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
        scores[name] = dict(ap=judge.stats[0], ap50=judge.stats[1])

out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(
    json.dumps(
        dict(
            outputs=plain.detach().flatten().tolist()[::7],
            loss=loss.item(),
            slopes=slopes,
            truth=[dict(image=i, label="ab"[c - 1], box=b) for i, c, b in annotations],
            finds=[dict(image=i, label="ab"[c - 1], box=b, score=s) for i, c, b, s in finds],
            scores=scores,
            made_by=f"torch {torch.__version__}, numpy {np.__version__}, pycocotools",
        )
    )
    + "\n"
)

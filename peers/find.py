"""Two ways to find objects without prompts that people use today, for `npm run bench -- find --peers`.

    python peers/find.py JOB.json

JOB.json (written by bench/find/peers.ts): {seed, epochs, images: [{file, width, height, train, truth: [{counts, label}],
everything: [counts]}]}. `file` holds `image_embedding` [64, 64, 256]; counts are COCO's compressed run lengths at the image's
size; `everything` are the masks of the base's segment-everything.

- forest: a random forest (scikit-learn, 100 trees) on the mean embedding below each mask of segment-everything, as micro-sam's
  object classifier has it; a mask that meets a true one at IoU .5 has its label, others are background.
- instances: micro-sam's instance decoder in small: foreground and the distances to centre and boundary of every object, each
  normalised, by a convolutional decoder on the embedding, trained for 10 epochs, then its seeded watershed with all
  thresholds at .5 (micro_sam/instance_segmentation.py, torch_em PerObjectDistanceTransform). It knows no labels.

Prints a line of JSON a peer: {peer, seconds, found: [[{counts, label, score}] by test image]}, or {peer, missing}.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco
from safetensors.torch import load_file

with open(sys.argv[1]) as file:
    job = json.load(file)
torch.manual_seed(job["seed"])
images = job["images"]
GRID = 256


def say(**line):
    print(json.dumps(line), flush=True)


def rle(image, counts):
    return dict(size=[image["height"], image["width"]], counts=counts.encode())


def embedding(image):
    return load_file(image["file"])["image_embedding"].reshape(64, 64, 256)


def inside(image, side):
    """Rows and columns of a square grid over the 1024 frame that lie on the image."""
    scale = side / max(image["height"], image["width"])
    return max(1, round(image["height"] * scale)), max(1, round(image["width"] * scale))


def on_grid(image, counts, side):
    """The share of foreground, [side, side]."""
    mask = torch.from_numpy(coco.decode(rle(image, counts)))[None, None].float()
    out = torch.zeros(side, side)
    rows, columns = inside(image, side)
    out[:rows, :columns] = F.interpolate(mask, (rows, columns), mode="bilinear", antialias=True)[0, 0]
    return out


def to_counts(mask):
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()


def ious(image, some, others):
    if not some or not others:
        return np.zeros((len(some), len(others)))
    return np.asarray(coco.iou([rle(image, c) for c in some], [rle(image, c) for c in others], [0] * len(others)))


def forest():
    from sklearn.ensemble import RandomForestClassifier

    start = time.time()

    def features(image):
        cells = embedding(image).reshape(4096, 256).numpy()
        rows = []
        for counts in image["everything"]:
            share = on_grid(image, counts, 64).reshape(4096).numpy()
            share = share / max(share.sum(), 1e-6)
            rows.append(np.append(share @ cells, np.log(coco.area(rle(image, counts)) + 1)))
        return np.array(rows).reshape(-1, 257)

    inputs, labels = [], []
    for image in images:
        if not image["train"]:
            continue
        truth = image["truth"]
        overlap = ious(image, image["everything"], [t["counts"] for t in truth])
        inputs.append(features(image))
        for row in overlap:
            best = int(row.argmax()) if len(row) else 0
            labels.append(str(truth[best]["label"]) if len(row) and row[best] >= 0.5 else "")
    known = {str(t["label"]): t["label"] for image in images for t in image["truth"]}
    trees = RandomForestClassifier(100, random_state=job["seed"], n_jobs=2).fit(np.concatenate(inputs), labels)
    seconds = time.time() - start
    found = []
    for image in images:
        if image["train"]:
            continue
        masks, own = image["everything"], []
        if masks:
            for counts, shares in zip(masks, trees.predict_proba(features(image))):
                best = max((i for i, c in enumerate(trees.classes_) if c), key=lambda i: shares[i], default=None)
                if best is not None and shares[best] > 0.05:
                    own.append(dict(counts=counts, label=known[trees.classes_[best]], score=float(shares[best])))
        own.sort(key=lambda one: -one["score"])
        overlap = ious(image, [o["counts"] for o in own], [o["counts"] for o in own])
        kept = []
        for i in range(len(own)):
            if all(overlap[i, j] <= 0.5 for j in kept):
                kept.append(i)
        found.append([own[i] for i in kept])
    say(peer="segment-everything and a random forest", seconds=seconds, found=found)


class Decoder(torch.nn.Module):
    """From [B, 256, 64, 64] to [B, 3, 256, 256]: foreground, distances to centre and boundary."""

    def __init__(self):
        super().__init__()
        conv = lambda a, b: torch.nn.Sequential(  # noqa: E731
            torch.nn.Conv2d(a, b, 3, padding=1), torch.nn.InstanceNorm2d(b), torch.nn.ReLU()
        )
        self.parts = torch.nn.Sequential(
            torch.nn.Conv2d(256, 64, 1),
            conv(64, 64),
            torch.nn.ConvTranspose2d(64, 64, 2, 2),
            conv(64, 48),
            torch.nn.ConvTranspose2d(48, 32, 2, 2),
            conv(32, 32),
            torch.nn.Conv2d(32, 3, 1),
        )

    def forward(self, x):
        return torch.sigmoid(self.parts(x))


def distances(image):
    """[3, 256, 256]; both distances are 1 where there is no object."""
    from scipy import ndimage

    out = np.ones((3, GRID, GRID), np.float32)
    out[0] = 0
    for truth in image["truth"]:
        mask = on_grid(image, truth["counts"], GRID).numpy() > 0.5
        if not mask.any():
            continue
        inner = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(inner.argmax(), inner.shape)
        rows, columns = np.nonzero(mask)
        away = np.hypot(rows - y, columns - x)
        out[0][mask] = 1
        out[1][mask] = away / max(away.max(), 1e-6)
        out[2][mask] = 1 - inner[mask] / inner.max()
    return torch.from_numpy(out)


def instances():
    from scipy import ndimage

    start = time.time()
    train = [image for image in images if image["train"]]
    model, targets = Decoder(), [distances(image) for image in train]
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    for _ in range(job["epochs"]):
        for i in torch.randperm(len(train)).tolist():
            image, target = train[i], targets[i]
            rows, columns = inside(image, GRID)
            made = model(embedding(image).permute(2, 0, 1)[None])[0, :, :rows, :columns]
            wanted = target[:, :rows, :columns]
            dice = sum(1 - 2 * (m * t).sum() / ((m * m).sum() + (t * t).sum() + 1e-6) for m, t in zip(made, wanted))
            optimizer.zero_grad()
            dice.backward()
            optimizer.step()
    seconds = time.time() - start
    labels = [t["label"] for image in train for t in image["truth"]]
    label = max(set(labels), key=labels.count)
    found = []
    for image in images:
        if image["train"]:
            continue
        rows, columns = inside(image, GRID)
        with torch.no_grad():
            made = model(embedding(image).permute(2, 0, 1)[None])[:, :, :rows, :columns]
        made = F.interpolate(made, (image["height"], image["width"]), mode="bilinear")[0].numpy()
        foreground, centre, boundary = made[0], *(ndimage.gaussian_filter(d, 1.6) for d in made[1:])
        seeds, count = ndimage.label((centre < 0.5) & (boundary < 0.5) & (foreground > 0.5))
        seeds = np.where(foreground > 0.5, seeds, -1).astype(np.int32)
        flooded = ndimage.watershed_ift((boundary * 65535).clip(0, 65535).astype(np.uint16), seeds)
        own = []
        for k in range(1, count + 1):
            mask = flooded == k
            if mask.sum() >= 25:
                own.append(dict(counts=to_counts(mask), label=label, score=float(foreground[mask].mean())))
        found.append(sorted(own, key=lambda one: -one["score"]))
    say(peer="micro-sam's instance decoder", seconds=seconds, found=found)


for name, peer in (("segment-everything and a random forest", forest), ("micro-sam's instance decoder", instances)):
    try:
        peer()
    except ImportError as error:
        say(peer=name, missing=str(error))

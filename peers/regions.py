"""Two ways to answer all that a label covers as one mask, for `npm run bench -- find --peers`.

    python peers/regions.py JOB.json

JOB.json (written by bench/find/regions.ts): {seed, seconds, images: [{file, picture, width, height, train, truth: [counts]}]}.
`file` holds `image_embedding` [64, 64, 256], `picture` is the image itself; counts are COCO's compressed run lengths at the
image's size.

- unet: a U-Net of four levels from random weights, on crops of the images at 512 pixels, mirrored and turned, Dice and
  cross-entropy, AdamW with a warm-up and a cosine, for `seconds`.
- probe: logistic regression on the embedding's cells, each with the share of it that is covered (scikit-learn).

Prints a line of JSON a peer: {peer, seconds, found: [counts by test image]}, or {peer, missing}.
"""

import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from pycocotools import mask as coco
from safetensors.torch import load_file

with open(sys.argv[1]) as file:
    job = json.load(file)
torch.manual_seed(job["seed"])
rng = np.random.default_rng(job["seed"])
images = job["images"]
SIDE, CROP, BATCH = 512, 256, 4


def say(**line):
    print(json.dumps(line), flush=True)


def truth(image):
    """All that is annotated on it, [height, width]."""
    size = [image["height"], image["width"]]
    return coco.decode(coco.merge([dict(size=size, counts=c.encode()) for c in image["truth"]])).astype(np.float32)


def counts_of(mask):
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()


def at_full_size(logits, image):
    full = F.interpolate(logits[None, None], (image["height"], image["width"]), mode="bilinear")[0, 0]
    return (full > 0).numpy()


def block(a, b):
    conv = lambda a, b: (torch.nn.Conv2d(a, b, 3, padding=1), torch.nn.BatchNorm2d(b), torch.nn.ReLU())  # noqa: E731
    return torch.nn.Sequential(*conv(a, b), *conv(b, b))


class UNet(torch.nn.Module):
    def __init__(self, widths=(16, 32, 64, 128, 256)):
        super().__init__()
        self.down = torch.nn.ModuleList(block(a, b) for a, b in zip((3, *widths), widths))
        pairs = list(zip(widths[:0:-1], widths[-2::-1]))
        self.up = torch.nn.ModuleList(torch.nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
        self.join = torch.nn.ModuleList(block(2 * b, b) for _, b in pairs)
        self.last = torch.nn.Conv2d(widths[0], 1, 1)

    def forward(self, x):
        kept = []
        for i, down in enumerate(self.down):
            x = down(x if i == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for up, join, before in zip(self.up, self.join, kept[-2::-1]):
            x = join(torch.cat([up(x), before], 1))
        return self.last(x)[:, 0]


def loss_of(logits, wanted):
    share = logits.sigmoid()
    dice = 1 - (2 * (share * wanted).sum((1, 2)) + 1) / ((share + wanted).sum((1, 2)) + 1)
    return dice.mean() + F.binary_cross_entropy_with_logits(logits, wanted)


def picture(image):
    """[3, rows, columns] about 0, and the mask [rows, columns], the longer side at 512."""
    scale = SIDE / max(image["width"], image["height"])
    size = max(1, round(image["width"] * scale)), max(1, round(image["height"] * scale))
    with Image.open(image["picture"]) as file:
        pixels = np.asarray(file.convert("RGB").resize(size, Image.Resampling.BOX), np.float32)
    mask = Image.fromarray(truth(image)).resize(size, Image.Resampling.BOX)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1), torch.from_numpy(np.array(mask))


def crop(pixels, mask):
    down, across = (max(0, CROP - side) for side in mask.shape)
    pixels, mask = F.pad(pixels, (0, across, 0, down)), F.pad(mask, (0, across, 0, down))
    y, x = (rng.integers(side - CROP + 1) for side in mask.shape)
    both = torch.cat([pixels, mask[None]])[:, y : y + CROP, x : x + CROP]
    both = torch.rot90(both, int(rng.integers(4)), (1, 2))
    return both.flip(2) if rng.random() < 0.5 else both


def unet():
    start = time.time()
    train = [picture(image) for image in images if image["train"]]
    model = UNet()
    rate = 1e-3
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    while (gone := (time.time() - start) / job["seconds"]) < 1:
        batch = torch.stack([crop(*train[i]) for i in rng.integers(len(train), size=BATCH)])
        for group in optimizer.param_groups:
            group["lr"] = rate * min(gone / 0.05, 0.5 * (1 + math.cos(math.pi * gone)))
        optimizer.zero_grad()
        loss_of(model(batch[:, :3]), batch[:, 3]).backward()
        optimizer.step()
    seconds = time.time() - start
    model.eval()
    found = []
    for image in images:
        if image["train"]:
            continue
        pixels, _ = picture(image)
        rows, columns = pixels.shape[1:]
        padded = F.pad(pixels[None], (0, -columns % 16, 0, -rows % 16))
        with torch.no_grad():
            found.append(counts_of(at_full_size(model(padded)[0, :rows, :columns], image)))
    say(peer="a U-Net from random weights", seconds=seconds, found=found)


def probe():
    from sklearn.linear_model import LogisticRegression

    start = time.time()

    def cells(image):
        scale = 64 / max(image["width"], image["height"])
        rows, columns = max(1, round(image["height"] * scale)), max(1, round(image["width"] * scale))
        return load_file(image["file"])["image_embedding"].reshape(64, 64, 256)[:rows, :columns]

    inputs, shares = [], []
    for image in images:
        if not image["train"]:
            continue
        own = cells(image)
        inputs.append(own.reshape(-1, 256).numpy())
        mask = torch.from_numpy(truth(image))[None, None]
        shares.append(F.adaptive_avg_pool2d(mask, own.shape[:2])[0, 0].flatten().numpy())
    inputs, shares = np.concatenate(inputs), np.concatenate(shares)
    # Each cell counts as covered by its share, and as not covered by the rest
    twice = np.concatenate([inputs, inputs])
    labels = np.repeat([1, 0], len(inputs))
    model = LogisticRegression(max_iter=300).fit(twice, labels, np.concatenate([shares, 1 - shares]))
    seconds = time.time() - start
    found = []
    for image in images:
        if image["train"]:
            continue
        own = cells(image)
        logits = torch.from_numpy(model.decision_function(own.reshape(-1, 256).numpy())).float()
        found.append(counts_of(at_full_size(logits.reshape(own.shape[:2]), image)))
    say(peer="a linear probe on the embedding", seconds=seconds, found=found)


for name, peer in (("a U-Net from random weights", unet), ("a linear probe on the embedding", probe)):
    try:
        peer()
    except ImportError as error:
        say(peer=name, missing=str(error))

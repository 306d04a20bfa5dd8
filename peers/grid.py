"""The grid of losses and learning rates that an expert would try by hand, for `npm run bench -- quality --grid`.

    python peers/grid.py JOB.json

JOB.json (written by bench/quality/grid.ts): {weights, epochs, batch, seed, threads, losses, rates, images: [{file, width,
height}], train | selection | test: [{image, box, runs}]}. `file` holds `image_embedding` [64, 64, 256]; `runs` are the
mask's row-major run lengths, background first; `box` is in pixels of the image.

Every cell trains the mask decoder from the base on the cached embeddings: whole-image embedding, box prompts with 5 %
jitter, AdamW at a constant rate, gradient clip 1. Its best epoch is the one of the best mean IoU on the selection samples
(the untrained start is epoch 0), and that one is scored on the test samples, exact boxes, at the images' own size.
Prints lines of JSON: what it is, the base's scores, one line an epoch, one a cell.
"""

import functools
import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from decoder import load, sam, use

with open(sys.argv[1]) as file:
    job = json.load(file)
if job["threads"]:
    torch.set_num_threads(job["threads"])
base = load(job["weights"])
use(base)


def say(**line):
    print(json.dumps(line), flush=True)


@functools.lru_cache(256)
def embedding(index):
    return load(job["images"][index]["file"])["image_embedding"].reshape(4096, 256)


def sides(sample):
    """The image's [height, width], and those of the image inside the 1024 frame (get_preprocess_shape)."""
    image = job["images"][sample["image"]]
    scale = 1024 / max(image["height"], image["width"])
    return (image["height"], image["width"]), tuple(
        max(1, int(side * scale + 0.5)) for side in (image["height"], image["width"])
    )


def mask_of(sample):
    runs = torch.tensor(sample["runs"])
    return (torch.arange(len(runs)) % 2).repeat_interleave(runs).reshape(sides(sample)[0])


def target_of(sample):
    """The mask in the 256 x 256 cells of the padded frame, and where those lie on the image."""
    _, (height, width) = sides(sample)
    mask = mask_of(sample)[None, None].float()
    mask = F.interpolate(mask, (height, width), mode="bilinear", antialias=True)
    target = F.avg_pool2d(F.pad(mask, (0, 1024 - width, 0, 1024 - height)), 4)[0, 0]
    valid = torch.zeros(256, 256)
    valid[: math.ceil(height / 4), : math.ceil(width / 4)] = 1
    return target, valid


def coords_of(sample, generator=None):
    """The box's corners in the 1024 frame; each edge moved by normal noise of 5 % of its side with a generator."""
    (height, width), (input_height, input_width) = sides(sample)
    x0, y0, x1, y1 = sample["box"]
    if generator is not None:
        noise = torch.randn(4, generator=generator).tolist()
        w, h = x1 - x0, y1 - y0
        x0, x1 = (min(max(x + 0.05 * w * n, 0), width) for x, n in ((x0, noise[0]), (x1, noise[1])))
        y0, y1 = (min(max(y + 0.05 * h * n, 0), height) for y, n in ((y0, noise[2]), (y1, noise[3])))
    fx, fy = input_width / width, input_height / height
    return [[x0 * fx, y0 * fy], [x1 * fx, y1 * fy]]


def logits_of(w, samples, generator=None):
    image = torch.stack([embedding(sample["image"]) for sample in samples])
    coords = torch.tensor([coords_of(sample, generator) for sample in samples])
    with torch.no_grad():
        sparse = sam.embed_points(w, coords, torch.tensor([[2.0, 3.0]]).expand(len(samples), 2))
    return sam.decode(w, image, sparse, w["prompt_encoder.no_mask_embed.weight"])[0][:, 0]


def ious(w, samples):
    """IoU of each sample at the image's size: segment-anything modeling/sam.py, postprocess_masks, logits above 0."""
    scores = []
    with torch.no_grad():
        for i in range(0, len(samples), 8):
            some = samples[i : i + 8]
            for sample, low in zip(some, logits_of(w, some)):
                size, (height, width) = sides(sample)
                full = F.interpolate(low[None, None], (1024, 1024), mode="bilinear", align_corners=False)
                full = F.interpolate(full[..., :height, :width], size, mode="bilinear", align_corners=False)
                ours, truth = full[0, 0] > 0, mask_of(sample) > 0
                scores.append(((ours & truth).sum() / (ours | truth).sum()).item())
    return scores


def mean(values):
    return sum(values) / len(values)


def dice(p, t, v):
    p, t = p * v, t * v
    return 1 - (2 * (p * t).sum((1, 2)) + 1) / (p.sum((1, 2)) + t.sum((1, 2)) + 1)


def over_cells(x, v):
    return (x * v).sum((1, 2)) / v.sum((1, 2))


def loss_of(name, x, t, v):
    p = x.sigmoid()
    if name == "mse":
        return over_cells((p - t) ** 2, v).mean()
    bce = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    if name == "dice_bce":
        return (dice(p, t, v) + over_cells(bce, v)).mean()
    # As torchvision's sigmoid_focal_loss, alpha .25, gamma 2, weighted 20 to 1 as in SAM's paper.
    focal = bce * (p + t - 2 * p * t) ** 2 * (0.25 * t + 0.75 * (1 - t))
    return (20 * over_cells(focal, v) + dice(p, t, v)).mean()


def run(loss, rate):
    started = time.perf_counter()
    generator = torch.Generator().manual_seed(job["seed"])
    w = {name: tensor.clone() for name, tensor in base.items()}
    trained = [w[name].requires_grad_() for name in w if name.startswith("mask_decoder.")]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    best, best_epoch, test, curve = start["selection"], 0, start["test"], []
    for epoch in range(1, job["epochs"] + 1):
        order = torch.randperm(len(train), generator=generator).tolist()
        for i in range(0, len(order), job["batch"]):
            some = [train[index] for index in order[i : i + job["batch"]]]
            target, valid = (torch.stack(parts) for parts in zip(*(target_of(sample) for sample in some)))
            value = loss_of(loss, logits_of(w, some, generator), target, valid)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
        score = mean(ious(w, selection))
        curve.append(score)
        if score > best:
            best, best_epoch, test = score, epoch, ious(w, job["test"])
        say(kind="epoch", loss=loss, rate=rate, epoch=epoch, selection_iou=score)
    seconds = time.perf_counter() - started
    say(kind="cell", loss=loss, rate=rate, best_epoch=best_epoch, selection_iou=best, test=test, curve=curve, seconds=seconds)


train, selection = job["train"], job["selection"]
say(kind="start", torch=torch.__version__, threads=torch.get_num_threads())
start = {"selection": mean(ious(base, selection)), "test": ious(base, job["test"])}
say(kind="base", selection_iou=start["selection"], test=start["test"])
for loss in job["losses"]:
    for rate in job["rates"]:
        run(loss, rate)

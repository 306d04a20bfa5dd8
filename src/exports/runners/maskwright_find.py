"""What predict.py finds by itself: a finder's peaks become boxes for the version's decoder."""

import json
import math
import unicodedata

import numpy as np
from maskwright_views import FRAME, input_size, resize_plane, rounded, views_of
from PIL import Image

TOKENS = 64  # Image tokens along a side of the embedding.
TOKEN_PIXELS = FRAME / TOKENS


def find_objects(config, size, asked, look, answer):
    """The objects of an image of `size` that the version was taught, the best first: see Version.find of predict.py.

    `look` gives the finder's values, `answer` a mask and its score for a box, by a focus and the rules of small boxes.
    """
    rules = config["finder"]
    if rules is None:
        raise ValueError("this version has no finder: give a box or a point")
    labels, calibration = rules["labels"], rules["calibration"]
    meant = labels if asked["label"] is None else labels_meant(asked["label"], labels)
    threshold = rules["threshold"] if asked["threshold"] is None else asked["threshold"]
    if not 0 <= threshold <= 1:
        raise ValueError("a threshold lies from 0 to 1")
    floor = max(rules["lowest_logit"], logit_of(threshold, calibration))
    found = [
        peak
        for peak in peaks_of(look(), size, rules, floor, config.get("family") == "sam2")
        if labels[peak[0]] in meant and is_inside(peak[3], asked["region"], asked["exclude"])
    ]
    peaks = found[: asked["most"]]
    own = shared_zoom(config["zoom"], rules)
    close = close_up([box for _, _, box, _ in peaks], size, own, config)
    objects = []
    for (place, logit, box, _), closer in zip(peaks, close):
        mask, score = answer(box, own if closer else None, closer, rules["near"])
        if not mask.any():
            continue
        down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        objects.append(
            {
                "label": labels[place],
                "label_score": 1 / (1 + math.exp(-(calibration["slope"] * logit + calibration["offset"]))),
                "score": score,
                "mask": mask,
                "bbox": (int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1),
                "area": int(mask.sum()),
            }
        )
    return without_twins(objects, rules["mask_overlap"]), len(found) - len(peaks)


def logit_of(score, calibration):
    """The logit of a label score."""
    if score <= 0:
        return -math.inf
    if score >= 1:
        return math.inf
    return (math.log(score / (1 - score)) - calibration["offset"]) / calibration["slope"]


def peaks_of(values, size, rules, floor, is_sam2):
    """Centres that the finder sees on an image of `size` [height, width], the highest first.

    (label's place, logit, box in pixels, (x, y)) each; `values` [1, n, n, 4 * outputs].
    """
    grid, labels = rules["grid"], len(rules["labels"])
    cells = grid // 2
    # Each cell is answered for in 2 x 2 parts, row by row.
    parts = values.reshape(cells, cells, 2, 2, rules["outputs"])
    planes = parts.transpose(0, 2, 1, 3, 4).reshape(grid, grid, rules["outputs"])
    height, width = (FRAME, FRAME) if is_sam2 else input_size(*size)
    unit = FRAME / grid
    rows, columns = math.ceil(height / unit), math.ceil(width / unit)
    across, down = unit * size[1] / width, unit * size[0] / height
    found = []
    for label in range(labels):
        plane = planes[:rows, :columns, labels + label]
        padded = np.pad(plane, 1, constant_values=-np.inf)
        highest = plane > floor
        for r in range(3):
            for c in range(3):
                if (r, c) != (1, 1):
                    other = padded[r : r + rows, c : c + columns]
                    # The first of two that are equal counts.
                    highest &= (other < plane) if (r, c) < (1, 1) else (other <= plane)
        for y, x in zip(*np.nonzero(highest)):
            sides = rules["side_unit"] * np.exp(np.minimum(5, planes[y, x, 2 * labels :].astype(np.float64)))
            cx, cy = x + 0.5, y + 0.5
            box = within(
                (
                    (cx - sides[0]) * across,
                    (cy - sides[1]) * down,
                    (cx + sides[2]) * across,
                    (cy + sides[3]) * down,
                ),
                size,
            )
            at = min(size[1] - 1, cx * across), min(size[0] - 1, cy * down)
            found.append((label, float(plane[y, x]), box, at))
    kept = []
    for peak in sorted(found, key=lambda one: -one[1])[: rules["most_centres"]]:
        if all(box_iou(other[2], peak[2]) <= rules["box_overlap"] for other in kept):
            kept.append(peak)
    return kept


def within(box, size):
    """The part of a box on the image, in whole pixels and one of them at least."""
    height, width = size
    left = max(0, min(width - 1, math.floor(box[0])))
    top = max(0, min(height - 1, math.floor(box[1])))
    right = max(left + 1, min(width, math.ceil(box[2])))
    return left, top, right, max(top + 1, min(height, math.ceil(box[3])))


def box_iou(a, b):
    across = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return across * down / (sum(areas) - across * down)


def is_inside(at, region, exclude):
    """Whether a peak lies where it was asked for."""

    def inside(box):
        return box[0] <= at[0] < box[2] and box[1] <= at[1] < box[3]

    return (region is None or inside(region)) and not any(inside(box) for box in exclude)


def shared_zoom(zoom, rules):
    """Windows of boxes that a version found itself: neighbours share more of them than of boxes that were drawn."""
    if zoom is None:
        return None
    widest = min(rules["widest_raster"], 1 - rules["box_and_room"] / zoom["context"])
    return {**zoom, "raster": max(zoom.get("raster", 0.25), widest)}


def close_up(boxes, size, zoom, config):
    """For each box, whether its windows are encoded; the first `most_windows` windows are."""
    windows, close = set(), []
    for box in boxes:
        own = windows
        if zoom is not None:
            own = windows | {region for region, _, _ in views_of(box, [], size, zoom, config["views"])[1]}
        close.append(len(own) <= config["finder"]["most_windows"])
        if close[-1]:
            windows = own
    return close


def without_twins(objects, overlap):
    """Of objects, the best first, those whose masks show another object than all before."""
    kept = []
    for one in objects:
        same = (
            box_iou(other["bbox"], one["bbox"]) >= overlap / 2
            and (other["mask"] & one["mask"]).sum() / (other["mask"] | one["mask"]).sum() > overlap
            for other in kept
        )
        if not any(same):
            kept.append(one)
    return kept


def asks_to_find(args):
    """Whether a command line asks for objects instead of a prompt's mask. Raises ValueError for one that would be read in part."""
    finds = args.find or args.label is not None
    if len(args.box) > 1:
        raise ValueError("one --box is taken: one object a call")
    if finds and (args.box or args.point):
        raise ValueError("--find and --label take no --box and no --point")
    if args.threshold is not None and not finds:
        raise ValueError("--threshold goes with --find or --label")
    return finds


def show_found(objects, left, size, out):
    """Writes the objects' numbers, from 1, as a picture of 16 bits, and prints the rest."""
    numbers = np.zeros(size, np.uint16)
    for number, one in reversed([*enumerate(objects, 1)]):
        numbers[one["mask"]] = number
    Image.fromarray(numbers).save(out)
    told = [{name: value for name, value in one.items() if name != "mask"} for one in objects]
    for one in told:
        one["label_score"], one["score"] = round(one["label_score"], 4), round(one["score"], 4)
    print(json.dumps({"objects": told, "left": left, "out": out}))


# Small boxes are decoded from the image tokens near them.


def is_near(box, near):
    """Whether a box, in pixels of SAM's frame, is small enough for that."""
    return max(box[2] - box[0], box[3] - box[1]) <= near["side"] * TOKEN_PIXELS * near["largest_share"]


def tokens_near(box, near):
    """What near.onnx looks at for a box.

    The first token of its square, (column, row), the places of all tokens, int32, and the log of how many each stands for.
    """
    side, stride = near["side"], near["stride"]

    def first(start, end):
        return min(TOKENS - side, max(0, rounded((start + end) / 2 / TOKEN_PIXELS - side / 2)))

    column, row = first(box[0], box[2]), first(box[1], box[3])
    own = ((row + np.arange(side))[:, None] * TOKENS + column + np.arange(side)).ravel()
    sampled = np.arange(TOKENS // stride) * stride + stride // 2
    samples = (sampled[:, None] * TOKENS + sampled).ravel()
    inside = np.isin(samples, own)
    each = math.log((TOKENS**2 - len(own)) / (~inside).sum())
    counts = np.concatenate([np.zeros(len(own)), np.where(inside, -1e9, each)])
    return (column, row), np.concatenate([own, samples]).astype(np.int32), counts.astype(np.float32)


def square_in_view(logits, square, inner, size, nothing):
    """Logits of a square [64, 64] in a view of `size`, which is `inner` [h, w] in SAM's frame."""
    plane = np.full((256, 256), nothing, np.float32)
    column, row = square[0] * 4, square[1] * 4
    plane[row : row + logits.shape[0], column : column + logits.shape[1]] = logits
    frame = resize_plane(plane, FRAME, FRAME)
    return resize_plane(frame[: inner[0], : inner[1]], *size)


# Names of labels.


def plain(name):
    return " ".join(unicodedata.normalize("NFKC", name).lower().split())


PLURALS = [("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("ves", "fe")]


def is_plural_of(many, one):
    if len(one) < 3 or many.endswith("ss"):
        return False
    return any(many.endswith(end) and many[: -len(end)] + rest == one for end, rest in PLURALS)


def labels_meant(name, labels):
    """The labels that a name means: as written, else by case and space, else by an English plural."""
    named = [label for label in labels if label is not None]
    asked = plain(name)
    for fits in (
        lambda label: label == name,
        lambda label: plain(label) == asked,
        lambda label: is_plural_of(asked, plain(label)) or is_plural_of(plain(label), asked),
    ):
        meant = [label for label in named if fits(label)]
        if meant:
            return meant
    raise ValueError(f"label {name!r} is not known; these are: {', '.join(named) or 'none'}")

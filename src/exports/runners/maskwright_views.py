"""Which parts of an image predict.py encodes for a prompt, and how their answers are joined."""

import math

import numpy as np

FRAME = 1024  # The side of SAM's square input.


def rounded(value):
    """As JavaScript's Math.round: halves go up."""
    return math.floor(value + 0.5)


def input_size(height, width):
    """[height, width] of an image inside the 1024 frame."""
    scale = FRAME / max(height, width)
    return max(1, math.floor(height * scale + 0.5)), max(1, math.floor(width * scale + 0.5))


def stretched(pixels):
    """uint8 [H, W, 3] to float32 [1024, 1024, 3], each side by itself, antialiased as torchvision does, never rounded."""

    def weights(length):
        scale = length / FRAME
        reach = max(scale, 1)
        centre = scale * (np.arange(FRAME)[:, None] + 0.5)
        near = np.maximum(0, 1 - np.abs(np.arange(length)[None] - centre + 0.5) / reach)
        return (near / near.sum(1, keepdims=True)).astype(np.float32)

    height, width = pixels.shape[:2]
    rows = np.einsum("yxc,wx->ywc", pixels.astype(np.float32), weights(width), optimize=True)
    return np.einsum("ywc,hy->hwc", rows, weights(height), optimize=True)


# Views: which parts of an image are encoded for a prompt.


def window_of(box, points, size, zoom, rules):
    """The square window round a box, or round clicks, moved inside the image; (x0, y0, x1, y1) in whole pixels."""
    height, width = size
    whole = (0, 0, width, height)
    if box is None:
        some = [point for point in points if point[2] == 1] or points
        if not some:
            return whole
        xs, ys = [point[0] for point in some], [point[1] for point in some]
        extent = (min(xs), min(ys), max(xs), max(ys))
    else:
        extent = box
    x0, y0, x1, y1 = extent
    longer = max(x1 - x0, y1 - y0) * zoom["context"]
    share = zoom.get("raster", rules["raster"])
    wanted = longer if box is not None else max(longer, zoom["click_side"])
    step = 2**share
    steps = math.ceil(math.log(max(1, wanted / rules["least_side"])) / math.log(step) - 1e-9)
    side = math.ceil(rules["least_side"] * step**steps)
    if side >= rules["whole_share"] * width and side >= rules["whole_share"] * height:
        return whole
    raster = max(1, rounded(side * share))

    def span(middle, length):
        if side >= length:
            return 0, length
        start = max(0, min(length - side, rounded((middle - side / 2) / raster) * raster))
        return start, start + side

    (left, right), (top, bottom) = span((x0 + x1) / 2, width), span((y0 + y1) / 2, height)
    return left, top, right, bottom


def tiles_of(window, tiles, rules):
    """A window cut into overlapping parts, row by row."""

    def cut(start, end):
        length = end - start
        count = max(1, min(tiles, length // rules["least_tile"]))
        side = min(length, math.ceil(length / (count - (count - 1) * rules["overlap"])))
        starts = [start + (rounded(i * (length - side) / (count - 1)) if count > 1 else 0) for i in range(count)]
        return [(at, at + side) for at in starts]

    x0, y0, x1, y1 = window
    return [(left, top, right, bottom) for top, bottom in cut(y0, y1) for left, right in cut(x0, x1)]


def seen_in(region, box, points):
    """A prompt as it reads in a region, or None where nothing of it lies there."""
    left, top, right, bottom = region
    own = None
    if box is not None:
        x0, x1 = max(box[0], left) - left, min(box[2], right) - left
        y0, y1 = max(box[1], top) - top, min(box[3], bottom) - top
        if x1 - x0 >= 1 and y1 - y0 >= 1:
            own = (x0, y0, x1, y1)
    inside = [(x - left, y - top, label) for x, y, label in points if left <= x < right and top <= y < bottom]
    return (region, own, inside) if own is not None or inside else None


def views_of(box, points, size, zoom, rules):
    whole = (0, 0, size[1], size[0])
    if zoom is None:
        return whole, [(whole, box, points)]
    window = window_of(box, points, size, zoom, rules)
    views = [seen_in(region, box, points) for region in tiles_of(window, zoom["tiles"], rules)]
    return window, [view for view in views if view is not None]


def stitch(window, parts, rules):
    """Logits of a window, [height, width], from those of its views: each counts by its distance from its own edges."""
    if len(parts) == 1 and parts[0][0] == window:
        return parts[0][1]
    left, top, right, bottom = window
    sums = np.zeros((bottom - top, right - left), np.float32)
    weights = np.zeros_like(sums)

    def nearness(length):
        at = np.arange(length)
        return (np.minimum(at + 1, length - at) / length).astype(np.float32)

    for (x0, y0, x1, y1), logits in parts:
        weight = np.outer(nearness(y1 - y0), nearness(x1 - x0))
        at = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        sums[at] += weight * np.clip(logits, -rules["bound"], rules["bound"])
        weights[at] += weight
    return np.where(weights > 0, sums / np.maximum(weights, 1e-30), np.float32(rules["nothing"]))


def resize_plane(plane, height, width):
    """Bilinear, pixel centres at halves, not antialiased."""
    if plane.shape == (height, width):
        return plane

    def taps(length, wanted):
        at = np.maximum(0, (np.arange(wanted) + 0.5) * length / wanted - 0.5)
        low = np.minimum(np.floor(at).astype(int), length - 1)
        return low, np.minimum(low + 1, length - 1), (at - low).astype(np.float32)

    low, high, share = taps(plane.shape[0], height)
    rows = (1 - share)[:, None] * plane[low] + share[:, None] * plane[high]
    low, high, share = taps(plane.shape[1], width)
    return (1 - share) * rows[:, low] + share * rows[:, high]


def active_area(plane, settings):
    """(x0, y0, x1, y1) round all that may be foreground, with room; None where nothing may."""
    active = plane > settings["faint_logit"]
    if not active.any():
        return None
    rows, columns = np.flatnonzero(active.any(1)), np.flatnonzero(active.any(0))
    (height, width), room = plane.shape, settings["room"]
    top, bottom = max(0, rows[0] - room), min(height, rows[-1] + 1 + room)
    return max(0, columns[0] - room), top, min(width, columns[-1] + 1 + room), bottom


def fewer_scale(pixels, most):
    """What brings an area of so many pixels to `most` at most, in steps of the fourth root of 2."""
    return 2.0 ** (-max(0, math.ceil(2 * math.log2(pixels / most))) / 4)


def choose_points(plane, settings):
    """Row-major indexes, int32, of the pixels that a point head judges: of too many, those nearest to 0."""
    flat = plane.ravel()
    points = np.flatnonzero(flat > settings["faint_logit"])
    most = settings["most_points"]
    if most is not None and len(points) > most:
        steps = np.minimum(1023, np.floor(np.abs(flat[points].astype(np.float64)) * 1023 / 20))
        points = np.sort(points[np.argsort(steps, kind="stable")[:most]])
    return points.astype(np.int32)

"""Answers prompts with the version in this folder, as maskwright serves it.

    python predict.py image.jpg --box 10 20 200 180 [--point 50 60 1 ...] --out mask.png
    python predict.py image.jpg --label stamp --out numbers.png

or, from a program:

    from predict import Version
    version = Version("folder")
    mask, score = version.predict(Image.open("image.jpg"), box=(10, 20, 200, 180), points=[(50, 60, 1)])
    objects, left = version.find(Image.open("image.jpg"), label="stamp")

Needs numpy, onnxruntime and Pillow. Boxes are (x0, y0, x1, y1) and points (x, y, label), label 1 foreground and 0
background, in pixels of the image as its EXIF orientation turns it. Views, stitching and refining follow config.json.
"""

import argparse
import json
import os
from pathlib import Path

# onnxruntime 1.30 writes a device id and looks for a collector unless this is set before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
from maskwright_find import asks_to_find, find_objects, is_near, show_found, square_in_view, tokens_near
from maskwright_views import (
    FRAME,
    active_area,
    choose_points,
    fewer_scale,
    input_size,
    resize_plane,
    rounded,
    stitch,
    stretched,
    views_of,
)
from PIL import Image, ImageOps

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)


def rgb_of(image):
    """8-bit RGB, uint8 [H, W, 3], turned as EXIF says; transparent pixels lie over white."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def resized(pixels, height, width):
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


class Version:
    """The version in a folder. Embeddings of the last image's views are kept for its next prompt."""

    def __init__(self, folder=Path(__file__).parent, providers=("CPUExecutionProvider",)):
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Threads that wait in a loop slow everything down on a busy machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")

        def session(name):
            return onnxruntime.InferenceSession(str(folder / name), options, providers=list(providers))

        self.encoder, self.decoder = session("encoder.onnx"), session("decoder.onnx")
        self.is_sam2 = self.config.get("family") == "sam2"
        self.refiner = session("refine.onnx") if self.config["refine"] else None
        finder = self.config["finder"]
        self.finder = session("find/finder.onnx") if finder else None
        self.near = session("find/near.onnx") if finder and finder["near"] else None
        self._kept = (None, {})

    def predict(self, image, box=None, points=()):
        """A mask, bool [H, W] of the image as EXIF turns it, and its IoU prediction, for one object."""
        pixels = rgb_of(image) if isinstance(image, Image.Image) else np.asarray(image, np.uint8)
        points = [tuple(point) for point in points]
        if box is None and not points:
            raise ValueError("a prompt has a box or a point")
        height, width = pixels.shape[:2]
        if box is not None and not (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height):
            raise ValueError(f"box {box} does not lie inside the image, {width} x {height}, or has no area")
        for x, y, label in points:
            if not (0 <= x <= width and 0 <= y <= height and label in (0, 1)):
                raise ValueError(f"point {(x, y, label)} does not lie inside the image, or its label is not 0 or 1")
        zoom = self.config["zoom"]
        # Clicks say where an object is, not how large: it is found in one view before it is cut into tiles.
        two_steps = zoom is not None and box is None and zoom["tiles"] > 1
        mask, score = self._answer(pixels, box, points, {**zoom, "tiles": 1} if two_steps else zoom, box)
        if not two_steps or not mask.any():
            return mask, score
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        found = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        return self._answer(pixels, found, points, zoom, None)

    def find(self, image, label=None, threshold=None, most=100, region=None, exclude=()):
        """The objects of an image that the version was taught, without prompts, the best first, and how many `most` left out.

        `label` is a name, all where it is None; `threshold` a label score, the version's own where it is None; `region` a
        box, and `exclude` boxes. Each object is a dict of label, label_score, score, mask (bool [H, W]), bbox and area.
        """
        pixels = rgb_of(image) if isinstance(image, Image.Image) else np.asarray(image, np.uint8)
        height, width = pixels.shape[:2]

        def look():
            tokens = self._tokens(self._embedding(pixels, (0, 0, width, height)))
            return self.finder.run(["finds"], {"image_embeddings": tokens})[0]

        def answer(box, zoom, refine, near):
            return self._answer(pixels, box, [], zoom, box, refine, near)

        asked = {"label": label, "threshold": threshold, "most": most, "region": region, "exclude": exclude}
        return find_objects(self.config, (height, width), asked, look, answer)

    def _answer(self, pixels, box, points, zoom, drawn, refine=True, near=None):
        size = pixels.shape[:2]
        rules = self.config["views"]
        window, views = views_of(box, points, size, zoom, rules)
        parts, scores = [], []
        small = near is not None and all(is_near(self._framed(region, own)[1], near) for region, own, _ in views)
        for region, own, inside in views:
            embedding = self._embedding(pixels, region)
            if small:
                logits, score = self._decode_near(embedding, region, own)
            else:
                logits, score = self._decode(embedding, region, own, inside)
            parts.append((region, logits))
            scores.append(score)
        logits = stitch(window, parts, rules)
        score = float(np.mean(scores)) if scores else 0.0
        if refine and self.refiner is not None and parts:
            logits = self._refined(logits, pixels, window, drawn)
            score = min(1.0, max(0.0, score + self.config["refine"]["score_shift"]))
        mask = np.zeros(size, bool)
        left, top, right, bottom = window
        mask[top:bottom, left:right] = logits > 0
        return mask, score

    def _embedding(self, pixels, region):
        key, kept = self._kept
        if key is not pixels and not (key is not None and np.array_equal(key, pixels)):
            kept = {}
        self._kept = (pixels, kept)
        if region not in kept:
            left, top, right, bottom = region
            view = np.ascontiguousarray(pixels[top:bottom, left:right])
            if self.is_sam2:
                small = stretched(view)
            else:
                small = resized(view, *input_size(*view.shape[:2])).astype(np.float32)
            if self.config["encoder_input"] == "normalised":
                frame = np.zeros((1, 3, FRAME, FRAME), np.float32)
                frame[0, :, : small.shape[0], : small.shape[1]] = ((small - MEAN) / STD).transpose(2, 0, 1)
                small = frame
            outputs = self.encoder.run(None, {self.encoder.get_inputs()[0].name: small})
            names = [one.name for one in self.encoder.get_outputs()] if self.is_sam2 else ["image_embeddings"]
            kept[region] = dict(zip(names, outputs))
        return kept[region]

    def _tokens(self, embedding):
        """The image tokens of a view, [1, 256, 64, 64]."""
        return embedding["image_embed" if self.is_sam2 else "image_embeddings"]

    def _framed(self, region, box):
        """What of the 1024 frame a view is, [h, w], and a box in its pixels."""
        height, width = region[3] - region[1], region[2] - region[0]
        inner = (FRAME, FRAME) if self.is_sam2 else input_size(height, width)
        return inner, np.array(box, np.float64) * np.tile([inner[1] / width, inner[0] / height], 2)

    def _decode_near(self, embedding, region, box):
        """A small box, from the image tokens near it."""
        inner, framed = self._framed(region, box)
        square, places, counts = tokens_near(framed, self.config["finder"]["near"])
        masks, scores = self.near.run(
            ["low_res_masks", "iou_predictions"],
            {
                "image_embeddings": self._tokens(embedding),
                "places": places,
                "log_counts": counts[None, None],
                "point_coords": framed.astype(np.float32).reshape(1, 2, 2),
                "point_labels": np.array([[2, 3]], np.float32),
            },
        )
        size = region[3] - region[1], region[2] - region[0]
        nothing = self.config["views"]["nothing"]
        return square_in_view(masks[0, 0], square, inner, size, nothing), float(scores[0, 0])

    def _decode(self, embedding, region, box, points):
        height, width = region[3] - region[1], region[2] - region[0]
        inner = (FRAME, FRAME) if self.is_sam2 else input_size(height, width)
        scale = np.array([inner[1] / width, inner[0] / height])
        coords = [(x, y) for x, y, _ in points]
        labels = [label for _, _, label in points]
        if box is not None:
            coords, labels = [*coords, box[:2], box[2:]], [*labels, 2, 3]
        coords = (np.array(coords, np.float64) * scale).astype(np.float32)
        # SAM 2's decoder adds the padding point by itself
        if box is None and not self.is_sam2:
            coords, labels = np.vstack([coords, [[0, 0]]]).astype(np.float32), [*labels, -1]
        masks, scores = self.decoder.run(
            ["masks", "iou_predictions"],
            {
                **embedding,
                "point_coords": coords[None],
                "point_labels": np.array([labels], np.float32),
                "mask_input": np.zeros((1, 1, 256, 256), np.float32),
                "has_mask_input": np.zeros(1, np.float32),
                **({} if self.is_sam2 else {"orig_im_size": np.array([height, width], np.float32)}),
            },
        )
        # SAM 2's are low-res logits, SAM's of the view's size already
        return resize_plane(masks[0, 0], height, width), float(scores[0, 0])

    def _refined(self, logits, pixels, window, box):
        """A window's logits refined by the image below them, on no more pixels than can change."""
        settings = self.config["refine"]
        left, top, right, bottom = window
        height, width = bottom - top, right - left
        scale = min(1, settings["most_side"] / max(height, width))
        h, w = max(1, rounded(height * scale)), max(1, rounded(width * scale))
        plane = resize_plane(logits, h, w)
        area = active_area(plane, settings)
        most = settings["most_pixels"]
        if area is not None and most is not None:
            scale = fewer_scale((area[2] - area[0]) * (area[3] - area[1]), most)
            if scale < 1:
                h, w = max(1, rounded(h * scale)), max(1, rounded(w * scale))
                plane = resize_plane(logits, h, w)
                area = active_area(plane, settings)
        if area is None:
            return logits
        x0, y0, x1, y1 = area
        guide = resized(np.ascontiguousarray(pixels[top:bottom, left:right]), h, w)
        given = np.zeros(4, np.float32)
        if box is not None:
            given = np.array(
                [
                    (box[0] - left) * w / width - x0,
                    (box[1] - top) * h / height - y0,
                    (box[2] - left) * w / width - x0,
                    (box[3] - top) * h / height - y0,
                ],
                np.float32,
            )
        feeds = {
            "logits": np.ascontiguousarray(plane[y0:y1, x0:x1], np.float32),
            "guide": np.ascontiguousarray(guide[y0:y1, x0:x1]),
            "box": given,
            "has_box": np.array([0 if box is None else 1], np.float32),
            "points": choose_points(plane[y0:y1, x0:x1], settings),
        }
        wanted = {one.name for one in self.refiner.get_inputs()}
        refined = self.refiner.run(["refined"], {name: value for name, value in feeds.items() if name in wanted})[0]
        out = plane.copy()
        out[y0:y1, x0:x1] = refined
        return resize_plane(out, height, width)


def main():
    parser = argparse.ArgumentParser(description="Answers one prompt with the version in this folder, or finds objects.")
    parser.add_argument("image")
    parser.add_argument("--box", nargs=4, type=float, action="append", default=[], metavar=("X0", "Y0", "X1", "Y1"))
    parser.add_argument("--point", nargs=3, type=float, action="append", default=[], metavar=("X", "Y", "LABEL"))
    parser.add_argument("--find", action="store_true", help="all objects that the version was taught")
    parser.add_argument("--label", help="the objects of one label")
    parser.add_argument("--threshold", type=float, help="a label score from which objects count")
    parser.add_argument(
        "--out",
        default="mask.png",
        help="a PNG of 0 and 255, or of the objects' numbers in 16 bits (default: %(default)s)",
    )
    args = parser.parse_args()
    try:
        if asks_to_find(args):
            image = rgb_of(Image.open(args.image))
            return show_found(*Version().find(image, args.label, args.threshold), image.shape[:2], args.out)
        box = tuple(args.box[0]) if args.box else None
        mask, score = Version().predict(Image.open(args.image), box, args.point)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    Image.fromarray(mask.astype(np.uint8) * 255).save(args.out)
    print(json.dumps({"score": round(score, 4), "area": int(mask.sum()), "out": args.out}))


if __name__ == "__main__":
    main()

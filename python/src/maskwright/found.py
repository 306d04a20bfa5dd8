"""Masks of an answer as arrays, and as other libraries take them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.masks import decode_rle
from maskwright.models import Prediction


@dataclass(frozen=True)
class Found:
    """The objects that one version sees on one image: n masks, in the order of the prompts."""

    #: Shape (n, height, width), bool.
    masks: NDArray[np.bool_]
    #: Shape (n, 4), float32: [x0, y0, x1, y1] in pixels.
    boxes: NDArray[np.float32]
    #: Shape (n,), float32: the decoder's IoU prediction.
    scores: NDArray[np.float32]
    #: What each object is; None where nobody knows.
    labels: list[str | None]
    #: `base`, or the version's number.
    version: int | str
    #: The answer as it came.
    answer: Prediction = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def as_supervision(self) -> dict[str, Any]:
        """Arguments of `supervision.Detections`; classes are numbered in the order of their names."""
        names = [label or "object" for label in self.labels]
        numbers = {name: at for at, name in enumerate(sorted(set(names)))}
        return {
            "xyxy": self.boxes,
            "mask": self.masks,
            "confidence": self.scores,
            "class_id": np.array([numbers[name] for name in names], dtype=int),
            "data": {"class_name": np.array(names, dtype=str)},
        }

    def as_fiftyone(self) -> list[dict[str, Any]]:
        """Arguments of `fiftyone.Detection`, one dict an object: boxes are shares of the image, masks are of the box."""
        found = []
        _, height, width = self.masks.shape
        for mask, label, score in zip(self.masks, self.labels, self.scores, strict=True):
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            if rows.size == 0:
                continue
            top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
            found.append(
                {
                    "label": label or "object",
                    "bounding_box": [float(side) for side in box],
                    "mask": mask[top:bottom, left:right],
                    "confidence": float(score),
                }
            )
        return found


def found_of(answer: Prediction) -> list[Found]:
    """What each version of an answer sees."""
    height, width = answer["image"]["height"], answer["image"]["width"]
    return [_found_by(answer, number, (height, width)) for number in range(len(answer["results"]))]


def _found_by(answer: Prediction, number: int, size: tuple[int, int]) -> Found:
    result = answer["results"][number]
    groups = [*result["predictions"], *([result["found"]] if "found" in result else [])]
    masks = [mask for group in groups for mask in group["masks"]]
    pixels = [decode_rle(mask["size"], mask["counts"]) for mask in masks if mask["format"] == "rle"]
    return Found(
        masks=np.stack(pixels) if pixels else np.zeros((0, *size), dtype=bool),
        boxes=np.array([mask["bbox"] for mask in masks], dtype=np.float32).reshape(-1, 4),
        scores=np.array([mask["score"] for mask in masks], dtype=np.float32),
        labels=[mask.get("label") for mask in masks],
        version=result["version"],
        answer=answer,
    )

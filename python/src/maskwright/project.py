"""What is done in one project: upload, annotate, fine-tune, predict, export."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from maskwright import models
from maskwright.errors import MaskwrightError
from maskwright.found import Found, found_of
from maskwright.images import ImageLike, body_of, bytes_of, name_of
from maskwright.masks import encode_rle

if TYPE_CHECKING:
    from maskwright.client import Client

#: What a fine-tune may end as.
ENDED = ("succeeded", "failed", "cancelled")
#: Called whenever a fine-tune has told something new.
Watcher = Callable[[models.FineTune], None]
#: `base`, `active`, or a version's number.
VersionName = Literal["base", "active"] | int


class Project:
    """A project of a client, by its id."""

    def __init__(self, client: Client, project_id: str) -> None:
        self.client = client
        self.id = project_id
        self._path = f"/v1/projects/{project_id}"

    def __repr__(self) -> str:
        return f"Project({self.id!r})"

    def upload(self, image: ImageLike, *, name: str | None = None, group: str | None = None) -> models.Image:
        """Stores an image; the same bytes again are the same image. Images of one group stay on one side of a split."""
        params = {"file_name": name or name_of(image), "group": group}
        stored: models.Image = self.client.call(
            "POST", f"{self._path}/images", content=bytes_of(image), params=params
        )
        return stored

    def images(self) -> Iterator[models.Image]:
        yield from self.client.rows(f"{self._path}/images")

    def add_mask(
        self, image: models.Image | str, mask: ArrayLike, *, label: str | None = None
    ) -> models.Annotation:
        """The true mask of one object: shape (height, width) as the image is seen, foreground where it is not 0."""
        body: dict[str, Any] = {"image_id": image if isinstance(image, str) else image["id"]}
        body["mask"] = encode_rle(np.asarray(mask))
        if label is not None:
            body["label"] = label
        made: models.Annotation = self.client.call("POST", f"{self._path}/annotations", json=body)
        return made

    def fine_tune(
        self,
        *,
        progress: bool | Watcher = True,
        base_version: int | None = None,
        seed: int | None = None,
        **hyperparameters: Any,
    ) -> models.Version:
        """
        Starts a fine-tune and waits for its version. `progress` prints a line, or is called with the job as it goes.
        `hyperparameters` are the API's: `budget_seconds`, `epochs`, `serving` ... Raises MaskwrightError where none came of it.
        """
        asked = {"base_version": base_version, "seed": seed, "hyperparameters": hyperparameters or None}
        body = {name: value for name, value in asked.items() if value is not None}
        job: models.FineTune = self.client.call("POST", f"{self._path}/fine-tunes", json=body)
        watch = progress if callable(progress) else _Line() if progress else None
        while job["status"] not in ENDED:
            if watch:
                watch(job)
            time.sleep(1)
            job = self.client.call("GET", f"{self._path}/fine-tunes/{job['id']}")
        if watch:
            watch(job)
        if job["version"] is None:
            raise MaskwrightError(200, dict(job["error"] or {"code": f"fine_tune_{job['status']}"}))
        return self.version(job["version"])

    def version(self, number: int) -> models.Version:
        found: models.Version = self.client.call("GET", f"{self._path}/versions/{number}")
        return found

    def predict(
        self,
        image: ImageLike,
        *,
        boxes: Sequence[Sequence[float]] = (),
        points: Sequence[Sequence[float]] = (),
        labels: Sequence[str] = (),
        find: bool = False,
        version: VersionName = "active",
    ) -> Found:
        """
        Masks of objects: one a box ([x0, y0, x1, y1]), one of all `points` together ([x, y, 1 or 0]), those of every label
        that the version was taught by name, and with `find` those of all labels. Pixels of the image as it is seen.
        """
        prompts: list[dict[str, Any]] = [{"box": [float(side) for side in box]} for box in boxes]
        if len(points) > 0:
            prompts.append({"points": [[float(value) for value in point] for point in points]})
        prompts += [{"label": label} for label in labels]
        body = {"image": body_of(image), "prompts": prompts, "find": find, "version": version, "format": "rle"}
        answer: models.Prediction = self.client.call("POST", f"{self._path}/predict", json=body)
        return found_of(answer)[0]

    def export(
        self,
        version: models.Version | VersionName,
        to: str | os.PathLike[str],
        *,
        format: str = "safetensors",
        **query: Any,
    ) -> Path:
        """Writes a version as a file that others run: docs/exports.md has the formats and what they take."""
        number = version["number"] if isinstance(version, dict) else version
        path = f"{self._path}/versions/{number}/export"
        return self.client.download(path, to, format=format, **query)


class _Line:
    """Progress in one line; what has not changed isn't written again, since a notebook keeps all that it is told."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, job: models.FineTune) -> None:
        told = job["progress"]
        ended = job["status"] in ENDED
        text: str = job["status"]
        if told and not ended:
            left = told["eta_seconds"]
            time_left = "" if left is None else f", about {max(1, round(left / 60))} min left"
            text = f"{told['phase']}: {told['done']} of {told['total']}{time_left}"
        if text == self._last:
            return
        self._last = text
        print(f"\r{text:<60}", end="\n" if ended else "", file=sys.stderr, flush=True)

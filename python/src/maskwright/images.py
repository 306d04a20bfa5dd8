"""What may be given as an image."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from maskwright import models

#: An image of the project, its id (`img_…`), a file's path or bytes, or an array of shape (height, width, 3), uint8.
ImageLike: TypeAlias = "models.Image | str | os.PathLike[str] | bytes | NDArray[np.uint8]"


def bytes_of(image: ImageLike) -> bytes:
    """A file's bytes; an array as a PNG, which wants Pillow."""
    if isinstance(image, bytes):
        return image
    if isinstance(image, np.ndarray):
        from PIL import Image

        out = io.BytesIO()
        Image.fromarray(image).save(out, "PNG")
        return out.getvalue()
    return Path(cast("str | os.PathLike[str]", image)).read_bytes()


def name_of(image: ImageLike) -> str | None:
    """What a file is called."""
    return Path(image).name if isinstance(image, (str, os.PathLike)) else None


def body_of(image: ImageLike) -> dict[str, Any]:
    """An image as predict takes it."""
    if isinstance(image, dict):
        return {"id": image["id"]}
    if isinstance(image, str) and image.startswith("img_"):
        return {"id": image}
    return {"base64": base64.b64encode(bytes_of(image)).decode()}

"""Masks as COCO's compressed run lengths. Source: cocoapi, common/maskApi.c (rleToString, rleFrString)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.models import AnnotationMaskRle


def encode_rle(mask: NDArray[Any]) -> AnnotationMaskRle:
    """A mask of shape (height, width), foreground where it is not 0, as the API takes it."""
    if mask.ndim != 2:
        raise ValueError(f"a mask has the shape (height, width), not {mask.shape}")
    height, width = mask.shape
    values = (np.asarray(mask) != 0).ravel(order="F")
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    ends = np.concatenate([[0], changes, [values.size]])
    runs: list[int] = np.diff(ends).tolist()
    # The first run is of background.
    if values.size > 0 and values[0]:
        runs.insert(0, 0)
    return {"format": "rle", "size": [height, width], "counts": _text_of(runs)}


def decode_rle(size: Sequence[int], counts: str) -> NDArray[np.bool_]:
    """The mask of shape (height, width), bool. `size` is [height, width]."""
    height, width = size
    runs = np.array(_runs_of(counts), dtype=np.int64)
    if runs.sum() != height * width:
        raise ValueError(f"the runs cover {runs.sum()} of {height * width} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((height, width), order="F")


def _text_of(runs: list[int]) -> str:
    out: list[str] = []
    for at, run in enumerate(runs):
        # From the third on a run is told by how it differs from the one before last.
        rest = run - runs[at - 2] if at > 2 else run
        more = True
        while more:
            low = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if low & 0x10 else 0)
            out.append(chr((low | 0x20 if more else low) + 48))
    return "".join(out)


def _runs_of(text: str) -> list[int]:
    runs: list[int] = []
    at = 0
    while at < len(text):
        value, shift = 0, 0
        more = True
        while more:
            code = ord(text[at]) - 48
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            at += 1
            shift += 5
            if not more and code & 0x10:
                value |= -1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs

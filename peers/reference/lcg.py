"""Numbers that Python and test/helpers/lcg.ts make alike, so that references need no committed inputs."""

import numpy as np


def lcg_bytes(count: int, seed: int) -> np.ndarray:
    """The top byte of each state of a linear congruential generator (Numerical Recipes), uint8 [count]."""
    out = np.empty(count, np.uint8)
    state = seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = state >> 24
    return out

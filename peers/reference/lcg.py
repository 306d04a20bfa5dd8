"""Numbers that Python and test/helpers/lcg.ts make alike, so that references need no committed inputs."""

import numpy as np

# What so many steps do to a state, one to `len(_times)` of them: it is multiplied, and something is added.
_times, _plus = np.array([1664525], np.uint32), np.array([1013904223], np.uint32)


def lcg_bytes(count: int, seed: int) -> np.ndarray:
    """The top byte of each state of a linear congruential generator (Numerical Recipes), uint8 [count]."""
    global _times, _plus
    while len(_times) < count:
        _times, _plus = np.concatenate([_times, _times * _times[-1]]), np.concatenate([_plus, _times * _plus[-1] + _plus])
    return ((_times[:count] * np.uint32(seed) + _plus[:count]) >> 24).astype(np.uint8)

"""Weights of an image encoder that test/helpers/tiny-encoder.ts makes alike, so that none are committed."""

import torch
from lcg import lcg_bytes


def made_up(shape, seed, scale, centre=0.0):
    """`centre` and up to `scale` away from it."""
    values = torch.from_numpy(lcg_bytes(int(torch.tensor(shape).prod()), seed).astype("float32"))
    return (centre + (values - 127.5) / 127.5 * scale).reshape(shape)


def weight(name, shape, seed):
    """Norms scale by about one, variances are about one; every product keeps its input's size."""
    if len(shape) == 1:
        return made_up(shape, seed, 0.3, 1.0 if name.endswith(("weight", "running_var")) else 0.0)
    if "pos" in name:
        return made_up(shape, seed, 0.5)
    # A RepViT's branches are added with no norm after them, and would grow from block to block
    gain = 0.5 if any(part in name for part in (".token_mixer.", ".channel_mixer.", ".ffn.")) else 1.7
    return made_up(shape, seed, gain / float(torch.tensor(shape[1:]).prod()) ** 0.5)

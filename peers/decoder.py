"""The decoder of peers/reference made as fast as an expert would leave it, for what trains with it.

Attention is PyTorch's fused one, the image's positional encoding is computed once, and of the four masks only the first
is computed, which is the one that is trained and scored. Weights are a dict of tensors by Meta's names.
"""

import json
import pathlib
import struct
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parent / "reference"))
import sam_reference as sam  # noqa: E402


def load(path):
    """The float32 tensors of a safetensors file."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    body = bytearray(data[8 + size :])
    return {
        name: torch.frombuffer(body[a:b], dtype=torch.float32).reshape(entry["shape"]).clone()
        for name, entry in header.items()
        for a, b in [entry["data_offsets"]]
    }


def fused_attention(w, name, q, k, v, heads=8):
    q, k, v = (
        sam.linear(w, f"{name}.{p}_proj", x).unflatten(-1, (heads, -1)).transpose(1, 2)
        for p, x in zip("qkv", (q, k, v))
    )
    return sam.linear(w, f"{name}.out_proj", F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def only_first_mask(w, name, x, original=sam.mlp):
    """The hypernetworks of masks 1 to 3 and the IoU head take no part in the loss: they are not computed."""
    if "iou" in name or name[-1] in "123":
        return torch.zeros(x.shape[0], 32)
    return original(w, name, x)


def use(weights):
    """Makes `sam.decode` the fast one. Positions are frozen, so they are those of any weights trained from these."""
    positions = sam.image_positions(weights)
    sam.image_positions = lambda w: positions
    sam.attention = fused_attention
    sam.mlp = only_first_mask

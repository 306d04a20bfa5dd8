"""Writes test/model/reference/image-encoder.json: SAM's image encoder in PyTorch, small and with made-up weights.

A plain reading of segment-anything modeling/image_encoder.py: windows by padding and views, scores first, relative
positions added to them by einsum. Nothing is rearranged for speed, so that it can judge our own.

Run: python peers/reference/image_encoder.py   (needs numpy, torch)
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from made_up import made_up, weight

out = Path(__file__).parents[2] / "test/model/reference/image-encoder.json"
depth, width, heads, window, grid = 2, 32, 2, 14, 20
global_blocks = [1]


def shapes():
    e = "image_encoder"
    yield f"{e}.pos_embed", (1, grid, grid, width)
    yield f"{e}.patch_embed.proj.weight", (width, 3, 16, 16)
    yield f"{e}.patch_embed.proj.bias", (width,)
    for i in range(depth):
        b, side = f"{e}.blocks.{i}", grid if i in global_blocks else window
        for name, shape in [("norm1.weight", (width,)), ("norm1.bias", (width,))]:
            yield f"{b}.{name}", shape
        for name in ["rel_pos_h", "rel_pos_w"]:
            yield f"{b}.attn.{name}", (2 * side - 1, width // heads)
        for name, rows, columns in [("attn.qkv", 3 * width, width), ("attn.proj", width, width)]:
            yield f"{b}.{name}.weight", (rows, columns)
            yield f"{b}.{name}.bias", (rows,)
        for name, shape in [("norm2.weight", (width,)), ("norm2.bias", (width,))]:
            yield f"{b}.{name}", shape
        for name, rows, columns in [("mlp.lin1", 4 * width, width), ("mlp.lin2", width, 4 * width)]:
            yield f"{b}.{name}.weight", (rows, columns)
            yield f"{b}.{name}.bias", (rows,)
    yield f"{e}.neck.0.weight", (256, width, 1, 1)
    yield f"{e}.neck.1.weight", (256,)
    yield f"{e}.neck.1.bias", (256,)
    yield f"{e}.neck.2.weight", (256, 256, 3, 3)
    yield f"{e}.neck.3.weight", (256,)
    yield f"{e}.neck.3.bias", (256,)


w = {name: weight(name, shape, seed) for seed, (name, shape) in enumerate(shapes(), 1)}


def norm(name, x, eps=1e-6):
    return F.layer_norm(x, (x.shape[-1],), w[f"{name}.weight"], w[f"{name}.bias"], eps)


def linear(name, x):
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def attention(name, x):
    n, side, _, c = x.shape
    q, k, v = linear(f"{name}.qkv", x).reshape(n, side * side, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-1, -2) * (c // heads) ** -0.5
    distance = torch.arange(side)[:, None] - torch.arange(side)[None, :] + side - 1
    plane = q.reshape(n, heads, side, side, c // heads)
    down = torch.einsum("nhyxc,yvc->nhyxv", plane, w[f"{name}.rel_pos_h"][distance])
    across = torch.einsum("nhyxc,xuc->nhyxu", plane, w[f"{name}.rel_pos_w"][distance])
    scores = scores.view(n, heads, side, side, side, side) + down[..., :, None] + across[..., None, :]
    mixed = scores.view(n, heads, side * side, side * side).softmax(-1) @ v
    return linear(f"{name}.proj", mixed.transpose(1, 2).reshape(n, side, side, c))


def windows(name, x):
    missing = -grid % window
    padded = F.pad(x, (0, 0, 0, missing, 0, missing))
    count = padded.shape[1] // window
    cut = padded.view(count, window, count, window, width).transpose(1, 2).reshape(-1, window, window, width)
    back = attention(name, cut).view(count, count, window, window, width).transpose(1, 2)
    return back.reshape(1, count * window, count * window, width)[:, :grid, :grid]


pixels = made_up((1, 3, 16 * grid, 16 * grid), 1000, 2.0)
x = F.conv2d(pixels, w["image_encoder.patch_embed.proj.weight"], w["image_encoder.patch_embed.proj.bias"], stride=16)
x = x.permute(0, 2, 3, 1) + w["image_encoder.pos_embed"]
for i in range(depth):
    b = f"image_encoder.blocks.{i}"
    x = x + (attention if i in global_blocks else windows)(f"{b}.attn", norm(f"{b}.norm1", x))
    x = x + linear(f"{b}.mlp.lin2", F.gelu(linear(f"{b}.mlp.lin1", norm(f"{b}.norm2", x))))
n = "image_encoder.neck"
x = norm(f"{n}.1", F.conv2d(x.permute(0, 3, 1, 2), w[f"{n}.0.weight"]).permute(0, 2, 3, 1))
x = norm(f"{n}.3", F.conv2d(x.permute(0, 3, 1, 2), w[f"{n}.2.weight"], padding=1).permute(0, 2, 3, 1))
embedding = x.permute(0, 3, 1, 2).reshape(-1)

at = list(range(0, embedding.numel(), 397))
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(
    json.dumps(
        dict(
            made_by=f"torch {torch.__version__}",
            architecture=dict(depth=depth, width=width, heads=heads, globalBlocks=global_blocks, window=window, grid=grid),
            largest=round(float(embedding.abs().max()), 6),
            at=at,
            values=[round(float(v), 6) for v in embedding[at]],
        )
    )
    + "\n"
)

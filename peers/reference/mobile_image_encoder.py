"""Writes test/model/reference/mobile-image-encoder.json: MobileSAM's image encoder in PyTorch, with made-up weights.

A plain reading of MobileSAM modeling/tiny_vit_sam.py: BatchNorm2d after each convolution as it is served, windows by
padding and views, scores first, biases added to them. Nothing is folded or rearranged, so that it can judge our own.
The weights are those of the whole encoder; the image is smaller than SAM's, which costs less and pads more windows.

Run: python peers/reference/mobile_image_encoder.py   (needs numpy, torch)
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from made_up import made_up, weight

out = Path(__file__).parents[2] / "test/model/reference/mobile-image-encoder.json"
widths, depths, heads, windows, grid = [64, 128, 160, 320], [2, 2, 6, 2], [2, 4, 5, 10], [7, 7, 14, 7], 16
e = "image_encoder"


def shapes():
    """MobileSAM's names, in the order of src/checkpoint/tiny-vit-layout.ts."""

    def pair(name, *shape):
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]

    def conv(name, *shape):
        yield f"{name}.c.weight", shape
        yield from pair(f"{name}.bn", shape[0])
        yield f"{name}.bn.running_mean", shape[:1]
        yield f"{name}.bn.running_var", shape[:1]

    def three(name, before, middle, after):
        yield from conv(f"{name}.conv1", middle, before, 1, 1)
        yield from conv(f"{name}.conv2", middle, 1, 3, 3)
        yield from conv(f"{name}.conv3", after, middle, 1, 1)

    yield from conv(f"{e}.patch_embed.seq.0", widths[0] // 2, 3, 3, 3)
    yield from conv(f"{e}.patch_embed.seq.2", widths[0], widths[0] // 2, 3, 3)
    for stage, width in enumerate(widths):
        for i in range(depths[stage]):
            b = f"{e}.layers.{stage}.blocks.{i}"
            if stage == 0:
                yield from three(b, width, 4 * width, width)
                continue
            yield f"{b}.attn.attention_biases", (heads[stage], windows[stage] ** 2)
            yield from pair(f"{b}.attn.norm", width)
            yield from pair(f"{b}.attn.qkv", 3 * width, width)
            yield from pair(f"{b}.attn.proj", width, width)
            yield from pair(f"{b}.mlp.norm", width)
            yield from pair(f"{b}.mlp.fc1", 4 * width, width)
            yield from pair(f"{b}.mlp.fc2", width, 4 * width)
            yield from conv(f"{b}.local_conv", width, 1, 3, 3)
        if stage < 3:
            yield from three(f"{e}.layers.{stage}.downsample", width, widths[stage + 1], widths[stage + 1])
    yield f"{e}.neck.0.weight", (256, widths[3], 1, 1)
    yield from pair(f"{e}.neck.1", 256)
    yield f"{e}.neck.2.weight", (256, 256, 3, 3)
    yield from pair(f"{e}.neck.3", 256)


w = {name: weight(name, shape, seed) for seed, (name, shape) in enumerate(shapes(), 1)}


def norm(name, x, eps=1e-5):
    return F.layer_norm(x, (x.shape[-1],), w[f"{name}.weight"], w[f"{name}.bias"], eps)


def linear(name, x):
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def conv(name, x, stride=1, groups=1):
    kernel = w[f"{name}.c.weight"]
    y = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)
    mean, variance = w[f"{name}.bn.running_mean"], w[f"{name}.bn.running_var"]
    return F.batch_norm(y, mean, variance, w[f"{name}.bn.weight"], w[f"{name}.bn.bias"])


def three(name, x, stride=1):
    x = F.gelu(conv(f"{name}.conv1", x))
    x = F.gelu(conv(f"{name}.conv2", x, stride, groups=x.shape[1]))
    return conv(f"{name}.conv3", x)


def attention(name, x, stage, side):
    n, count, c = x.shape
    each = c // heads[stage]
    qkv = linear(f"{name}.qkv", norm(f"{name}.norm", x)).view(n, count, heads[stage], 3 * each)
    q, k, v = (part.transpose(1, 2) for part in qkv.split(each, dim=3))
    rows, columns = torch.arange(count) // side, torch.arange(count) % side
    distance = (rows[:, None] - rows[None]).abs() * side + (columns[:, None] - columns[None]).abs()
    scores = q @ k.transpose(-1, -2) * each**-0.5 + w[f"{name}.attention_biases"][:, distance]
    return linear(f"{name}.proj", (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, count, c))


def block(b, x, stage):
    _, c, side, _ = x.shape
    window = windows[stage]
    tokens = x.permute(0, 2, 3, 1)
    missing = -side % window
    padded = F.pad(tokens, (0, 0, 0, missing, 0, missing))
    count = padded.shape[1] // window
    cut = padded.view(count, window, count, window, c).transpose(1, 2).reshape(-1, window * window, c)
    back = attention(f"{b}.attn", cut, stage, window).view(count, count, window, window, c).transpose(1, 2)
    tokens = tokens + back.reshape(1, count * window, count * window, c)[:, :side, :side]
    tokens = conv(f"{b}.local_conv", tokens.permute(0, 3, 1, 2), groups=c).permute(0, 2, 3, 1)
    hidden = F.gelu(linear(f"{b}.mlp.fc1", norm(f"{b}.mlp.norm", tokens)))
    return (tokens + linear(f"{b}.mlp.fc2", hidden)).permute(0, 3, 1, 2)


pixels = made_up((1, 3, 16 * grid, 16 * grid), 1000, 2.0)
x = conv(f"{e}.patch_embed.seq.2", F.gelu(conv(f"{e}.patch_embed.seq.0", pixels, 2)), 2)
for stage in range(4):
    if stage > 0:
        x = three(f"{e}.layers.{stage - 1}.downsample", x, 1 if widths[stage] == 320 else 2)
    for i in range(depths[stage]):
        b = f"{e}.layers.{stage}.blocks.{i}"
        x = F.gelu(x + three(b, x)) if stage == 0 else block(b, x, stage)
n = f"{e}.neck"
x = norm(f"{n}.1", F.conv2d(x, w[f"{n}.0.weight"]).permute(0, 2, 3, 1), 1e-6)
x = norm(f"{n}.3", F.conv2d(x.permute(0, 3, 1, 2), w[f"{n}.2.weight"], padding=1).permute(0, 2, 3, 1), 1e-6)
embedding = x.permute(0, 3, 1, 2).reshape(-1)

at = list(range(0, embedding.numel(), 241))
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(
    json.dumps(
        dict(
            made_by=f"torch {torch.__version__}",
            architecture=dict(widths=widths, depths=depths, heads=heads, windows=windows, grid=grid),
            largest=round(float(embedding.abs().max()), 6),
            at=at,
            values=[round(float(v), 6) for v in embedding[at]],
        )
    )
    + "\n"
)
if __name__ == "__main__":
    print(len(w), sum(t.numel() for t in w.values()), float(embedding.abs().max()), float(embedding.std()))

"""PyTorch's optimizer step, for `npm run bench -- train`: the same step as ours, on cached embeddings.

    python bench/peers/train_step.py WEIGHTS.safetensors THREADS

Reads batch sizes from stdin, one a line; for each it makes one step (forward, Dice + BCE, backward, clip, AdamW) and
prints the milliseconds that it took and the loss, as one line of JSON. The first line it prints names the version.
The decoder is the plain one of scripts/reference, whose attention is exchanged for PyTorch's fused one
(scaled_dot_product_attention), and which computes only the mask that is trained, as ours does.
"""

import json
import pathlib
import struct
import sys
import time

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts/reference"))
import sam_reference as sam  # noqa: E402


def load(path):
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


def attention(w, name, q, k, v, heads=8):
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


weights = load(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))
positions = sam.image_positions(weights)
sam.image_positions = lambda w: positions
sam.attention = attention
sam.mlp = only_first_mask
sparse_of = sam.embed_points
dense = weights["prompt_encoder.no_mask_embed.weight"]
trained = {name: w.requires_grad_() for name, w in weights.items() if name.startswith("mask_decoder.")}
optimizer = torch.optim.AdamW(trained.values(), lr=1e-4, weight_decay=0.01)

torch.manual_seed(0)
samples = 8
embeddings = torch.randn(samples, 4096, 256) * 0.1
coords = torch.tensor([[200.0, 260.0], [700.0, 640.0]]).expand(samples, 2, 2)
labels = torch.tensor([[2.0, 3.0]]).expand(samples, 2)
targets = torch.zeros(samples, 256, 256)
targets[:, 65:160, 50:175] = 1


def step(batch):
    with torch.no_grad():
        sparse = sparse_of(weights, coords[:batch], labels[:batch])
    logits, _ = sam.decode(weights, embeddings[:batch], sparse, dense)
    loss = sam.dice_bce(logits[:, 0], targets[:batch])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
    optimizer.step()
    return loss.item()


print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    loss = step(int(line))
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000, "loss": loss}), flush=True)

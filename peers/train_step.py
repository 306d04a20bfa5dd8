"""PyTorch's optimizer step, for `npm run bench -- train`: the same step as ours, on cached embeddings.

    python peers/train_step.py WEIGHTS.safetensors THREADS

Reads batch sizes from stdin, one a line; for each it makes one step (forward, Dice + BCE, backward, clip, AdamW) and
prints the milliseconds that it took and the loss, as one line of JSON. The first line it prints names the version.
The decoder is that of peers/decoder.py: PyTorch's fused attention, and only the mask that is trained, as ours.
"""

import json
import sys
import time

import torch

from decoder import load, sam, use

weights = load(sys.argv[1])
torch.set_num_threads(int(sys.argv[2]))
use(weights)
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


print(json.dumps({"name": f"PyTorch {torch.__version__}"}), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    loss = step(int(line))
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000, "loss": loss}), flush=True)

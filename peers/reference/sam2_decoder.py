"""Writes test/parity/reference/sam2-decoder.json: what transformers' Sam2Model makes of prompts, and gradients.

    node tools/reference/export-sam2-weights.ts /tmp/sam2.safetensors
    python peers/reference/sam2_decoder.py /tmp/sam2.safetensors

Embeddings are formulas in float64, rounded to float32 (test/worlds/sam2-decoder.ts has them too). Needs torch,
transformers, numpy, safetensors.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from transformers import Sam2Config, Sam2Model

from sam_reference import dice_bce

SAMPLES = 16


def features(b, channels, side):
    """[channels, side, side]: a disc on a ground, each channel with its own levels, and a slow wave."""
    c = np.arange(channels)[:, None, None]
    y, x = (np.arange(side) / (side / 64))[None, :, None], (np.arange(side) / (side / 64))[None, None, :]
    disc = (x - 24 - 8 * b) ** 2 + (y - 28) ** 2 < 15**2
    levels = np.where(disc, np.sin(12.9898 * c + b), np.sin(78.233 * c + 1))
    wave = np.sin(0.13 * x + 0.29 * c) * np.cos(0.11 * y + 0.17 * c)
    scale = 1 if side == 64 else 0.2
    return torch.from_numpy((scale * (0.1 * levels + 0.05 * wave)).astype(np.float32))[None]


def target(b):
    y, x = np.arange(256)[:, None], np.arange(256)[None, :]
    return ((x - 96 - 32 * b) ** 2 + (y - 112) ** 2 < 60**2).astype(np.float32)


def picks(values):
    flat = values.detach().flatten().double()
    at = [(i * (flat.numel() - 1)) // (SAMPLES - 1) for i in range(SAMPLES)]
    return {"norm": float(f"{flat.norm():.9g}"), "picks": [float(f"{flat[i]:.9g}") for i in at]}


def runs(mask):
    """Lengths of equal values, row by row, the first of background."""
    flat = np.concatenate([[0], mask.flatten().astype(np.int8), [2]])
    ends = np.flatnonzero(np.diff(flat))
    lengths = np.diff(np.concatenate([[0], ends])).tolist()
    return lengths


model = Sam2Model(Sam2Config())
weights = load_file(sys.argv[1])
missing, unexpected = model.load_state_dict(weights, strict=False)
assert not unexpected, unexpected
left = [name for name in missing if not name.startswith("vision_encoder.") and "conv_s" not in name]
assert left == ["no_memory_embedding", "shared_image_embedding.positional_embedding"], left
model.shared_image_embedding.positional_embedding.copy_(weights["prompt_encoder.shared_embedding.positional_embedding"])

embeddings = [[features(b, 32, 256), features(b, 64, 128), features(b, 256, 64)] for b in range(2)]
boxes = [[150, 210, 630, 690], [280, 210, 760, 690]]
prompts = [
    {"embedding": 0, "box": boxes[0]},
    {"embedding": 1, "box": boxes[1], "points": [[520, 450, 1], [900, 900, 0]]},
    {"embedding": 0, "points": [[390, 450, 1]]},
    {"embedding": 1, "points": [[470, 400, 1]], "mask": True},
]


def inputs(prompt):
    points, given = prompt.get("points"), {"image_embeddings": embeddings[prompt["embedding"]]}
    if points:
        given["input_points"] = torch.tensor([[[point[:2] for point in points]]], dtype=torch.float32)
        given["input_labels"] = torch.tensor([[[point[2] for point in points]]])
    if "box" in prompt:
        given["input_boxes"] = torch.tensor([[prompt["box"]]], dtype=torch.float32)
    if "mask" in prompt:
        given["input_masks"] = torch.from_numpy(8 * (2 * target(prompt["embedding"]) - 1))[None, None]
    return given


def answered(prompt):
    with torch.no_grad():
        model.train()
        first = model(**inputs(prompt), multimask_output=False)
        model.eval()
        three = model(**inputs(prompt), multimask_output=True)
        single = model(**inputs(prompt), multimask_output=False)
    logits = torch.cat([first.pred_masks, three.pred_masks], 2)[0, 0]
    chosen = [i for i in range(4) if torch.equal(logits[i], single.pred_masks[0, 0, 0])]
    return {
        **prompt,
        "logits": [picks(mask) for mask in logits],
        "runs": [runs((mask > 0).numpy()) for mask in logits],
        "iou": torch.cat([first.iou_scores, three.iou_scores], 2).flatten().tolist(),
        "object_score": three.object_score_logits.item(),
        "single": chosen[0],
    }


answers = [answered(prompt) for prompt in prompts]
model.train()
boxed = model(**inputs({"embedding": 1, "box": boxes[1]}), multimask_output=False)
loss = dice_bce(boxed.pred_masks[0, 0], torch.from_numpy(target(1))[None])
loss.backward()
gradients = {
    name: picks(parameter.grad)
    for name, parameter in sorted(model.named_parameters())
    if name.startswith("mask_decoder.") and parameter.grad is not None
}
result = {
    "made_by": f"peers/reference/sam2_decoder.py, torch {torch.__version__}, transformers {transformers.__version__}",
    "answers": answers,
    "loss": loss.item(),
    "gradients": gradients,
}
path = pathlib.Path(__file__).parents[2] / "test/parity/reference/sam2-decoder.json"
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
for answer in answers:
    print(answer["single"], answer["iou"], answer["object_score"], [len(one) for one in answer["runs"]])
print(f"{path.name}: loss {loss.item():.6f}, {len(gradients)} gradients")

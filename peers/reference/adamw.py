"""Writes test/training/engine/reference/adamw.json: four steps of torch.optim.AdamW after clip_grad_norm_.

Run: python peers/reference/adamw.py   (needs torch, numpy)
"""

import json
from pathlib import Path

import torch

out = Path(__file__).parents[2] / "test/training/engine/reference/adamw.json"
torch.manual_seed(3)
weights = {"a": torch.randn(2, 3).requires_grad_(), "b": (torch.randn(4) * 0.1).requires_grad_()}
start = {name: w.tolist() for name, w in weights.items()}
optimizer = torch.optim.AdamW(weights.values(), lr=1.0, weight_decay=0.05)
steps = []
for rate, scale in [(1e-2, 3.0), (3e-2, 0.05), (2e-2, 1e-4), (1e-2, 30.0)]:
    gradients = {name: torch.randn_like(w) * scale for name, w in weights.items()}
    for name, w in weights.items():
        w.grad = gradients[name].clone()
    norm = torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
    optimizer.param_groups[0]["lr"] = rate
    optimizer.step()
    steps.append(
        dict(
            learning_rate=rate,
            gradients={name: g.tolist() for name, g in gradients.items()},
            norm=norm.item(),
            weights={name: w.tolist() for name, w in weights.items()},
        )
    )
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(json.dumps(dict(weight_decay=0.05, clip_norm=1.0, start=start, steps=steps)) + "\n")

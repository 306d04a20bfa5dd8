"""Writes test/checkpoint/fixtures/training-checkpoint.pth: a training checkpoint as scripts save one, with next to no
weights. Beside the model lie arguments, paths, numpy's scalars, an optimizer and its scheduler as objects, and generators'
states.

    python peers/reference/training_checkpoint.py test/checkpoint/fixtures/training-checkpoint.pth
"""

import argparse
import collections
import datetime
import pathlib
import random
import sys

import numpy as np
import torch

PREFIX = "module._orig_mod.mask_decoder"
model = collections.OrderedDict(
    [
        (f"{PREFIX}.iou_token.weight", torch.arange(4.0).reshape(1, 4)),
        (f"{PREFIX}.mask_tokens.weight", torch.nn.Parameter(torch.tensor([[1, -2], [0.5, 4]]))),
        (f"{PREFIX}.counter", torch.tensor(3)),
    ]
)
model[f"{PREFIX}.mask_tokens.weight"].lr_mult = 0.1
optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], lr=1e-4)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
torch.save(
    {
        "epoch": 3,
        "loss": torch.tensor(0.25),
        "best_iou": np.float64(0.91),
        "history": np.array([0.5, 0.25]),
        "args": argparse.Namespace(lr=1e-4, out=pathlib.PurePosixPath("runs/stamps")),
        "milestones": collections.Counter([3, 5]),
        "by_label": collections.defaultdict(list, stamp=[1.0]),
        "tags": {"stamps"},
        "saved_at": datetime.datetime(2026, 1, 1),
        "dtype": torch.float16,
        "big": 2**80,
        "random": random.Random(1).getstate(),
        "numpy_random": np.random.RandomState(1).get_state()[0],
        "optimizer": optimizer,
        "optimizer_state": optimizer.state_dict(),
        "scheduler": scheduler,
        "scaler": {"scale": torch.tensor(65536.0)},
        "model": model,
    },
    sys.argv[1],
)

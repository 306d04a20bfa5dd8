"""SAM's prompt encoder and mask decoder in PyTorch, for reference values only.

A plain reading of the paper's decoder over a dict of tensors by Meta's names, one module call a line, attention as
projections first and heads split after (segment-anything: modeling/transformer.py, mask_decoder.py,
prompt_encoder.py describe the same arithmetic). Nothing is rearranged for speed, so that it can judge our own.
"""

import math

import torch
import torch.nn.functional as F


def linear(w, name, x):
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def norm(w, name, x, eps=1e-5):
    return F.layer_norm(x, (x.shape[-1],), w[f"{name}.weight"], w[f"{name}.bias"], eps)


def norm2d(w, name, x):
    return norm(w, name, x.movedim(1, -1), 1e-6).movedim(-1, 1)


def mlp(w, name, x):
    x = F.relu(linear(w, f"{name}.layers.0", x))
    x = F.relu(linear(w, f"{name}.layers.1", x))
    return linear(w, f"{name}.layers.2", x)


def attention(w, name, q, k, v, heads=8):
    q, k, v = (linear(w, f"{name}.{p}_proj", x).unflatten(-1, (heads, -1)).transpose(1, 2) for p, x in zip("qkv", (q, k, v)))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return linear(w, f"{name}.out_proj", (scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def positions(w, xy):
    """xy [..., 2] in [0, 1] to [..., 256]."""
    angle = (2 * xy - 1) @ w["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"] * (2 * math.pi)
    return torch.cat([angle.sin(), angle.cos()], -1)


def image_positions(w):
    centre = (torch.arange(64) + 0.5) / 64
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    return positions(w, torch.stack([x, y], -1)).reshape(1, 4096, 256)


def embed_points(w, coords, labels):
    """coords [B, T, 2] in pixels of the 1024 frame, labels [B, T]."""
    e = positions(w, (coords + 0.5) / 1024)
    e = torch.where((labels == -1)[..., None], w["prompt_encoder.not_a_point_embed.weight"], e)
    for kind in range(4):
        e = e + (labels == kind)[..., None] * w[f"prompt_encoder.point_embeddings.{kind}.weight"]
    return e


def embed_mask(w, mask):
    """mask [B, 1, 256, 256] to [B, 4096, 256]."""
    name = "prompt_encoder.mask_downscaling"
    for conv in (0, 3):
        mask = F.conv2d(mask, w[f"{name}.{conv}.weight"], w[f"{name}.{conv}.bias"], stride=2)
        mask = F.gelu(norm2d(w, f"{name}.{conv + 1}", mask))
    return F.conv2d(mask, w[f"{name}.6.weight"], w[f"{name}.6.bias"]).flatten(2).transpose(1, 2)


def decode(w, image, sparse, dense):
    """image [B, 4096, 256], sparse [B, T, 256], dense broadcast to image: logits [B, 4, 256, 256], iou [B, 4]."""
    d, t = "mask_decoder", "mask_decoder.transformer"
    b = image.shape[0]
    own = torch.cat([w[f"{d}.iou_token.weight"], w[f"{d}.mask_tokens.weight"]])
    pe_q = torch.cat([own.expand(b, -1, -1), sparse], 1)
    pe_k = image_positions(w)
    q, k = pe_q, image + dense
    for i in range(2):
        n = f"{t}.layers.{i}"
        q = attention(w, f"{n}.self_attn", q, q, q) if i == 0 else q + attention(w, f"{n}.self_attn", q + pe_q, q + pe_q, q)
        q = norm(w, f"{n}.norm1", q)
        q = norm(w, f"{n}.norm2", q + attention(w, f"{n}.cross_attn_token_to_image", q + pe_q, k + pe_k, k))
        q = norm(w, f"{n}.norm3", q + linear(w, f"{n}.mlp.lin2", F.relu(linear(w, f"{n}.mlp.lin1", q))))
        k = norm(w, f"{n}.norm4", k + attention(w, f"{n}.cross_attn_image_to_token", k + pe_k, q + pe_q, q))
    q = norm(w, f"{t}.norm_final_attn", q + attention(w, f"{t}.final_attn_token_to_image", q + pe_q, k + pe_k, k))

    u = f"{d}.output_upscaling"
    plane = k.transpose(1, 2).reshape(b, 256, 64, 64)
    plane = F.conv_transpose2d(plane, w[f"{u}.0.weight"], w[f"{u}.0.bias"], stride=2)
    plane = F.gelu(norm2d(w, f"{u}.1", plane))
    plane = F.gelu(F.conv_transpose2d(plane, w[f"{u}.3.weight"], w[f"{u}.3.bias"], stride=2))
    hyper = torch.stack([mlp(w, f"{d}.output_hypernetworks_mlps.{i}", q[:, 1 + i]) for i in range(4)], 1)
    logits = torch.einsum("bmc,bchw->bmhw", hyper, plane)
    return logits, mlp(w, f"{d}.iou_prediction_head", q[:, 0])


def dice_bce(logits, target):
    """Mean over samples of Dice loss (smoothed by 1) plus mean binary cross-entropy. Both [B, 256, 256]."""
    p = logits.sigmoid()
    dice = 1 - (2 * (p * target).sum((1, 2)) + 1) / (p.sum((1, 2)) + target.sum((1, 2)) + 1)
    return dice.mean() + F.binary_cross_entropy_with_logits(logits, target)

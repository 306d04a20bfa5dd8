"""Writes test/model/reference/sam2-image-encoder.json: SAM 2's image encoder by transformers, with made-up weights.

Hiera tiny in full width and depth, and Hiera large in full width with a few blocks; their weights are made up by Meta's
names, as the test makes them, and given to Sam2Model by its own. Images are smaller than SAM 2's, which costs less and
pads more windows.

Run: python peers/reference/sam2_image_encoder.py   (needs numpy, torch, transformers)
"""

import json
from pathlib import Path

import torch
import transformers
from made_up import made_up, weight
from transformers import Sam2Config, Sam2HieraDetConfig, Sam2Model, Sam2VisionConfig

out = Path(__file__).parents[2] / "test/model/reference/sam2-image-encoder.json"
architectures = {
    "tiny": dict(stages=[1, 2, 7, 2], width=96, heads=1, windows=[8, 4, 14, 7], globalBlocks=[5, 7, 9], background=7, grid=16),
    "large": dict(stages=[1, 1, 2, 1], width=144, heads=2, windows=[8, 4, 16, 8], globalBlocks=[3], background=7, grid=32),
}


def shapes(stages, width, windows, background, **_):
    """Meta's names, in the order of src/checkpoint/hiera-layout.ts."""
    trunk = "image_encoder.trunk"

    def pair(name, *shape):
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]

    yield f"{trunk}.pos_embed", (1, width, background, background)
    yield f"{trunk}.pos_embed_window", (1, width, windows[0], windows[0])
    yield from pair(f"{trunk}.patch_embed.proj", width, 3, 7, 7)
    before, index = width, 0
    for stage, count in enumerate(stages):
        own = width * 2**stage
        for _i in range(count):
            b = f"{trunk}.blocks.{index}"
            yield from pair(f"{b}.norm1", before)
            yield from pair(f"{b}.attn.qkv", 3 * own, before)
            yield from pair(f"{b}.attn.proj", own, own)
            yield from pair(f"{b}.norm2", own)
            yield from pair(f"{b}.mlp.layers.0", 4 * own, own)
            yield from pair(f"{b}.mlp.layers.1", own, 4 * own)
            if before != own:
                yield from pair(f"{b}.proj", own, before)
            before, index = own, index + 1
    for i, stage in enumerate([3, 2, 1, 0]):
        yield from pair(f"image_encoder.neck.convs.{i}.conv", 256, width * 2**stage, 1, 1)
    yield from pair("sam_mask_decoder.conv_s0", 32, 256, 1, 1)
    yield from pair("sam_mask_decoder.conv_s1", 64, 256, 1, 1)
    yield "no_mem_embed", (1, 1, 256)


def hugging_face_name(name):
    for theirs, ours in [
        ("image_encoder.trunk.", "vision_encoder.backbone."),
        ("image_encoder.neck.", "vision_encoder.neck."),
        ("patch_embed.proj.", "patch_embed.projection."),
        (".norm1.", ".layer_norm1."),
        (".norm2.", ".layer_norm2."),
        (".mlp.layers.0.", ".mlp.proj_in."),
        (".mlp.layers.1.", ".mlp.proj_out."),
        (".conv.", "."),
        ("sam_mask_decoder.", "mask_decoder."),
        ("no_mem_embed", "no_memory_embedding"),
    ]:
        name = name.replace(theirs, ours)
    return name


@torch.no_grad()
def reference(architecture):
    width, stages, grid = (architecture[name] for name in ("width", "stages", "grid"))
    backbone = Sam2HieraDetConfig(
        hidden_size=width,
        num_attention_heads=architecture["heads"],
        image_size=[16 * grid, 16 * grid],
        blocks_per_stage=stages,
        embed_dim_per_stage=[width * 2**i for i in range(4)],
        num_attention_heads_per_stage=[architecture["heads"] * 2**i for i in range(4)],
        window_size_per_stage=architecture["windows"],
        global_attention_blocks=architecture["globalBlocks"],
        window_positional_embedding_background_size=[architecture["background"]] * 2,
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[width * 2**i for i in (3, 2, 1, 0)],
        backbone_feature_sizes=[[4 * grid] * 2, [2 * grid] * 2, [grid] * 2],
    )
    model = Sam2Model(Sam2Config(vision_config=vision)).eval()
    weights = {name: weight(name, shape, seed) for seed, (name, shape) in enumerate(shapes(**architecture), 1)}
    given = {hugging_face_name(name): tensor for name, tensor in weights.items()}
    missing, unexpected = model.load_state_dict(given, strict=False)
    assert not unexpected, unexpected
    assert not [name for name in missing if name.startswith("vision_encoder.")], missing
    pixels = made_up((1, 3, 16 * grid, 16 * grid), 1000, 2.0)
    finest, finer, image = model.get_image_embeddings(pixels)
    parts = {}
    for name, part in [("image_embedding", image), ("high_res_features_0", finest), ("high_res_features_1", finer)]:
        values = part.reshape(-1)
        step = values.numel() // 200 + 7
        parts[name] = dict(
            shape=list(part.shape[1:]),
            largest=round(float(values.abs().max()), 6),
            step=step,
            values=[round(float(v), 5) for v in values[::step]],
        )
    return dict(architecture=architecture, parts=parts)


made_by = f"torch {torch.__version__}, transformers {transformers.__version__}"
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(json.dumps(dict(made_by=made_by, models={name: reference(a) for name, a in architectures.items()})) + "\n")

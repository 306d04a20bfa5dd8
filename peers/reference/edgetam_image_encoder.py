"""Writes test/model/reference/edgetam-image-encoder.json: EdgeTAM's image encoder in PyTorch, with made-up weights.

A plain reading of timm's models/repvit.py (repvit_m1, each BatchNorm2d after its convolution, nothing folded) and of the
neck in transformers' models/edgetam/modeling_edgetam.py. Where timm is installed, transformers' EdgeTamModel has to give
the same with the same weights. The encoder is whole; the image is smaller than EdgeTAM's, which costs less.

Run: python peers/reference/edgetam_image_encoder.py   (needs numpy, torch; transformers and timm if there)
"""

import importlib.util
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from made_up import made_up, weight

out = Path(__file__).parents[2] / "test/model/reference/edgetam-image-encoder.json"
channels, blocks, grid = [48, 96, 192, 384], [2, 2, 14, 2], 16
trunk = "image_encoder.trunk.body"


def shapes():
    """Meta's names, in the order of src/checkpoint/rep-vit-layout.ts."""

    def pair(name, *shape):
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]

    def conv(name, *shape):
        yield f"{name}.c.weight", shape
        yield from pair(f"{name}.bn", shape[0])
        yield f"{name}.bn.running_mean", shape[:1]
        yield f"{name}.bn.running_var", shape[:1]

    def mlp(name, width):
        yield from conv(f"{name}.conv1", 2 * width, width, 1, 1)
        yield from conv(f"{name}.conv2", width, 2 * width, 1, 1)

    def block(name, width, squeezes):
        yield from conv(f"{name}.token_mixer.conv", width, 1, 3, 3)
        yield from conv(f"{name}.token_mixer.conv1", width, 1, 1, 1)
        if squeezes:
            narrow = (width // 4 + 4) // 8 * 8
            yield from pair(f"{name}.se.fc1", narrow, width, 1, 1)
            yield from pair(f"{name}.se.fc2", width, narrow, 1, 1)
        yield from mlp(f"{name}.channel_mixer", width)

    yield from conv(f"{trunk}.stem.conv1", channels[0] // 2, 3, 3, 3)
    yield from conv(f"{trunk}.stem.conv2", channels[0], channels[0] // 2, 3, 3)
    for stage, width in enumerate(channels):
        s = f"{trunk}.stages_{stage}"
        if stage > 0:
            before = channels[stage - 1]
            yield from block(f"{s}.downsample.pre_block", before, False)
            yield from conv(f"{s}.downsample.spatial_downsample", before, 1, 3, 3)
            yield from conv(f"{s}.downsample.channel_downsample", width, before, 1, 1)
            yield from mlp(f"{s}.downsample.ffn", width)
        for i in range(blocks[stage]):
            yield from block(f"{s}.blocks.{i}", width, i % 2 == 0)
    for i, stage in enumerate([3, 2, 1, 0]):
        yield from pair(f"image_encoder.neck.convs.{i}.conv", 256, channels[stage], 1, 1)
    yield from pair("sam_mask_decoder.conv_s0", 32, 256, 1, 1)
    yield from pair("sam_mask_decoder.conv_s1", 64, 256, 1, 1)
    yield "no_mem_embed", (1, 1, 256)


w = {name: weight(name, shape, seed) for seed, (name, shape) in enumerate(shapes(), 1)}


def conv(name, x, stride=1, groups=1):
    kernel = w[f"{name}.c.weight"]
    y = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)
    mean, variance = w[f"{name}.bn.running_mean"], w[f"{name}.bn.running_var"]
    return F.batch_norm(y, mean, variance, w[f"{name}.bn.weight"], w[f"{name}.bn.bias"])


def plain(name, x):
    return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"])


def mlp(name, x):
    return conv(f"{name}.conv2", F.gelu(conv(f"{name}.conv1", x)))


def block(name, x):
    c = x.shape[1]
    x = conv(f"{name}.token_mixer.conv", x, groups=c) + conv(f"{name}.token_mixer.conv1", x, groups=c) + x
    if f"{name}.se.fc1.weight" in w:
        means = x.mean((2, 3), keepdim=True)
        x = x * plain(f"{name}.se.fc2", plain(f"{name}.se.fc1", means).relu()).sigmoid()
    return x + mlp(f"{name}.channel_mixer", x)


def encode(pixels):
    x = conv(f"{trunk}.stem.conv2", F.gelu(conv(f"{trunk}.stem.conv1", pixels, 2)), 2)
    ends = []
    for stage in range(4):
        s = f"{trunk}.stages_{stage}"
        if stage > 0:
            d = f"{s}.downsample"
            x = block(f"{d}.pre_block", x)
            x = conv(f"{d}.spatial_downsample", x, 2, groups=x.shape[1])
            x = conv(f"{d}.channel_downsample", x)
            x = x + mlp(f"{d}.ffn", x)
        for i in range(blocks[stage]):
            x = block(f"{s}.blocks.{i}", x)
        ends.append(x)
    lateral = [plain(f"image_encoder.neck.convs.{3 - stage}.conv", ends[stage]) for stage in range(4)]
    image = lateral[2] + F.interpolate(lateral[3], scale_factor=2.0, mode="nearest")
    return dict(
        image_embedding=image + w["no_mem_embed"].view(1, 256, 1, 1),
        high_res_features_0=plain("sam_mask_decoder.conv_s0", lateral[0]),
        high_res_features_1=plain("sam_mask_decoder.conv_s1", lateral[1]),
    )


def by_transformers(pixels):
    """The same parts by EdgeTamModel, and what made them."""
    import transformers
    from transformers import EdgeTamConfig, EdgeTamModel, EdgeTamVisionConfig, TimmWrapperConfig
    from transformers.models.edgetam import configuration_edgetam
    import timm

    args = dict(in_chans=3, features_only=True, out_indices=[0, 1, 2, 3])
    backbone = TimmWrapperConfig(architecture="repvit_m1", model_args=args)
    # Its messages ask the hub for a default backbone
    configuration_edgetam.AutoConfig.from_pretrained = lambda *_, **__: backbone
    sizes = [[4 * grid] * 2, [2 * grid] * 2, [grid] * 2]
    vision = EdgeTamVisionConfig(backbone_config=backbone, backbone_feature_sizes=sizes)
    model = EdgeTamModel(EdgeTamConfig(vision_config=vision)).eval()
    names = [
        (f"{trunk}.", "vision_encoder.backbone.timm_model."),
        ("image_encoder.neck.", "vision_encoder.neck."),
        ("sam_mask_decoder.", "mask_decoder."),
        ("no_mem_embed", "no_memory_embedding"),
    ]
    given = {}
    for name, tensor in w.items():
        own = name.replace(".conv.", ".") if ".neck." in name else name
        for theirs, ours in names:
            own = own.replace(theirs, ours)
        given[own] = tensor
    missing, unexpected = model.load_state_dict(given, strict=False)
    assert not unexpected, unexpected
    left = [name for name in missing if name.startswith("vision_encoder.") and "num_batches" not in name]
    assert not left, left
    finest, finer, image = model.get_image_embeddings(pixels)
    parts = dict(image_embedding=image, high_res_features_0=finest, high_res_features_1=finer)
    return parts, f"transformers {transformers.__version__}, timm {timm.__version__}"


with torch.no_grad():
    pixels = made_up((1, 3, 16 * grid, 16 * grid), 1000, 2.0)
    parts = encode(pixels)
    if importlib.util.find_spec("timm"):
        theirs, what = by_transformers(pixels)
        for name, part in parts.items():
            apart = float((theirs[name] - part).abs().max() / part.abs().max())
            print(f"{name}: {apart:.1e} from EdgeTamModel ({what})")
            assert apart < 1e-5, (name, apart)

told = {}
for name, part in parts.items():
    values = part.reshape(-1)
    step = values.numel() // 200 + 7
    told[name] = dict(
        shape=list(part.shape[1:]),
        largest=round(float(values.abs().max()), 6),
        step=step,
        values=[round(float(v), 5) for v in values[::step]],
    )
models = dict(repvit_m1=dict(architecture=dict(channels=channels, blocks=blocks, grid=grid), parts=told))
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(json.dumps(dict(made_by=f"torch {torch.__version__}", models=models)) + "\n")
if __name__ == "__main__":
    print(len(w), sum(tensor.numel() for tensor in w.values()))

"""What the peers answer, for bench/parity/main.ts to be held against: Meta's code and Hugging Face's SamModel.

Run: python peers/parity.py META DATA WEIGHTS ENCODER OUT [STAGE ...]
  META     a checkout of segment-anything
  DATA     a folder of data sets, each with images/<stem>.* and masks/<stem>*.png
  WEIGHTS  decoder weights (safetensors by Meta's names); tools/reference/export-weights.ts writes mobile_sam's
  ENCODER  mobile_sam's image encoder (ONNX)
  OUT      an empty folder
  STAGE    vit_b, vit_l, vit_h, modules, mobile, mobile-hf, mobile-hf-eps, whole, whole-hf-eps; all by default
Needs torch, numpy, pillow, safetensors, transformers, onnxruntime. OMP_NUM_THREADS=1 helps on a busy machine.
"""

import json
import os
import random
import sys
import time
import types
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from transformers import SamConfig, SamModel
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

# onnxruntime reports its usage unless this is set before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

META, DATA, WEIGHTS, ENCODER, OUT = (Path(a) for a in sys.argv[1:6])
STAGES = sys.argv[6:] or ["vit_b", "vit_l", "vit_h", "modules", "mobile", "mobile-hf", "mobile-hf-eps", "whole", "whole-hf-eps"]
# Images of the stage `whole`: a ViT-B takes torch 5 to 60 s an image on a CPU.
WHOLE = 3
OUT.mkdir(parents=True, exist_ok=True)


def without_torchvision():
    """Meta's predictor wants two functions of torchvision, which for PIL images are these."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        functional = types.ModuleType("torchvision.transforms.functional")
        functional.to_pil_image = Image.fromarray
        functional.resize = lambda image, size: image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        boxes = types.ModuleType("torchvision.ops.boxes")
        boxes.batched_nms = boxes.box_area = None
        for name in ["torchvision", "torchvision.transforms", "torchvision.ops"]:
            sys.modules[name] = types.ModuleType(name)
        sys.modules["torchvision.transforms.functional"] = functional
        sys.modules["torchvision.ops.boxes"] = boxes


without_torchvision()
sys.path.insert(0, str(META))
from segment_anything import SamPredictor, sam_model_registry  # noqa: E402
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer  # noqa: E402

decoder = load_file(WEIGHTS)


def save(name, array):
    """Little-endian float32, or bytes."""
    array = np.ascontiguousarray(array.detach().numpy() if isinstance(array, torch.Tensor) else array)
    array.tofile(OUT / name)
    return dict(file=name, shape=list(array.shape))


def random_sam(kind, seed):
    """Meta's model as it initialises itself, its relative positions set to what a trained one might have, and trained decoder weights."""
    torch.manual_seed(seed)
    sam = sam_model_registry[kind]().eval()
    with torch.no_grad():
        for name, value in sam.image_encoder.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:
                value.normal_(0, 0.2)
    sam.load_state_dict({**sam.state_dict(), **decoder}, strict=True)
    return sam


def mobile_sam():
    """Meta's classes round mobile_sam's image encoder, which is run by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(ENCODER), options, providers=["CPUExecutionProvider"])

    class Encoder(torch.nn.Module):
        img_size = 1024

        def forward(self, x):
            return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])

    sam = Sam(
        image_encoder=Encoder(),
        prompt_encoder=PromptEncoder(embed_dim=256, image_embedding_size=(64, 64), input_image_size=(1024, 1024), mask_in_chans=16),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
    ).eval()
    sam.load_state_dict(decoder, strict=True)
    return sam


def images(count):
    """`count` images in all, spread over the data sets, each with its instance masks."""
    sets = sorted(p for p in DATA.iterdir() if (p / "masks").is_dir())
    found = []
    for i, folder in enumerate(sets):
        files = sorted((folder / "images").iterdir())
        random.Random(i).shuffle(files)
        want = count // len(sets) + (i < count % len(sets))
        for file in files[:want]:
            masks = sorted(p for p in (folder / "masks").iterdir() if p.stem == file.stem or p.stem.startswith(file.stem + "__"))
            found.append((file, masks))
    return found


def prompts_of(masks, size, seed):
    """Ten prompts: four jittered boxes, three single clicks, two of several clicks, and a box with a click."""
    rng = random.Random(seed)
    width, height = size
    arrays = [a for a in (np.array(Image.open(m).convert("L")) > 127 for m in masks) if a.any()]

    def box():
        ys, xs = np.nonzero(rng.choice(arrays))
        x0, x1, y0, y1 = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
        w, h = x1 - x0, y1 - y0
        j = lambda side: rng.uniform(-0.08, 0.08) * side
        corners = [max(0, x0 + j(w)), max(0, y0 + j(h)), min(width, x1 + j(w)), min(height, y1 + j(h))]
        return [round(float(v), 2) for v in corners]

    def click(label):
        pool = rng.choice(arrays)
        ys, xs = np.nonzero(pool if label else ~pool)
        i = rng.randrange(len(xs))
        return [float(xs[i]), float(ys[i]), label]

    return (
        [dict(box=box(), multimask=False) for _ in range(4)]
        + [dict(points=[click(1)], multimask=True) for _ in range(3)]
        + [dict(points=[click(1), click(1), click(0)], multimask=False) for _ in range(2)]
        + [dict(box=box(), points=[click(1)], multimask=False)]
    )


def answers(stage, found, embed, predict):
    """Writes what `predict` answers: low-res logits, scores, and masks at the original size as packed bits."""
    low_file, bits_file = open(OUT / f"{stage}.low.f32", "wb"), open(OUT / f"{stage}.masks.bits", "wb")
    listed = []
    for number, (file, masks) in enumerate(found):
        rgb = np.array(Image.open(file).convert("RGB"))
        started = time.time()
        state = embed(rgb)
        seconds = time.time() - started
        made = []
        for prompt in prompts_of(masks, (rgb.shape[1], rgb.shape[0]), number):
            full, scores, low = predict(state, prompt)
            order = np.argsort(-scores) if prompt["multimask"] else np.arange(1)
            low_file.write(np.ascontiguousarray(low[order], dtype="<f4").tobytes())
            bits_file.write(np.packbits(full[order].reshape(len(order), -1), axis=1).tobytes())
            made.append(dict(**prompt, scores=[float(v) for v in scores[order]]))
        listed.append(dict(image=str(file.relative_to(DATA)), size=[rgb.shape[0], rgb.shape[1]], pixels=save_pixels(stage, number, rgb), seconds=seconds, prompts=made))
        print(stage, number + 1, "of", len(found), f"{seconds:.1f} s", flush=True)
    (OUT / f"{stage}.json").write_text(json.dumps(dict(images=listed)))


def save_pixels(stage, number, rgb):
    import hashlib

    return hashlib.sha256(rgb.tobytes()).hexdigest()


def meta_predictor(sam):
    predictor = SamPredictor(sam)

    def predict(_state, prompt):
        points = np.array(prompt["points"], dtype=np.float64) if "points" in prompt else None
        masks, scores, low = predictor.predict(
            point_coords=None if points is None else points[:, :2],
            point_labels=None if points is None else points[:, 2],
            box=np.array(prompt["box"]) if "box" in prompt else None,
            multimask_output=prompt["multimask"],
        )
        return masks, scores, low

    return predictor.set_image, predict


def hugging_face(model, encode):
    processor = SamImageProcessorPil()

    def embed(rgb):
        inputs = processor(Image.fromarray(rgb), return_tensors="pt")
        return encode(inputs["pixel_values"]), rgb.shape[:2], inputs

    def predict(state, prompt):
        embedding, (height, width), inputs = state
        new_height, new_width = (int(v) for v in inputs["reshaped_input_sizes"][0])
        scale = torch.tensor([new_width / width, new_height / height])
        named = dict(image_embeddings=embedding, multimask_output=prompt["multimask"])
        if "points" in prompt:
            points = torch.tensor(prompt["points"])
            named.update(input_points=(points[:, :2] * scale)[None, None], input_labels=points[:, 2].long()[None, None])
        if "box" in prompt:
            named.update(input_boxes=(torch.tensor(prompt["box"]).view(2, 2) * scale).view(1, 1, 4))
        out = model(**named)
        masks = processor.post_process_masks(out.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"], binarize=True)[0]
        return masks[0].numpy(), out.iou_scores[0, 0].numpy(), out.pred_masks[0, 0].numpy()

    return embed, predict


def hugging_face_model(sam, vision={}, mask_decoder={}):
    """The same weights in transformers' own class, by Hugging Face's names."""
    model = SamModel(SamConfig(vision_config=vision, mask_decoder_config=mask_decoder)).eval()
    pairs = [("image_encoder", "vision_encoder"), ("patch_embed.proj", "patch_embed.projection"), ("blocks.", "layers."),
             ("neck.0", "neck.conv1"), ("neck.1", "neck.layer_norm1"), ("neck.2", "neck.conv2"), ("neck.3", "neck.layer_norm2"),
             (".norm", ".layer_norm"), ("mask_downscaling.0", "mask_embed.conv1"), ("mask_downscaling.1", "mask_embed.layer_norm1"),
             ("mask_downscaling.3", "mask_embed.conv2"), ("mask_downscaling.4", "mask_embed.layer_norm2"), ("mask_downscaling.6", "mask_embed.conv3"),
             ("point_embeddings", "point_embed"), ("pe_layer.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
             ("output_upscaling.0", "upscale_conv1"), ("output_upscaling.1", "upscale_layer_norm"), ("output_upscaling.3", "upscale_conv2")]
    state = {}
    for name, value in sam.state_dict().items():
        for old, new in pairs:
            name = name.replace(old, new)
        if "hypernetworks" in name or "prediction_head" in name:
            head, _, rest = name.partition(".layers.")
            name = head + {"0": ".proj_in.", "1": ".layers.0.", "2": ".proj_out."}[rest[0]] + rest[2:]
        state[name] = value
    state["shared_image_embedding.positional_embedding"] = state["prompt_encoder.shared_embedding.positional_embedding"]
    missing, unknown = model.load_state_dict(state, strict=False)
    assert not unknown and all(name.startswith("vision_encoder.") for name in missing) and (vision or not missing), (missing, unknown)
    return model


@torch.no_grad()
def encoder_stage(kind):
    sam = random_sam(kind, seed=len(kind) + ord(kind[-1]))
    torch.save(sam.state_dict(), OUT / f"{kind}.pth")
    file = images(3)[1][0]
    predictor = SamPredictor(sam)
    started = time.time()
    predictor.set_image(np.array(Image.open(file).convert("RGB")))
    seconds = time.time() - started
    made = save(f"{kind}.embedding.f32", predictor.get_image_embedding()[0])
    weights = sum(v.numel() for v in sam.image_encoder.state_dict().values())
    (OUT / f"{kind}.json").write_text(json.dumps(dict(image=str(file.relative_to(DATA)), seconds=seconds, weights=weights, embedding=made)))
    print(kind, f"{seconds:.1f} s", flush=True)


@torch.no_grad()
def modules_stage():
    """Prompt encoder, decoder and postprocessing by themselves, on one real embedding."""
    sam = mobile_sam()
    file = images(3)[2][0]
    predictor = SamPredictor(sam)
    predictor.set_image(np.array(Image.open(file).convert("RGB")))
    rng = np.random.default_rng(5)
    coords = torch.from_numpy(rng.uniform(0, 1024, (8, 4, 2)).astype(np.float32))
    labels = torch.tensor([[1, 0, 2, 3]] * 4 + [[1, 1, 0, 1]] * 4)
    mask = torch.from_numpy(rng.normal(0, 6, (8, 1, 16, 16)).astype(np.float32))
    mask = F.interpolate(mask, (256, 256), mode="bilinear", align_corners=False)
    encoder = sam.prompt_encoder
    # Points and corners in one list, as the ONNX signature has them; forward() would only join the two parts.
    sparse = encoder.pe_layer.forward_with_coords(coords + 0.5, encoder.input_image_size)
    kinds = torch.stack([e.weight[0] for e in encoder.point_embeddings])
    sparse = sparse + kinds[labels]
    dense = encoder._embed_masks(mask)
    low, iou = [], []
    for i in range(8):
        masks, scores = sam.mask_decoder.predict_masks(
            image_embeddings=predictor.features,
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse[i : i + 1],
            dense_prompt_embeddings=dense[i : i + 1],
        )
        low.append(masks)
        iou.append(scores)
    low, iou = torch.cat(low), torch.cat(iou)
    sizes = [(683, 1024), (97, 61), (1531, 2047), (480, 640)]
    full = []
    for i, size in enumerate(sizes):
        predictor_size = predictor.transform.get_preprocess_shape(size[0], size[1], 1024)
        full.append(save(f"modules.full{i}.f32", sam.postprocess_masks(low[i : i + 1, :1], predictor_size, size)[0, 0]))
    made = dict(
        image=str(file.relative_to(DATA)),
        embedding=save("modules.embedding.f32", predictor.features[0].permute(1, 2, 0)),
        coords=save("modules.coords.f32", coords),
        labels=save("modules.labels.f32", labels.float()),
        mask=save("modules.mask.f32", mask[:, 0]),
        sparse=save("modules.sparse.f32", sparse),
        dense=save("modules.dense.f32", dense.flatten(2).transpose(1, 2)),
        low=save("modules.low.f32", low),
        iou=save("modules.iou.f32", iou),
        sizes=sizes,
        full=full,
    )
    (OUT / "modules.json").write_text(json.dumps(made))
    print("modules", flush=True)


@torch.no_grad()
def mobile_stage():
    """mobile_sam's encoder is the same ONNX file for all; the rest is the peers' own, preprocessing included."""
    answers("mobile-meta", images(24), *meta_predictor(mobile_sam()))


@torch.no_grad()
def mobile_hf_stage(name="mobile-hf", **mask_decoder):
    """`mobile-hf-eps` gives the decoder's LayerNorms Meta's epsilon, 1e-5, where transformers' default is 1e-6."""
    sam = mobile_sam()
    model = hugging_face_model(sam, dict(num_hidden_layers=1, global_attn_indexes=[]), mask_decoder)
    answers(name, images(24), *hugging_face(model, sam.image_encoder))


@torch.no_grad()
def whole_stage():
    """One ViT-B each way: Meta's .pth by SamPredictor, Hugging Face's model.safetensors by SamModel."""
    sam = random_sam("vit_b", seed=11)
    torch.save(sam.state_dict(), OUT / "whole-meta.pth")
    answers("whole-meta", images(WHOLE), *meta_predictor(sam))
    model = hugging_face_model(sam)
    model.save_pretrained(OUT / "whole-hf")
    answers("whole-hf", images(WHOLE), *hugging_face(model, model.get_image_embeddings))


@torch.no_grad()
def whole_hf_eps_stage():
    """The ViT-B that the stage `whole` saved, with Meta's epsilon in SamModel's decoder."""
    sam = random_sam("vit_b", seed=11)
    model = hugging_face_model(sam, mask_decoder=dict(layer_norm_eps=1e-5))
    answers("whole-hf-eps", images(WHOLE), *hugging_face(model, model.get_image_embeddings))


import onnxruntime  # noqa: E402
import PIL  # noqa: E402
import transformers  # noqa: E402

versions = dict(PyTorch=torch.__version__, transformers=transformers.__version__, onnxruntime=onnxruntime.__version__, Pillow=PIL.__version__)
(OUT / "versions.json").write_text(json.dumps(versions))
for stage in STAGES:
    {"modules": modules_stage, "mobile": mobile_stage, "mobile-hf": mobile_hf_stage, "mobile-hf-eps": lambda: mobile_hf_stage("mobile-hf-eps", layer_norm_eps=1e-5), "whole": whole_stage, "whole-hf-eps": whole_hf_eps_stage}.get(stage, lambda: encoder_stage(stage))()

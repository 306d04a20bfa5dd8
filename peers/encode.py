"""An image encoder in transformers, for `npm run bench -- encode`.

    python peers/encode.py FOLDER ENCODER THREADS

ENCODER is the JSON of src/checkpoint/encoder-layout.ts or hiera-layout.ts. The model, with random weights, goes into
FOLDER, with an image and its embedding as raw float32; the first line printed names the versions. For each line of
stdin it encodes the image and prints the milliseconds that it took, as one line of JSON.
"""

import json
import sys
import time

import numpy as np
import torch
import transformers
from transformers import Sam2Config, Sam2HieraDetConfig, Sam2Model, Sam2VisionConfig, SamConfig, SamModel, SamVisionConfig

folder, encoder = sys.argv[1], json.loads(sys.argv[2])
torch.set_num_threads(int(sys.argv[3]))
torch.manual_seed(0)


def hiera(stages, width, heads, windows, globalBlocks, background, **_):
    widths = [width * 2**stage for stage in range(4)]
    backbone = Sam2HieraDetConfig(
        hidden_size=width,
        num_attention_heads=heads,
        blocks_per_stage=stages,
        embed_dim_per_stage=widths,
        num_attention_heads_per_stage=[heads * 2**stage for stage in range(4)],
        window_size_per_stage=windows,
        global_attention_blocks=globalBlocks,
        window_positional_embedding_background_size=[background, background],
    )
    vision = Sam2VisionConfig(backbone_config=backbone, backbone_channel_list=widths[::-1])
    return Sam2Model(Sam2Config(vision_config=vision))


def vit(depth, width, heads, globalBlocks, **_):
    vision = SamVisionConfig(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        global_attn_indexes=globalBlocks,
        mlp_dim=4 * width,
    )
    return SamModel(SamConfig(vision_config=vision))


model = (hiera if "stages" in encoder else vit)(**encoder).eval()
model.save_pretrained(folder)
pixels = torch.randn(1, 3, 1024, 1024)


@torch.inference_mode()
def encode():
    """What the decoder takes, SAM 2's in our order: the image embedding, then the finest features."""
    made = model.get_image_embeddings(pixels)
    return [made[2], made[0], made[1]] if isinstance(made, (list, tuple)) else [made]


pixels.numpy().tofile(f"{folder}/pixels.f32")
np.concatenate([part.numpy().ravel() for part in encode()]).tofile(f"{folder}/embedding.f32")
print(json.dumps({"name": f"transformers {transformers.__version__}, PyTorch {torch.__version__}"}), flush=True)
for _line in sys.stdin:
    start = time.perf_counter()
    encode()
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)

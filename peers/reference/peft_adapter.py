"""Writes test/base-models/fixtures/adapter: LoRA as peft saves it, on the decoder of transformers' SamModel, and its sums.

    python peers/reference/peft_adapter.py DECODER.safetensors OUT

DECODER holds the built-in decoder by Hugging Face's names; peft 0.21.0, transformers 5.18.0.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import SamConfig, SamModel, SamVisionConfig


def main(decoder: str, out: str) -> None:
    torch.manual_seed(0)
    vision = SamVisionConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, mlp_dim=32, global_attn_indexes=[0]
    )
    model = SamModel(SamConfig(vision_config=vision.to_dict()))
    missing, unexpected = model.load_state_dict(load_file(decoder), strict=False)
    assert not unexpected and all("vision_encoder" in name or "shared_image" in name for name in missing)
    config = LoraConfig(
        r=2,
        lora_alpha=3,
        alpha_pattern={"cross_attn_token_to_image.v_proj": 5},
        target_modules=r"mask_decoder\..*(q_proj|v_proj)",
        modules_to_save=["iou_token"],
        init_lora_weights=False,
    )
    tuned = get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "modules_to_save" in name:
                weight += 1
    tuned.save_pretrained(out)
    (Path(out) / "README.md").unlink()
    merged = tuned.merge_and_unload().state_dict()
    sums = {
        name: [float(value) for value in merged[name].flatten()[:4]]
        for name in merged
        if name.endswith(("q_proj.weight", "v_proj.weight", "iou_token.weight")) and "mask_decoder" in name
    }
    (Path(out) / "merged.json").write_text(json.dumps(sums, indent=1) + "\n")


main(*sys.argv[1:])

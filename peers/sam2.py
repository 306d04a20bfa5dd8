"""SAM 2's decoder in transformers, for `npm run bench -- decode --base sam2_tiny` and `train --base sam2_tiny`.

    python peers/sam2.py decode FOLDER THREADS CASES
    python peers/sam2.py train FOLDER THREADS

The model, with random weights, goes into FOLDER; the first line printed names the versions. `decode` writes an embedding
and each case's low-res logits beside it as raw float32. CASES is JSON: prompts in pixels of the 1024 frame, `box` or
`points` with labels, and the image's `size` [height, width]. For each line of stdin, `whole I` or `low-res I`, it decodes
case I, with the mask at the image's size or without. `train` reads batch sizes and makes one optimizer step for each. Both
print the milliseconds that it took, as one line of JSON.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
import transformers
from transformers import Sam2Config, Sam2Model

sys.path.insert(0, f"{sys.path[0]}/reference")
from sam_reference import dice_bce  # noqa: E402

what, folder = sys.argv[1:3]
torch.set_num_threads(int(sys.argv[3]))
torch.manual_seed(0)
config = Sam2Config()
# As a tuned version answers: with mask 0, stable or not.
config.mask_decoder_config.dynamic_multimask_via_stability = False
model = Sam2Model(config).eval()
model.save_pretrained(folder)


def features(images):
    shapes = ((32, 256), (64, 128), (256, 64))
    return [torch.randn(images, channels, side, side) * 0.1 for channels, side in shapes]


def decode(cases):
    fine, coarse, image = embedding = features(1)
    with open(f"{folder}/embedding.f32", "wb") as file:
        for part in (image, fine, coarse):
            file.write(part.numpy().tobytes())

    def prompt(case):
        if "box" in case:
            return {"input_boxes": torch.tensor([[case["box"]]])}
        points = torch.tensor([[[point[:2] for point in case["points"]]]])
        return {"input_points": points, "input_labels": torch.tensor([[[point[2] for point in case["points"]]]])}

    @torch.inference_mode()
    def run(case):
        answer = model(image_embeddings=embedding, multimask_output=False, **prompt(case))
        return answer.pred_masks[:, 0]

    for i, case in enumerate(cases):
        run(case).numpy().tofile(f"{folder}/logits-{i}.f32")

    def work(line):
        kind, i = line.split()
        logits = run(cases[int(i)])
        if kind == "whole":
            return F.interpolate(logits, cases[int(i)]["size"], mode="bilinear", align_corners=False) > 0

    return work


def train():
    trained = []
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("mask_decoder.") and "conv_s" not in name)
        if parameter.requires_grad:
            trained.append(parameter)
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01)
    most = 4
    embeddings = features(most)
    boxes = torch.tensor([[[200.0, 260.0, 700.0, 640.0]]]).expand(most, 1, 4)
    targets = torch.zeros(most, 256, 256)
    targets[:, 65:160, 50:175] = 1

    def work(line):
        batch = int(line)
        given = [part[:batch] for part in embeddings]
        answer = model(image_embeddings=given, input_boxes=boxes[:batch], multimask_output=False)
        loss = dice_bce(answer.pred_masks[:, 0, 0], targets[:batch])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    return work


work = decode(json.loads(sys.argv[4])) if what == "decode" else train()
print(json.dumps({"name": f"transformers {transformers.__version__}, PyTorch {torch.__version__}"}), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    work(line)
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)

"""SAM 2's decoder in transformers, for `npm run bench -- decode --base sam2_tiny` and `train --base sam2_tiny`.

    python peers/sam2.py decode FOLDER THREADS CASES OBJECT
    python peers/sam2.py train FOLDER THREADS

The model, with random weights, goes into FOLDER; the first line printed names the versions. `decode` first tunes its
decoder to the one object of its embedding, as masks of random weights are noise, which no version in use answers: it costs
at the image's size many times what an object does. It writes the embedding and each case's low-res logits beside the model
as raw float32. CASES is JSON: prompts of the object in pixels of the 1024 frame, `box` or `points` with labels, and the
image's `size` [height, width]. OBJECT is JSON: the box in that frame which the object, an ellipse, fills. For each line of stdin, `whole I` or `low-res I`, it decodes
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


def features(images):
    shapes = ((32, 256), (64, 128), (256, 64))
    return [torch.randn(images, channels, side, side) * 0.1 for channels, side in shapes]


def ellipse(box, side):
    """1 inside the ellipse that fills a box of the 1024 frame, [side, side]."""
    x0, y0, x1, y1 = (value / 1024 * side for value in box)
    at = torch.arange(side) + 0.5
    down, across = ((at - (a + b) / 2) / ((b - a) / 2) for a, b in ((y0, y1), (x0, x1)))
    return (down[:, None] ** 2 + across[None] ** 2 < 1).float()


def iou(mask, truth):
    return ((mask * truth).sum() / (mask + truth).clamp(max=1).sum()).item()


def tune(ask, truth):
    """Tunes all of the mask decoder until the mask of each prompt is the object's."""
    optimizer = torch.optim.AdamW(model.mask_decoder.parameters(), lr=3e-4)
    for step in range(300):
        logits = ask()
        if all(iou((one > 0).float(), truth) > 0.95 for one in logits):
            return print(f"{step} steps until masks are the object's", file=sys.stderr)
        optimizer.zero_grad()
        dice_bce(logits, truth.expand_as(logits)).backward()
        torch.nn.utils.clip_grad_norm_(model.mask_decoder.parameters(), 1.0)
        optimizer.step()
    raise RuntimeError("the decoder did not learn its object")


def decode(cases, box):
    embedding = features(1)
    for part in embedding:
        part += 0.5 * torch.randn(part.shape[1])[:, None, None] * ellipse(box, part.shape[2])
    fine, coarse, image = embedding
    with open(f"{folder}/embedding.f32", "wb") as file:
        for part in (image, fine, coarse):
            file.write(part.numpy().tobytes())

    def prompt(case):
        if "box" in case:
            return {"input_boxes": torch.tensor([[case["box"]]])}
        points = torch.tensor([[[point[:2] for point in case["points"]]]])
        return {"input_points": points, "input_labels": torch.tensor([[[point[2] for point in case["points"]]]])}

    def ask(case):
        answer = model(image_embeddings=embedding, multimask_output=False, **prompt(case))
        return answer.pred_masks[:, 0]

    tune(lambda: torch.cat([ask(case)[:, 0] for case in cases]), ellipse(box, 256))
    model.save_pretrained(folder)
    run = torch.inference_mode()(ask)
    for i, case in enumerate(cases):
        run(case).numpy().tofile(f"{folder}/logits-{i}.f32")

    def work(line):
        kind, i = line.split()
        logits = run(cases[int(i)])
        if kind == "whole":
            return F.interpolate(logits, cases[int(i)]["size"], mode="bilinear", align_corners=False) > 0

    return work


def train():
    model.save_pretrained(folder)
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


work = decode(*map(json.loads, sys.argv[4:])) if what == "decode" else train()
print(json.dumps({"name": f"transformers {transformers.__version__}, PyTorch {torch.__version__}"}), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    work(line)
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)

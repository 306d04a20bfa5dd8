"""Meta's automatic mask generator on our weights, for `npm run bench -- everything` and its parity table.

    python peers/everything.py ENCODER.onnx WEIGHTS.safetensors THREADS [META]

META is a checkout of facebookresearch/segment-anything (its code is read from there, and never kept here); left out, the
installed package segment_anything is taken. The image encoder is our ONNX file in onnxruntime; prompt encoder, mask
decoder, predictor and generator are Meta's own, in PyTorch.

Reads lines of JSON from stdin, {"image": PATH, "settings": {...}} with SamAutomaticMaskGenerator's own names, and answers
each with one: {"ms", "masks": [{counts, size, score, stability, bbox, area, point, crop}]}, bbox and crop as Meta gives
them, [x, y, width, height] of the last pixels. The first line it prints names the versions. It ends at once when stdin
is closed, whatever it is doing: so it dies with whoever started it, however that one died.
"""

import json
import os
import queue
import sys
import threading
import time
import types

# onnxruntime reports its usage unless this is set before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

requests = queue.SimpleQueue()


def listen():
    for line in sys.stdin:
        requests.put(line)
    # An answer takes minutes on a busy machine, and nobody waits for it any more.
    os._exit(0)


# Before the imports, which take seconds.
threading.Thread(target=listen, daemon=True).start()

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from pycocotools import mask as coco  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402


def stand_in_for_torchvision():
    """A torch without CUDA can't load torchvision's wheel. Meta needs three functions of it."""

    def nms(boxes, scores, threshold):
        # torchvision csrc/ops/cpu/nms_kernel.cpp, in float32 as there.
        order = torch.sort(scores, stable=True, descending=True).indices.numpy()
        x0, y0, x1, y1 = boxes.numpy().astype(np.float32).T
        areas = (x1 - x0) * (y1 - y0)
        gone = np.zeros(len(areas), bool)
        keep = []
        with np.errstate(invalid="ignore", divide="ignore"):
            for at, i in enumerate(order):
                if gone[i]:
                    continue
                keep.append(i)
                rest = order[at + 1 :]
                w = np.maximum(np.float32(0), np.minimum(x1[i], x1[rest]) - np.maximum(x0[i], x0[rest]))
                h = np.maximum(np.float32(0), np.minimum(y1[i], y1[rest]) - np.maximum(y0[i], y0[rest]))
                inter = w * h
                iou = inter / (areas[i] + areas[rest] - inter)
                gone[rest[iou.astype(np.float64) > threshold]] = True
        return torch.as_tensor(np.array(keep, np.int64))

    def batched_nms(boxes, scores, idxs, iou_threshold):
        assert not idxs.any(), "one category only"
        return nms(boxes, scores, iou_threshold)

    def box_area(boxes):
        return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])

    def resize(image, size):
        return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)

    contents = {
        "torchvision": {},
        "torchvision.ops": {},
        "torchvision.ops.boxes": {"batched_nms": batched_nms, "box_area": box_area},
        "torchvision.transforms": {},
        "torchvision.transforms.functional": {"resize": resize, "to_pil_image": Image.fromarray},
    }
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    for name, members in contents.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(members)
    return "stand-in"


try:
    import torchvision  # noqa: F401

    vision = torchvision.__version__
except Exception:
    vision = stand_in_for_torchvision()

encoder_path, weights_path, threads = sys.argv[1:4]
sys.path[:0] = sys.argv[4:5]

from segment_anything.automatic_mask_generator import SamAutomaticMaskGenerator  # noqa: E402
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer  # noqa: E402

torch.set_num_threads(int(threads))


class OnnxEncoder(torch.nn.Module):
    img_size = 1024

    def __init__(self, path):
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def forward(self, images):
        feeds = {self.session.get_inputs()[0].name: images.numpy()}
        return torch.from_numpy(self.session.run(None, feeds)[0])


def our_sam():
    sam = Sam(
        image_encoder=OnnxEncoder(encoder_path),
        prompt_encoder=PromptEncoder(
            embed_dim=256, image_embedding_size=(64, 64), input_image_size=(1024, 1024), mask_in_chans=16
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )
    # Every name must be there, and none too many.
    sam.load_state_dict({name: torch.from_numpy(value) for name, value in load_file(weights_path).items()})
    return sam.eval()


def answer(sam, request):
    image = np.array(Image.open(request["image"]).convert("RGB"))
    generator = SamAutomaticMaskGenerator(sam, output_mode="uncompressed_rle", **request["settings"])
    start = time.perf_counter()
    found = generator.generate(image)
    ms = (time.perf_counter() - start) * 1000
    masks = []
    for one in found:
        rle = one["segmentation"]
        masks.append(
            {
                "size": rle["size"],
                "counts": coco.frPyObjects(rle, *rle["size"])["counts"].decode(),
                "score": one["predicted_iou"],
                "stability": one["stability_score"],
                "bbox": one["bbox"],
                "area": int(one["area"]),
                "point": one["point_coords"][0],
                "crop": one["crop_box"],
            }
        )
    return {"ms": ms, "masks": masks}


model = our_sam()
versions = {"torch": torch.__version__, "torchvision": vision, "onnxruntime": onnxruntime.__version__}
print(json.dumps(versions), flush=True)
while True:
    print(json.dumps(answer(model, json.loads(requests.get()))), flush=True)

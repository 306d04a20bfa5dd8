"""
A maskwright project as a function of a CVAT agent, for CVAT Online and wherever no Nuclio runs:

    cvat-cli --server-host https://app.cvat.ai function create-native "maskwright" --function-file agent.py
    cvat-cli --server-host https://app.cvat.ai function run-agent ID --function-file agent.py

and the same with `-p kind=str:interactor` for an interactor, which asks for a cvat-sdk that has InteractionFunctionSpec.
`-p version=str:3` pins a version. Environment: MASKWRIGHT_URL, MASKWRIGHT_PROJECT, MASKWRIGHT_KEY (scope predict).
"""

import base64
import io
import json
import os
import urllib.request

import cvat_sdk.auto_annotation as cvataa
import numpy as np
from cvat_sdk.masks import encode_mask

SECONDS = 110


class Project:
    def __init__(self, version):
        at, project, key = (os.environ[f"MASKWRIGHT_{name}"] for name in ("URL", "PROJECT", "KEY"))
        self._url = f"{at.rstrip('/')}/cvat/{project}"
        self._query = f"?version={version}"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, path="", message=None):
        data = None if message is None else json.dumps(message).encode()
        asked = urllib.request.Request(self._url + path + self._query, data=data, headers=self._headers)
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return json.load(answer)


def encoded(image):
    """The image as a lossless file, base64."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode()


def bitmap(bits, bounds, size):
    """A mask of the whole image; `bounds` counts its last column and row in."""
    width, height = size
    left, top, right, bottom = bounds
    out = np.zeros((height, width), dtype=bool)
    out[top : bottom + 1, left : right + 1] = np.reshape(bits, (bottom - top + 1, right - left + 1))
    return out


class Detector:
    def __init__(self, version):
        self._project = Project(version)
        labels = self._project.ask()["labels"]
        if not labels:
            raise cvataa.BadFunctionError("the version that answers has no finder: a fine-tune makes one")
        self._ids = {label["name"]: label["id"] for label in labels}
        self.spec = cvataa.DetectionFunctionSpec(
            labels=[cvataa.label_spec(label["name"], label["id"], type="mask") for label in labels]
        )

    def detect(self, context, image):
        message = {"image": encoded(image), "threshold": context.conf_threshold}
        shapes = []
        for found in self._project.ask("/detector", message):
            label = self._ids.get(found["label"])
            # A version that went live meanwhile may know more labels than were declared.
            if label is None:
                continue
            if context.conv_mask_to_poly:
                if "points" in found:
                    shapes.append(cvataa.polygon(label, found["points"]))
                continue
            *bits, left, top, right, bottom = found["mask"]
            mask = bitmap(bits, (left, top, right, bottom), image.size)
            shapes.append(cvataa.mask(label, encode_mask(mask, [left, top, right + 1, bottom + 1])))
        return shapes


class Interactor:
    def __init__(self, version):
        self._project = Project(version)
        self.spec = cvataa.InteractionFunctionSpec(min_pos_points=0, min_neg_points=0, min_bounding_boxes=0)

    def preprocess_image(self, context, image):
        return encoded(image), image.size

    def detect(self, context, pp_image, prompts):
        image, size = pp_image
        message = {
            "image": image,
            "pos_points": prompts.pos_points,
            "neg_points": prompts.neg_points,
            "obj_bbox": prompts.bounding_box,
        }
        answer = self._project.ask("/interactor", message)
        left, top, right, bottom = answer["bounds"]
        mask = bitmap(answer["mask"], answer["bounds"], size)
        points = encode_mask(mask, [left, top, right + 1, bottom + 1])
        return [cvataa.InteractionResultShape(type="mask", points=points)]


def create(kind="detector", version="active"):
    return {"detector": Detector, "interactor": Interactor}[kind](version)

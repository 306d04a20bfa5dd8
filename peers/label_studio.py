"""
Messages of Label Studio, with brushes by its own SDK, and its SDK's reading of our answers.

messages FOLDER: writes what label-studio 1.23 sends to an ML backend. Fields as in label_studio/ml/api_connector.py (setup,
_prep_prediction_req, train), label_studio/webhooks (utils.py, serializers_for_hooks.py), tasks/serializers.py, and the
editor's regions (KeyPointRegion, RectRegion, BrushRegion: serialize); names and ids are made up.
read FILE: prints what label-studio-sdk reads of our predictions, {"config": XML, "predictions": [...]}.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from label_studio_sdk.converter import brush

WIDTH, HEIGHT = 120, 90
CONFIG = """<View>
  <Image name="picture" value="$image" zoom="true"/>
  <BrushLabels name="brush" toName="picture">
    <Label value="stamp" background="#FF0000"/>
    <Label value="seal" background="#0d14d3"/>
  </BrushLabels>
  <KeyPointLabels name="points" toName="picture" smart="true">
    <Label value="stamp" smart="true" background="#000000" showInline="true"/>
  </KeyPointLabels>
  <RectangleLabels name="boxes" toName="picture" smart="true">
    <Label value="stamp" background="#000000" showInline="true"/>
  </RectangleLabels>
</View>
"""


def region(type, from_name, value, **more):
    return {
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": value,
        "id": hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10],
        "from_name": from_name,
        "to_name": "picture",
        "type": type,
        "origin": "manual",
        **more,
    }


def rectangle(x, y, width, height, label):
    value = {"x": 100 * x / WIDTH, "y": 100 * y / HEIGHT, "width": 100 * width / WIDTH, "height": 100 * height / HEIGHT}
    return region("rectanglelabels", "boxes", {**value, "rotation": 0, "rectanglelabels": [label]})


def painted(x0, y0, x1, y1, label):
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[y0:y1, x0:x1] = 255
    return region("brushlabels", "brush", {"format": "rle", "rle": brush.mask2rle(mask), "brushlabels": [label]})


def polygon(points, label):
    points = [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in points]
    return region("polygonlabels", "outline", {"points": points, "closed": True, "polygonlabels": [label]})


def task(**more):
    return {
        "id": 45,
        "data": {"image": "/data/upload/7/0a1b2c3d-page%201.png"},
        "meta": {},
        "created_at": "2026-11-02T09:30:00.000000Z",
        "updated_at": "2026-11-02T09:30:00.000000Z",
        "is_labeled": False,
        "overlap": 1,
        "inner_id": 1,
        "total_annotations": 0,
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 7,
        "updated_by": None,
        "file_upload": 12,
        "comment_authors": [],
        **more,
    }


def project():
    return {
        "id": 7,
        "task_number": 1,
        "finished_task_number": 0,
        "total_predictions_number": 0,
        "total_annotations_number": 1,
        "num_tasks_with_annotations": 1,
        "useful_annotation_number": 1,
        "ground_truth_number": 0,
        "skipped_annotations_number": 0,
        "title": "Stamps",
        "description": "",
        "label_config": CONFIG,
        "expert_instruction": "",
        "show_instruction": False,
        "enable_empty_annotation": True,
        "model_version": "maskwright-base",
        "control_weights": {"brush": {"type": "BrushLabels", "labels": {"seal": 1.0, "stamp": 1.0}, "overall": 1.0}},
        "is_published": False,
        "created_at": "2026-11-02T09:00:00.000000Z",
        "start_training_on_annotation_update": False,
        "parsed_label_config": {"brush": {"type": "BrushLabels", "to_name": ["picture"], "labels": ["stamp", "seal"]}},
        "organization": 1,
        "created_by": 1,
    }


def messages():
    point = {"x": 50.0, "y": 50.0, "width": 0.33, "keypointlabels": ["stamp"], "labels": ["stamp"]}
    context = [
        region("keypointlabels", "points", point, is_positive=True),
        region("keypointlabels", "points", {**point, "x": 4.0, "y": 5.0}, is_positive=False),
        rectangle(34, 19, 52, 52, "stamp"),
    ]
    result = [
        painted(10, 10, 50, 30, "stamp"),
        polygon([(60, 40), (100, 40), (100, 70), (60, 70)], "seal"),
        rectangle(5, 5, 20, 10, "stamp"),
    ]
    annotation = {
        "id": 77,
        "result": result,
        "created_username": " person@example.com, 1",
        "created_ago": "0 minutes",
        "completed_by": 1,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-02T10:00:00.000000Z",
        "updated_at": "2026-11-02T10:00:00.000000Z",
        "draft_created_at": None,
        "lead_time": 12.3,
        "prediction": {},
        "result_count": 3,
        "unique_id": "00000000-0000-4000-8000-000000000000",
        "import_id": None,
        "last_action": None,
        "task": 45,
        "project": 7,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }
    return {
        "setup": {
            "project": "7.1793610000",
            "schema": CONFIG,
            "hostname": "http://localhost:8080",
            "access_token": "not-kept",
            "extra_params": None,
        },
        "predict": {
            "tasks": [task(predictions=[], annotations=[], drafts=[])],
            "project": "7.1793610000",
            "label_config": CONFIG,
            "params": {"login": None, "password": None, "context": {"result": context}},
        },
        "annotation-created": {
            "action": "ANNOTATION_CREATED",
            "annotation": annotation,
            "project": project(),
            "task": task(is_labeled=True, total_annotations=1),
        },
        "start-training": {"action": "START_TRAINING", "project": project()},
    }


def read(file):
    asked = json.loads(Path(file).read_text())
    regions = [one for prediction in asked["predictions"] for one in prediction["result"]]
    out = []
    for one in regions:
        value = one["value"]
        line = {"type": one["type"], "from_name": one["from_name"]}
        if "rle" in value:
            size = (one["original_height"], one["original_width"], 4)
            pixels = brush.decode_rle(value["rle"]).reshape(size)[:, :, 3]
            line["sha256"] = hashlib.sha256((pixels >= 128).astype(np.uint8).tobytes()).hexdigest()
            # The SDK's own encoder makes the same bytes of these pixels.
            line["same_bytes"] = brush.mask2rle(pixels) == value["rle"]
        out.append(line)
    valid = None
    try:
        from label_studio_sdk.label_interface import LabelInterface

        interface = LabelInterface(config=asked["config"])
        valid = [interface.validate_prediction(one, return_errors=True) for one in asked["predictions"]]
    except ImportError as missing:
        print(f"not validated: {missing}", file=sys.stderr)
    print(json.dumps({"regions": out, "valid": valid}))


if sys.argv[1] == "messages":
    for name, message in messages().items():
        Path(sys.argv[2], f"label-studio-{name}.json").write_text(json.dumps(message, indent=1) + "\n")
else:
    read(sys.argv[2])

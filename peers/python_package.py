"""
The package python/ against a running server, as its user calls it. Its settings come as MASKWRIGHT_URL and MASKWRIGHT_KEY.

NOTEBOOK FOLDER: runs the notebook in FOLDER, by nbclient where that is there, else cell by cell; prints as JSON what came
of it and of the calls beside it.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from maskwright import Client, MaskwrightError, decode_rle, encode_rle


def run_notebook(path, folder):
    """What the notebook printed, and how it was run."""
    cells = json.loads(Path(path).read_text())["cells"]
    try:
        import ipykernel  # noqa: F401
        import nbformat
        from nbclient import NotebookClient
    except ImportError:
        names = {}
        os.chdir(folder)
        for cell in cells:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
        return {"by": "exec", "cells": len(cells), "text": ""}
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.get("text", "") for output in outputs if output.get("name") == "stdout")
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    return {"by": "nbclient", "cells": len(cells), "text": text, "pictures": pictures}


def agrees_with_coco():
    """Masks of all densities, coded both ways as pycocotools does."""
    random = np.random.default_rng(3)
    for _ in range(100):
        height, width = random.integers(1, 70, 2)
        mask = random.random((height, width)) < random.choice([0, 0.03, 0.5, 0.97, 1])
        coded = encode_rle(mask)
        counts = coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode()
        if coded["counts"] != counts or not np.array_equal(decode_rle(coded["size"], counts), mask):
            return False
    return True


def refusal(work):
    try:
        work()
    except MaskwrightError as error:
        return {"status": error.status, "code": error.code, "param": error.param}
    return None


def main(notebook, folder):
    ran = run_notebook(notebook, folder)
    with Client() as client:
        projects = list(client.projects())
        project = client.project(projects[0]["id"])
        images = list(project.images())
        by_id = project.predict(images[0], boxes=[[60, 40, 200, 180], [10, 10, 60, 50]], version="base")
        picture = Image.new("RGB", (96, 64), (230, 230, 230))
        picture.paste((40, 60, 160), (30, 16, 66, 48))
        picture.save(Path(folder, "page.png"))
        by_path = project.predict(Path(folder, "page.png"), points=[[48, 32, 1]], version="base")
        one = by_path.as_fiftyone()[0]
        left, top, width, height = (round(side * size) for side, size in zip(one["bounding_box"], (96, 64, 96, 64)))
        pasted = np.zeros((64, 96), dtype=bool)
        pasted[top : top + height, left : left + width] = one["mask"]
        same = project.upload(Path(folder, "page.png"), group="a page")
        answer = {
            "notebook": ran,
            "projects": [one["name"] for one in projects],
            "images": len(images),
            "masks": [list(by_id.masks.shape), str(by_id.masks.dtype)],
            "area": [int(by_path.masks.sum()), by_path.answer["results"][0]["predictions"][0]["masks"][0]["area"]],
            "supervision": {name: list(np.shape(value)) for name, value in by_id.as_supervision().items()},
            "fiftyone": {"label": one["label"], "pasted": bool(np.array_equal(pasted, by_path.masks[0]))},
            "stored": [same["file_name"], same["group"], project.upload(Path(folder, "page.png"))["id"] == same["id"]],
            "agrees_with_coco": agrees_with_coco(),
            "refused": [
                refusal(lambda: project.predict(images[0], boxes=[[9, 9, 9, 40]])),
                refusal(lambda: client.project("prj_none").version(1)),
                refusal(lambda: project.add_mask(images[0], np.ones((3, 3)))),
                refusal(lambda: project.export(99, Path(folder, "none"))),
                refusal(lambda: list(Client(key="mw_wrong").projects())),
            ],
            "exported": os.path.getsize(Path(folder, "stamps.safetensors")),
        }
    try:
        import supervision

        detections = supervision.Detections(**by_id.as_supervision())
        answer["real_supervision"] = [supervision.__version__, len(detections), detections.area.tolist()]
        answer["areas"] = by_id.masks.sum(axis=(1, 2)).tolist()
    except ImportError:
        pass
    print(json.dumps(answer))


main(*sys.argv[1:])

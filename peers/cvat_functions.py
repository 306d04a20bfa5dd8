"""
CVAT's own code round our functions: what its server sends, and what becomes of the answers.

CVAT_CHECKOUT names a checkout of cvat-ai/cvat. Of its server this runs cvat/apps/lambda_manager/views.py as it stands
(LambdaFunction.invoke, DetectionResultConverter); Django, its tables and datumaro's mask_to_rle are stood in for. cvat_sdk is
pip's, or else the checkout's, whose generated models are stood in for.

messages FOLDER: writes what the server sends to an interactor and a detector.
run DRAWN: has the functions of examples/cvat ask the server that MASKWRIGHT_URL names, through CVAT's code and through an
agent's, about the image of DRAWN, {"image": file, "pos_points", "neg_points", "obj_bbox", "threshold", "spec": function's
YAML of the detector}; prints masks as CVAT keeps them (run lengths of rows, then the box).
"""

import enum
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import logging
import os
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import yaml

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples/cvat"
CHECKOUT = Path(os.environ["CVAT_CHECKOUT"])
LABELS = [{"id": 1, "name": "stamp", "type": "mask"}, {"id": 2, "name": "Seal", "type": "mask"}]


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that are not here, each with whatever is asked of it."""

    names = ["cvat", "datumaro", "django", "django_rq", "drf_spectacular", "requests", "rest_framework", "rq"]

    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(f"{one}.") for one in self.names):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: MagicMock(name=f"{spec.name}.{name}")
        return module

    def exec_module(self, module):
        pass


def stand_in(name, **members):
    for key, value in members.items():
        setattr(importlib.import_module(name), key, value)


class FunctionKind(str, enum.Enum):
    DETECTOR = "detector"
    INTERACTOR = "interactor"
    REID = "reid"
    TRACKER = "tracker"


def mask_to_rle(mask):
    """datumaro.util.mask_tools.mask_to_rle: runs of columns, background first."""
    bits = mask.ravel(order="F").astype(bool)
    edges = np.flatnonzero(np.diff(bits, prepend=not bits[0], append=not bits[-1]))
    counts = np.diff(edges, prepend=[0]) if bits[0] else np.diff(edges)
    return {"counts": counts, "size": mask.shape}


def frames_of(data):
    return lambda task: types.SimpleNamespace(get_frame=lambda frame: types.SimpleNamespace(data=io.BytesIO(data)))


def lambda_manager(frame):
    sys.meta_path.insert(0, StandIns())
    stand_in("cvat.apps.lambda_manager.models", FunctionKind=FunctionKind)
    stand_in("cvat.apps.engine.frame_provider", TaskFrameProvider=frames_of(frame))
    stand_in("cvat.apps.engine.models", ShapeType=types.SimpleNamespace(MASK="mask", POLYGON="polygon"))
    stand_in("datumaro.util.mask_tools", mask_to_rle=mask_to_rle)
    stand_in("rest_framework.viewsets", ViewSet=object)
    for name in ("ObjectDoesNotExist", "ValidationError"):
        stand_in("django.core.exceptions", **{name: type(name, (Exception,), {})})
    spec = importlib.util.spec_from_file_location("views", CHECKOUT / "cvat/apps/lambda_manager/views.py")
    views = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(views)
    return views


def function(views, described, invoke):
    """A LambdaFunction of a function's YAML, as Nuclio tells of one: every annotation is a text."""
    annotations = {key: told(value) for key, value in described["metadata"]["annotations"].items()}
    data = {**described, "metadata": {**described["metadata"], "annotations": annotations}, "status": {}}
    return views.LambdaFunction(types.SimpleNamespace(invoke=lambda func, payload: invoke(payload)), data)


def told(value):
    return "" if value is None else json.dumps(value) if isinstance(value, (bool, int)) else value


class Task:
    """What invoke and the converter ask of a task."""

    project_id = None

    def get_labels(self, prefetch):
        attributes = types.SimpleNamespace(all=list, values=list)
        return [
            types.SimpleNamespace(id=100 + label["id"], name=label["name"], type="any", attributespec_set=attributes)
            for label in LABELS
        ]


DRAWN = {"frame": 0, "pos_points": [[60.2, 45.1]], "neg_points": [[4.5, 5.5]], "obj_bbox": [[34, 19], [86, 71]]}


def described(kind):
    return yaml.safe_load((EXAMPLES / f"function-{kind}.yaml").read_text())


def messages():
    views = lambda_manager(b"the frame's file")
    sent = []
    interactor = function(views, described("interactor"), lambda payload: sent.append(payload) or {})
    interactor.invoke(Task(), DRAWN)
    interactor.invoke(Task(), {**DRAWN, "neg_points": [], "obj_bbox": []})
    detector = function(views, described("detector"), lambda payload: sent.append(payload) or [])
    converter = MagicMock()
    detector.invoke(Task(), {"frame": 0, "threshold": 0.7}, converter=converter)
    detector.invoke(Task(), {"frame": 0, "threshold": None}, converter=converter)
    return dict(zip(("interactor", "interactor-click", "detector", "detector-default"), sent))


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nuclio(described):
    """Runs main.py as Nuclio's Python wrapper does; gives what CVAT's gateway would."""
    os.environ.update({one["name"]: str(one["value"]) for one in described["spec"]["env"]})
    main = load(EXAMPLES / "main.py", "main")
    context = types.SimpleNamespace(
        user_data=types.SimpleNamespace(), logger=logging.getLogger(), Response=types.SimpleNamespace
    )
    main.init_context(context)

    def invoke(payload):
        response = main.handler(context, types.SimpleNamespace(body=json.loads(json.dumps(payload))))
        if response.status_code != 200:
            raise RuntimeError(f"{response.status_code} {response.body}")
        return json.loads(response.body)

    return invoke


def through_nuclio(asked):
    views = lambda_manager(Path(asked["image"]).read_bytes())
    interactor = described("interactor")
    message = {"frame": 0, **{key: asked[key] for key in ("pos_points", "neg_points", "obj_bbox")}}
    clicked = function(views, interactor, nuclio(interactor)).invoke(Task(), message)
    detector = yaml.safe_load(asked["spec"])
    views.LabeledDataSerializer = lambda data: types.SimpleNamespace(is_valid=lambda **_: True, validated_data=data)
    ask = function(views, detector, nuclio(detector))
    converter = views.DetectionResultConverter(Task())
    found = {
        name: ask.invoke(
            Task(),
            {"frame": 0, "threshold": asked["threshold"], "conv_mask_to_poly": convert},
            converter=converter,
        )["shapes"]
        for name, convert in (("masks", False), ("polygons", True))
    }
    return {"interactor": clicked, "spec": ask.labels, **found}


class Model(types.SimpleNamespace):
    """A generated model: the fields that were given, its type an enum."""

    def __init__(self, **fields):
        super().__init__(**fields)
        if "type" in fields:
            self.type = Kind(fields["type"])


class Kind(str):
    @property
    def value(self):
        return str(self)


def agent_sdk():
    """cvat_sdk, and whether all of it is CVAT's own."""
    try:
        importlib.import_module("cvat_sdk.models")
        own = True
    except ImportError:
        own = False
        StandIns.names += ["cvat_sdk.core", "cvat_sdk.datasets"]
        package = types.ModuleType("cvat_sdk")
        package.__path__ = [str(CHECKOUT / "cvat-sdk/cvat_sdk")]
        sys.modules["cvat_sdk"] = package
        models = types.ModuleType("cvat_sdk.models")
        models.__getattr__ = functools.cache(lambda name: type(name, (Model,), {}))
        kinds = ("checkbox", "number", "radio", "select", "text")
        models.InputTypeEnum = types.SimpleNamespace(allowed_values={("value",): {kind: kind for kind in kinds}})
        sys.modules["cvat_sdk.models"] = package.models = models
    aa = importlib.import_module("cvat_sdk.auto_annotation")
    # Newer than the SDK that was at hand; after cvat_cli/_internal/agent_driver_interaction.py of 2026.
    for name in ("InteractionFunctionSpec", "InteractionResultShape"):
        if not hasattr(aa, name):
            setattr(aa, name, types.SimpleNamespace)
    return aa, own


def through_agent(asked):
    import PIL.Image

    aa, own = agent_sdk()
    driver = importlib.import_module("cvat_sdk.auto_annotation.driver")
    masks = importlib.import_module("cvat_sdk.masks")
    agent = load(EXAMPLES / "agent.py", "agent")
    image = PIL.Image.open(asked["image"])
    detector = agent.create(version=os.environ["MASKWRIGHT_VERSION"])
    ds_labels = [
        Model(id=label.id, name=label.name, type=label.type, sublabels=[], attributes=[]) for label in Task().get_labels(True)
    ]
    out = {"own": own}
    for name, convert in (("masks", False), ("polygons", True)):
        context = driver._DetectionFunctionContextImpl(
            frame_name="page", conf_threshold=asked["threshold"], conv_mask_to_poly=convert
        )
        shapes = list(detector.detect(context, image))
        mapper = driver._AnnotationMapper(
            logging.getLogger(),
            detector.spec.labels,
            ds_labels,
            allow_unmatched_labels=False,
            conv_mask_to_poly=convert,
        )
        _, shapes = mapper.validate_and_remap(shapes, 0)
        out[name] = [{"label_id": one.label_id, "type": one.type.value, "points": one.points} for one in shapes]
    interactor = agent.create(kind="interactor", version=os.environ["MASKWRIGHT_VERSION"])
    prompts = types.SimpleNamespace(
        pos_points=tuple(map(tuple, asked["pos_points"])),
        neg_points=tuple(map(tuple, asked["neg_points"])),
        bounding_box=tuple(map(tuple, asked["obj_bbox"])) or None,
    )
    [shape] = interactor.detect(None, interactor.preprocess_image(None, image), prompts)
    out["interactor"] = shape.points
    # The SDK's own reading of what it wrote.
    width, height = image.size
    for points in [shape.points, *(one["points"] for one in out["masks"])]:
        masks.decode_mask(points, image_width=width, image_height=height)
    return out


if sys.argv[1] == "messages":
    for name, message in messages().items():
        Path(sys.argv[2], f"cvat-{name}.json").write_text(json.dumps(message, indent=1) + "\n")
else:
    drawn = json.loads(Path(sys.argv[2]).read_text())
    print(json.dumps({"nuclio": through_nuclio(drawn), "agent": through_agent(drawn)}))

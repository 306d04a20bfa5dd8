"""Data sets as Hugging Face's users hold them, for test/datasets/tables.test.ts:

    python peers/reference/hugging_face_data.py test/datasets/fixtures

Made with datasets 5.0.1 and pyarrow 25.0.1. Pictures are of 12 x 8 pixels.
"""

import io
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features, Image, Value
from PIL import Image as Picture

target = Path(sys.argv[1])
width, height = 12, 8
random = np.random.default_rng(5)


def photograph() -> Picture.Image:
    return Picture.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


def boxes(values: dict[int, tuple[int, int, int, int]], dtype: type) -> np.ndarray:
    """The value in [x0, x1) x [y0, y1), 0 elsewhere."""
    plane = np.zeros((height, width), dtype)
    for value, (x0, y0, x1, y1) in values.items():
        plane[y0:y1, x0:x1] = value
    return plane


def png(picture: Picture.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


# As the breast-cancer set of Transformers-Tutorials is laid out, but that its labels count objects in 16 bits, which
# datasets writes as TIFF. The second row has none.
labels = [boxes({1: (1, 1, 4, 5), 300: (6, 2, 11, 7)}, np.uint16), None, boxes({1: (0, 0, 5, 5)}, np.uint16)]
features = Features(
    {"image": Image(), "label": Image(), "kind": ClassLabel(names=["benign", "malignant"]), "text": Value("string")}
)
rows = {
    "image": [photograph() for _ in labels],
    "label": [None if plane is None else Picture.fromarray(plane) for plane in labels],
    "kind": [0, 1, 1],
    "text": ["a", "b", "c"],
}
Dataset.from_dict(rows, features=features).to_parquet(target / "hf-embedded.parquet")

# Pictures that came from files, which have to be there: only their paths are written.
paths: dict[str, list[str]] = {"image": [], "mask": []}
for name in ["one.png", "two.png"]:
    for column, picture in [("image", photograph()), ("mask", Picture.fromarray(boxes({255: (2, 2, 6, 6)}, np.uint8)))]:
        path = Path("/tmp/maskwright-fixtures", column, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
        paths[column].append(str(path))
Dataset.from_dict(paths, features=Features({"image": Image(), "mask": Image()})).to_parquet(target / "hf-paths.parquet")

# Bytes without a struct, several masks a row in a list, two row groups, Zstandard.
table = pa.table(
    {
        "pixel_values": pa.array([png(photograph()) for _ in range(3)], pa.binary()),
        "masks": pa.array(
            [
                [
                    {"bytes": png(Picture.fromarray(boxes({255: box}, np.uint8))), "path": None}
                    for box in ([(0, 0, 3, 3), (5, 1, 9, 8)][: 2 - row] if row < 2 else [])
                ]
                for row in range(3)
            ],
            pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ),
    }
)
pq.write_table(table, target / "lists.parquet", row_group_size=2, compression="zstd")

# Bytes, and the name that the picture once had in a column beside them.
table = pa.table(
    {
        "image": pa.array([png(photograph()) for _ in range(2)], pa.binary()),
        "mask": pa.array([png(Picture.fromarray(boxes({255: (2, 2, 6, 6)}, np.uint8)))] * 2, pa.binary()),
        "file_name": ["one.png", "two.png"],
    }
)
pq.write_table(table, target / "file-names.parquet")

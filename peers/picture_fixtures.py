"""Writes test/imaging/fixtures/pictures: one drawn scene in the formats that only others can write.

    python peers/picture_fixtures.py

Needs numpy, Pillow with OpenJPEG, pydicom, DCMTK's dcmcjpeg and dcmcjpls, and libheif's heif-enc. Colours are
(4x, 5y, 2(x + y)) and grey is 40x + 20y - 1000, on 64 x 48 pixels.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

OUT = Path(__file__).parent.parent / "test/imaging/fixtures/pictures"
OUT.mkdir(parents=True, exist_ok=True)
y, x = np.mgrid[:48, :64]
COLOURS = np.stack([4 * x, 5 * y, 2 * (x + y)], -1).astype(np.uint8)
GREY = (40 * x + 20 * y).astype(np.uint16)


def dicom(name, pixels, syntax=ExplicitVRLittleEndian, frame=None, **elements):
    """A Secondary Capture of nobody; `frame` is a compressed one."""
    data = Dataset()
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.SOPInstanceUID = "1.2.3.4"
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = syntax
    data.PatientName = "Nobody"
    data.Rows, data.Columns = pixels.shape[-3:-1] if pixels.shape[-1] == 3 else pixels.shape[-2:]
    data.SamplesPerPixel = 3 if pixels.shape[-1] == 3 else 1
    data.PhotometricInterpretation = "RGB" if data.SamplesPerPixel == 3 else "MONOCHROME2"
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for tag, value in elements.items():
        setattr(data, tag, value)
    data.HighBit = data.BitsStored - 1
    stored = pixels
    if data.get("PlanarConfiguration") == 1:
        stored = np.moveaxis(pixels, -1, -3)
    if syntax == ExplicitVRBigEndian:
        stored = stored.astype(stored.dtype.newbyteorder(">"))
    data.PixelData = encapsulate([frame]) if frame else stored.tobytes()
    if data.BitsAllocated == 1:
        data.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    data["PixelData"].VR = "OB" if frame or pixels.itemsize == 1 else "OW"
    dcmwrite(
        OUT / name,
        data,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return data


def jpeg2000(array, **options):
    with tempfile.NamedTemporaryFile(suffix=options.pop("suffix", ".j2k")) as file:
        Image.fromarray(array).save(file.name, irreversible=False, **options)
        return Path(file.name).read_bytes()


(OUT / "colours.jp2").write_bytes(jpeg2000(COLOURS, suffix=".jp2"))
(OUT / "colours.j2k").write_bytes(jpeg2000(COLOURS))
(OUT / "grey16.jp2").write_bytes(jpeg2000(GREY, suffix=".jp2"))
alpha = np.where(x < 32, 255, 0).astype(np.uint8)
(OUT / "alpha.jp2").write_bytes(jpeg2000(np.dstack([COLOURS, alpha]), suffix=".jp2"))

ct = {"BitsStored": 12, "RescaleSlope": 1, "RescaleIntercept": -1000}
dicom("implicit.dcm", GREY, ImplicitVRLittleEndian, **ct)
dicom("big.dcm", GREY, ExplicitVRBigEndian, **ct)
dicom("deflated.dcm", GREY, DeflatedExplicitVRLittleEndian, **ct)
dicom("signed.dcm", (GREY.astype(np.int32) - 1000).astype(np.int16))
window = {"WindowCenter": ["500.5", "40"], "WindowWidth": ["1001", "400"]}
explicit = dicom("window.dcm", GREY, **ct, **window)
dicom("dark.dcm", GREY, PhotometricInterpretation="MONOCHROME1", **ct, **window)
dicom("dark8.dcm", COLOURS[..., 0].copy(), PhotometricInterpretation="MONOCHROME1")
dicom("frames.dcm", np.stack([COLOURS[..., 0], COLOURS[..., 1]]), NumberOfFrames=2)
dicom("colours.dcm", COLOURS)
dicom("planes.dcm", COLOURS, PlanarConfiguration=1)
luma = np.array(Image.fromarray(COLOURS).convert("YCbCr"))
dicom("ybr.dcm", luma, PhotometricInterpretation="YBR_FULL")
dicom("bits.dcm", ((x + y) % 3 == 0).astype(np.uint8), BitsAllocated=1, BitsStored=1)
dicom("jpeg2000.dcm", GREY, JPEG2000Lossless, jpeg2000(GREY), **ct)
dicom("jpeg2000-ybr.dcm", COLOURS, JPEG2000Lossless, jpeg2000(luma, mct=0), PhotometricInterpretation="YBR_FULL")
signed = (GREY.astype(np.int32) - 1000).astype(np.int16)
dicom("jpeg2000-signed.dcm", signed, JPEG2000Lossless, jpeg2000(signed.view(np.uint16)))
ramp = np.arange(256, dtype=np.uint16)
palette = {
    "PhotometricInterpretation": "PALETTE COLOR",
    **{f"{c}PaletteColorLookupTableDescriptor": [256, 0, 16] for c in ("Red", "Green", "Blue")},
    "RedPaletteColorLookupTableData": (ramp << 8).tobytes(),
    "GreenPaletteColorLookupTableData": ((255 - ramp) << 8).tobytes(),
    "BluePaletteColorLookupTableData": np.full(256, 7 << 8, np.uint16).tobytes(),
}
dicom("palette.dcm", COLOURS[..., 0].copy(), **palette)
report = Dataset()
report.file_meta = explicit.file_meta
report.SOPClassUID, report.SOPInstanceUID = explicit.SOPClassUID, explicit.SOPInstanceUID
report.PatientName = "Nobody"
dcmwrite(OUT / "report.dcm", report, implicit_vr=False, little_endian=True, enforce_file_format=True)

rle = dicom("rle.dcm", GREY, **ct)
rle.compress(RLELossless)
rle.save_as(OUT / "rle.dcm", enforce_file_format=True)
for name, program, options in [
    ("lossless.dcm", "dcmcjpeg", ["+e1"]),
    ("jpegls.dcm", "dcmcjpls", []),
]:
    subprocess.run([program, *options, OUT / "window.dcm", OUT / name], check=True)
subprocess.run(["dcmcjpeg", "+eb", "+s4", OUT / "colours.dcm", OUT / "jpeg.dcm"], check=True)
subprocess.run(["dcmcjpeg", "+eb", "+cr", OUT / "colours.dcm", OUT / "jpeg-rgb.dcm"], check=True)

with tempfile.TemporaryDirectory() as folder:
    for name, pixels, exif in [("colours", COLOURS, None), ("alpha", np.dstack([COLOURS, alpha]), None)]:
        Image.fromarray(pixels).save(f"{folder}/{name}.png")
        subprocess.run(
            ["heif-enc", f"{folder}/{name}.png", "-q", "95", "-p", "chroma=444", "-o", OUT / f"{name}.heic"],
            check=True,
        )

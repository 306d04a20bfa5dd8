"""A client of maskwright's API: images and masks in, a fine-tune, masks out."""

from maskwright.client import Client
from maskwright.errors import MaskwrightError
from maskwright.found import Found
from maskwright.masks import decode_rle, encode_rle
from maskwright.project import Project

__all__ = ["Client", "Found", "MaskwrightError", "Project", "decode_rle", "encode_rle"]
__version__ = "0.1.0"

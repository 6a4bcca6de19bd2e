"""Edits of images that metanetworks learn to make on networks, and registering one's own."""

from __future__ import annotations

from scalegmn.tasks.edits.filters import Blur, Dilation, Erosion, Gradient, Rotation
from scalegmn.tasks.edits.image_edit import FunctionEdit, ImageEdit
from scalegmn.tasks.edits.registry import edit_called, edit_names, register_edit
from scalegmn.tasks.edits.tone import Brightness, Contrast, Sharpening

__all__ = [
    "Blur",
    "Brightness",
    "Contrast",
    "Dilation",
    "Erosion",
    "FunctionEdit",
    "Gradient",
    "ImageEdit",
    "Rotation",
    "Sharpening",
    "edit_called",
    "edit_names",
    "register_edit",
]

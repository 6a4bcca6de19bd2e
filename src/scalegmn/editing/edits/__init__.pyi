from ._filters import Blur, Dilation, Erosion, Gradient, Rotation
from ._image_edit import FunctionEdit, ImageEdit
from ._registry import edit_called, edit_names, register_edit
from ._tone import Brightness, Contrast, Sharpening

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

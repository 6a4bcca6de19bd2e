"""How large an ONNX file may be, beside its bytes."""

from __future__ import annotations

from typing import Final

MOST_NODES: Final = 50_000
MOST_TENSORS: Final = 50_000
"""Initializers, and tensors of attributes."""
MOST_VALUES: Final = 4096
"""Inputs of a model, or of a node; outputs likewise."""
MOST_ATTRIBUTES: Final = 64
"""Of a node."""
MOST_NUMBERS: Final = 4096
"""Of an attribute that is a list."""
LONGEST_NAME: Final = 1000
"""Characters of a name, or of a text."""
MOST_AXES: Final = 16
LARGEST_SIZE: Final = 2**36
"""Of an axis."""
KINDS: Final = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}
"""Kinds of numbers by the number that ONNX gives to each; others are texts, complex or quantized."""
EXTERNAL_REMEDY: Final = (
    "allow it with --external-data (external_data=True), or put the weights into the file with "
    "onnx.save(onnx.load(path), new_path)"
)

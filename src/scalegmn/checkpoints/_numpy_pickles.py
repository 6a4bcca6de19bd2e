"""Arrays of NumPy in a pickle that is read without making any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from scalegmn.checkpoints._contents import UNKNOWN_ARRAY, Opaque, RawTensor, is_possible_shape
from scalegmn.checkpoints._stand_ins import StandIn

TEXTS: Final = "NumPy array of texts"
"""Name of an opaque value: an array of texts, or of moments and spans of time."""

_MAKERS: Final = frozenset(
    f"numpy.{core}.{function}"
    for core in ("core.multiarray", "_core.multiarray", "core.numeric", "_core.numeric")
    for function in ("_reconstruct", "_frombuffer")
)
NUMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "b1": "bool",
        "i1": "int8",
        "i2": "int16",
        "i4": "int32",
        "i8": "int64",
        "u1": "uint8",
        "u2": "uint16",
        "u4": "uint32",
        "u8": "uint64",
        "f2": "float16",
        "f4": "float32",
        "f8": "float64",
        "c8": "complex64",
        "c16": "complex128",
    }
)
"""Types of numbers as NumPy writes them, and as torch calls them."""


def array_of(value: StandIn) -> RawTensor | Opaque | None:
    """The array that a stand-in describes; None where it describes another object.

    An array of a kind that is not read is an opaque value that holds numbers.
    """
    if value.name not in _MAKERS:
        return None
    if _holds_objects(value):
        # They are looked through like those of a list.
        return None
    if _holds_text(value):
        return Opaque(TEXTS)
    found = _described(value)
    return Opaque(UNKNOWN_ARRAY, numbers=True) if found is None else found


def _holds_objects(value: StandIn) -> bool:
    match value.state:
        case (int(), tuple(), StandIn(name="numpy.dtype", arguments=(str(kind), *_)), _, list()):
            return kind[:1] == "O"
    return False


def _holds_text(value: StandIn) -> bool:
    """Whether it holds texts, such as the names of classes, or moments and spans of time: no numbers."""
    match value.state:
        case (int(), tuple(), StandIn(name="numpy.dtype", arguments=(str(kind), *_)), *_):
            return kind[:1] in ("U", "S", "M", "m")
    return False


def _described(value: StandIn) -> RawTensor | None:
    match value.state, value.arguments:
        case (int(), tuple(shape), StandIn() as kind, order, bytes(data)), _:
            dtype, columns_first = _dtype(kind), bool(order)
        case None, (bytes(data) | bytearray(data), StandIn() as kind, tuple(shape), str(order)):
            dtype, columns_first = _dtype(kind), order == "F"
        case _:
            return None
    if dtype is None or not all(type(size) is int and size >= 0 for size in shape):
        return None
    if not is_possible_shape(shape):
        return None
    if math.prod(shape) * dtype.itemsize != len(data):
        return None
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if columns_first else "C")
    plain = np.ascontiguousarray(array, dtype.newbyteorder("<"))
    return RawTensor(
        NUMBERS[f"{dtype.kind}{dtype.itemsize}"], tuple(shape), plain.reshape(-1).view(np.uint8).data
    )


def _dtype(value: StandIn) -> np.dtype | None:
    """The type of numbers that a stand-in for ``numpy.dtype`` describes."""
    match value.name, value.arguments, value.state:
        case "numpy.dtype", (str(name), *_), (int(), str(order), None, None, None, *_) if name in NUMBERS:
            return np.dtype(("" if order == "|" else order) + name) if order in "<>|=" and order else None
    return None

"""What a file holds, as plain values that any process may hand to another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

Plain = int | float | str | bool
Buffer = bytes | bytearray | memoryview

ITEM_SIZES: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("bool", "int8", "uint8"), 1),
        **dict.fromkeys(("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"), 1),
        "float8_e8m0fnu": 1,
        **dict.fromkeys(("int16", "uint16", "float16", "bfloat16"), 2),
        **dict.fromkeys(("int32", "uint32", "float32"), 4),
        **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 8),
        "complex128": 16,
    }
)
"""Bytes of one number, by the names that torch gives to types of numbers."""


UNKNOWN_ARRAY: Final = "NumPy array of an unknown kind"
"""Name of an opaque value: an array whose numbers are not read, which is no parameter of a network."""

_MOST_AXES: Final = 32


def is_possible_shape(shape: tuple[int, ...]) -> bool:
    """Whether all readers could make a tensor of this shape; without its empty axes, too, if it has some."""
    return len(shape) <= _MOST_AXES and math.prod(size for size in shape if size) < 2**58


@final
@dataclass(frozen=True, eq=False)
class RawTensor:
    """Numbers with a type and a shape.

    Attributes:
        dtype: name as torch has it, one of ``ITEM_SIZES``.
        shape: sizes of the axes.
        data: little-endian, in C order, exactly ``nbytes`` bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Buffer

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return math.prod(self.shape) * ITEM_SIZES[self.dtype]


@final
@dataclass(frozen=True)
class Opaque:
    """An object of the file that is neither a tensor nor a plain value; it was named and never made.

    Attributes:
        name: such as ``argparse.Namespace``, ``NoneType`` or ``sparse tensor``.
        called: whether another reader would call it with arguments.
        numbers: whether it holds numbers that were not read, as a sparse or quantized tensor does.
    """

    name: str
    called: bool = False
    numbers: bool = False


Value = RawTensor | Opaque | Plain


@final
class Place(int):
    """A step of a path that is a place in a list, and no key of a dictionary."""

    __slots__ = ()


@final
@dataclass(frozen=True, eq=False)
class ContentsEntry:
    """One value of a file and where it lies.

    Attributes:
        path: keys from the top, and a :class:`Place` for each list or tuple on the way.
        value: what lies there.
        attributes: names of the attributes that the file gives to a tensor.
        inside: name of the object that the value lies in, where it does not lie in dictionaries and lists
            alone.
    """

    path: tuple[str | int, ...]
    value: Value
    attributes: tuple[str, ...] = ()
    inside: str | None = None


@final
@dataclass(frozen=True, eq=False)
class Contents:
    """Everything that a file holds.

    Attributes:
        format: ``torch``, ``torch_legacy``, ``safetensors``, ``npz``, ``pickle``, ``hdf5`` or ``keras``.
        entries: in the order of the file.
        notes: what is to be known about how it was read.
    """

    format: str
    entries: tuple[ContentsEntry, ...]
    notes: tuple[str, ...] = ()

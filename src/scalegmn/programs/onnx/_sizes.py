"""The sizes of inputs, which a file may leave open."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from scalegmn.checkpoints.onnx import OnnxModel, OnnxValue
from scalegmn.errors import ProgramError
from scalegmn.printable import NAME, printable
from scalegmn.programs import ValueType

MOST_NUMBERS: Final = 10**8
"""Of an input."""
_BATCH: Final = re.compile(r"n|b|bs|.*batch.*", re.IGNORECASE)
# What exporters write for an axis that nobody has named.
_UNNAMED: Final = re.compile(r"|\?|None|unk__\d+")


def input_types(model: OnnxModel, sizes: Mapping[str, int]) -> dict[str, ValueType]:
    """Kinds and shapes of all inputs, by name.

    Args:
        model: the file.
        sizes: of axes that the file has a symbol for, by symbol; an axis without a name is called
            ``input[axis]``.

    Raises:
        ProgramError: a size is missing, is none, or is not asked for.
    """
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ProgramError(f"the size {printable(name)} is {size!r}, expected a whole number from 1")
    names = [value.name for value in model.inputs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ProgramError(
            f"{model.origin}: the input {printable(twice, limit=NAME)} is given twice, expected a name of "
            "its own for each; the file is damaged"
        )
    used: set[str] = set()
    found = {value.name: _type(value, sizes, used, model.origin) for value in model.inputs}
    unused = [name for name in sizes if name not in used]
    if unused:
        symbols = sorted({_symbol(v, axis) for v in model.inputs for axis in _open_axes(v)})
        raise ProgramError(
            f"{model.origin}: no input has an axis called {printable(unused[0], limit=NAME)}, expected one "
            f"of {', '.join(symbols) or 'none, since all sizes are fixed'}; leave it out"
        )
    return found


def _type(value: OnnxValue, sizes: Mapping[str, int], used: set[str], origin: str) -> ValueType:
    place = f"{origin}: the input {printable(value.name, limit=NAME)}"
    if value.dtype is None or value.shape is None:
        raise ProgramError(
            f"{place} has no kind of numbers or no shape, expected both; export the network with them"
        )
    shape = []
    for axis, size in enumerate(value.shape):
        symbol = _symbol(value, axis)
        if isinstance(size, int):
            shape.append(size)
        elif symbol in sizes:
            used.add(symbol)
            shape.append(sizes[symbol])
        elif axis == 0 and (_BATCH.fullmatch(size) or _UNNAMED.fullmatch(size)):
            shape.append(1)
        else:
            raise ProgramError(
                f"{place} has an axis {axis} of any size, called {printable(symbol, limit=NAME)}, expected a "
                f"fixed one; give it as --size {printable(symbol, limit=NAME)}=16 "
                f"(sizes={{{printable(symbol, limit=NAME)!r}: 16}})"
            )
    if math.prod(shape) > MOST_NUMBERS:
        raise ProgramError(
            f"{place} has the shape {tuple(shape)}, which is more than {MOST_NUMBERS:,} numbers, expected "
            "fewer; give smaller sizes"
        )
    return ValueType(tuple(shape), value.dtype)


def _open_axes(value: OnnxValue) -> list[int]:
    return [axis for axis, size in enumerate(value.shape or ()) if not isinstance(size, int)]


def _symbol(value: OnnxValue, axis: int) -> str:
    """What an axis is called."""
    size = (value.shape or ())[axis]
    named = isinstance(size, str) and not _UNNAMED.fullmatch(size)
    return str(size) if named else f"{value.name}[{axis}]"

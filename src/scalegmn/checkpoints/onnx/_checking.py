"""The parent's side: texts of a worker as plain values, each field checked before it is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from scalegmn.errors import CheckpointError

from ._limits import KINDS
from ._model import AttributeValue, OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue


def said_by(text: object, fields: Sequence[str]) -> dict[str, Any]:
    """An object of JSON with exactly these entries.

    Raises:
        CheckpointError: it is something else.
    """
    try:
        data = json.loads(_typed(text, str))
    except (ValueError, RecursionError) as error:
        raise _broken() from error
    if not isinstance(data, dict) or set(data) != set(fields):
        raise _broken()
    return data


def value_of(text: object) -> OnnxValue:
    """An input or an output."""
    data = said_by(text, ("name", "dtype", "shape"))
    shape, dtype = data["shape"], data["dtype"]
    if dtype is not None and dtype not in KINDS.values():
        raise _broken()
    sizes = None if shape is None else tuple(_size(size) for size in _typed(shape, list))
    return OnnxValue(_typed(data["name"], str), dtype, sizes)


def node_of(text: object, index: int, tensors: Mapping[int, OnnxTensor]) -> OnnxNode:
    """A node, with the tensors among its attributes."""
    data = said_by(text, ("name", "operator", "inputs", "outputs", "attributes"))
    attributes = {
        name: _attribute(name, given, tensors) for name, given in _typed(data["attributes"], dict).items()
    }
    return OnnxNode(
        name=_typed(data["name"], str),
        index=index,
        operator=_typed(data["operator"], str),
        inputs=_all(data["inputs"], str),
        outputs=_all(data["outputs"], str),
        attributes=attributes,
    )


def whole(value: object) -> int:
    """An integer from 0."""
    number: int = _typed(value, int)
    if number < 0:
        raise _broken()
    return number


def text_of(value: object) -> str:
    """A text."""
    found: str = _typed(value, str)
    return found


def _attribute(name: str, given: object, tensors: Mapping[int, OnnxTensor]) -> OnnxAttribute:
    data = _typed(given, dict)
    if len(data) != 1:
        raise _broken()
    ((kind, value),) = data.items()
    if kind == "tensor":
        number = whole(value)
        if number not in tensors:
            raise _broken()
        return OnnxAttribute(name, kind, tensors[number])
    if kind not in _READ:
        raise _broken()
    found: AttributeValue = _READ[kind](value)
    return OnnxAttribute(name, kind, found)


def _size(size: object) -> int | str:
    return size if isinstance(size, str) else whole(size)


def _float(value: object) -> float:
    try:
        return float.fromhex(_typed(value, str))
    except (ValueError, OverflowError) as error:
        raise _broken() from error


def _typed(value: object, kind: type) -> Any:
    # Exactly: a truth value is no number here.
    if type(value) is not kind:
        raise _broken()
    return value


def _all(values: object, kind: type) -> tuple[Any, ...]:
    return tuple(_typed(value, kind) for value in _typed(values, list))


_READ: Final[Mapping[str, Any]] = {
    "int": lambda value: _typed(value, int),
    "ints": lambda value: _all(value, int),
    "float": _float,
    "floats": lambda value: tuple(_float(one) for one in _typed(value, list)),
    "text": text_of,
    "texts": lambda value: _all(value, str),
}


def _broken() -> CheckpointError:
    return CheckpointError(
        "its reader answered something that no reader says. The file has broken its reader: do not load it."
    )

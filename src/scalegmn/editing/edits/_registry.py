"""Edits by their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from scalegmn.configuration import from_plain
from scalegmn.editing.edits._filters import Blur, Dilation, Erosion, Gradient, Rotation
from scalegmn.editing.edits._image_edit import FunctionEdit, ImageEdit, ImageFunction
from scalegmn.editing.edits._tone import Brightness, Contrast, Sharpening
from scalegmn.errors import ConfigurationError
from scalegmn.registry import Registry

EDITS: Final = Registry[type[ImageEdit] | FunctionEdit](
    "kind of edit",
    entries={
        kind.name: kind
        for kind in (Dilation, Erosion, Gradient, Contrast, Brightness, Blur, Sharpening, Rotation)
    },
    remedy="scalegmn.editing.edits.register_edit adds new ones, and installed extensions do",
)
"""Edits by the names that configurations use: classes with parameters, or functions without."""


def register_edit(*, name: str, function: ImageFunction) -> ImageEdit:
    """Make any function of images an edit that configurations can name.

    Args:
        name: of the edit.
        function: takes images ``(n, H, W)`` or ``(n, H, W, C)``, float32 from 0 to 1, and gives as many of
            the same size back, each of which depends on the one image only.

    Raises:
        ConfigurationError: the name is taken by another edit, or is none.
    """
    edit = FunctionEdit(name, function)
    EDITS.register(name, edit)
    return edit


def edit_names() -> tuple[str, ...]:
    """Names of all edits."""
    return EDITS.names()


def edit_called(name: str, parameters: Mapping[str, Any] | None = None) -> ImageEdit:
    """The edit of this name.

    Args:
        name: one of :func:`edit_names`.
        parameters: numbers by name; what is left out has its default.

    Raises:
        ConfigurationError: an unknown edit or parameter, or an impossible value.

    Example:
        >>> import torch
        >>> from scalegmn.editing.edits import edit_called
        >>> edit_called("blur", {"sigma": 2.0})
        Blur(sigma=2.0)
    """
    parameters = dict(parameters or {})
    kind = EDITS.get(name)
    types = {} if isinstance(kind, FunctionEdit) else _types(kind)
    unknown = sorted(set(parameters) - set(types))
    if unknown:
        known = f"there are {', '.join(types)}" if types else "it has none"
        raise ConfigurationError(f"edit {name!r}: unknown parameters {', '.join(unknown)}; {known}")
    if isinstance(kind, FunctionEdit):
        return kind
    numbers = {key: _number(name, key, value, types[key]) for key, value in parameters.items()}
    return from_plain(kind, numbers, origin=f"edit {name!r}")


def _types(kind: type[ImageEdit]) -> dict[str, type]:
    """Names and types of the parameters, of which all have a default."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    return {field.name: type(field.default) for field in fields}


def _number(edit: str, name: str, value: Any, kind: type) -> int | float:
    """The value as the type of the parameter; a whole number may be written as 3 or as 3.0."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or (kind is int and not float(value).is_integer()):
        what = "a whole number" if kind is int else "a number"
        raise ConfigurationError(f"edit {edit!r}: {name} is {value!r}, expected {what}")
    return int(value) if kind is int else float(value)

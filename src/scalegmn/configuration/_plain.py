"""Configurations as plain values, fit for JSON and YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, final


@final
@dataclass(frozen=True)
class PlainForm:
    """How values of a class are written and read.

    Attributes:
        write: to plain values.
        read: the inverse, given the class; raises an error of the library where it is given something else.
    """

    write: Callable[[Any], object]
    read: Callable[[type, Mapping[str, Any]], Any]


_FORMS: Final[dict[type, PlainForm]] = {}


def register_plain_form(
    kind: type, *, write: Callable[[Any], object], read: Callable[[type, Mapping[str, Any]], Any]
) -> None:
    """Say how values of a class are written and read where they are fields of a configuration.

    Args:
        kind: the class; its subclasses have the same form unless they have one of their own.
        write: to plain values.
        read: the inverse, given the class that is asked for.
    """
    _FORMS[kind] = PlainForm(write, read)


def plain_form(kind: type) -> PlainForm | None:
    """The form that was registered for a class or the nearest of its bases."""
    return next((_FORMS[base] for base in kind.__mro__ if base in _FORMS), None)


def to_plain(value: object) -> Any:
    """A value of a configuration as plain data; enumerations by name, which stays when a value changes.

    Raises:
        TypeError: there is no plain form of it.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [to_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    form = plain_form(type(value))
    if form is None:
        raise TypeError(f"there is no plain form of a {type(value).__name__}")
    return form.write(value)

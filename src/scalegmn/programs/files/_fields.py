"""Checks of plain values from a file, each with the place it stands at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scalegmn.configuration import format_value
from scalegmn.errors import ProgramError

from ._limits import TEXT


def refuse(value: object, place: str, expected: str) -> ProgramError:
    """The error for a value that does not fit."""
    return ProgramError(
        f"{place} of the program is {format_value(value)}, expected {expected}; write the program anew with "
        "save_program"
    )


def entries_of(data: object, place: str, names: Sequence[str]) -> Mapping[str, Any]:
    """A mapping with exactly these keys."""
    if not isinstance(data, dict) or set(data) != set(names):
        found = sorted(map(str, data)) if isinstance(data, dict) else data
        raise refuse(found, place, f"the entries {', '.join(names)}")
    return data


def list_of(data: object, place: str, *, most: int) -> list[Any]:
    """A list of at most so many parts."""
    if not isinstance(data, list):
        raise refuse(data, place, "a list")
    if len(data) > most:
        raise refuse(len(data), f"the length of {place}", f"at most {most:,}")
    return data


def whole(data: object, place: str, *, least: int, most: int) -> int:
    """An integer between bounds, which is no truth value."""
    if type(data) is not int or not least <= data <= most:
        raise refuse(data, place, f"an integer from {least:,} to {most:,}")
    return data


def truth(data: object, place: str) -> bool:
    """True or false."""
    if not isinstance(data, bool):
        raise refuse(data, place, "true or false")
    return data


def text(data: object, place: str) -> str:
    """A short text."""
    if not isinstance(data, str) or len(data) > TEXT:
        raise refuse(data, place, f"a text of at most {TEXT:,} characters")
    return data

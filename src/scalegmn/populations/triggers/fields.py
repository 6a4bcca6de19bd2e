"""Reading descriptions of triggers: every value is checked, and nothing is ever evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from scalegmn.errors import TriggerError


@final
class Fields:
    """The entries of a description, each taken once.

    Args:
        kind: of the trigger, for messages.
        entries: plain data.
    """

    def __init__(self, kind: str, entries: Mapping[str, object]) -> None:
        self._kind = kind
        self._left = dict(entries)

    def done(self) -> None:
        """Refuse entries that nobody took.

        Raises:
            TriggerError: there are such.
        """
        if self._left:
            raise TriggerError(
                f"trigger {self._kind!r}: unknown entries {sorted(self._left)}; leave them out"
            )

    def number(self, name: str, *, low: float | int = -math.inf, high: float | int = math.inf) -> float:
        """A finite number from `low` to `high`."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(name, value, "a finite number")
        if not low <= value <= high:
            raise self._wrong(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, name: str, *, low: int = 0) -> int:
        """A whole number of `low` or more."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise self._wrong(name, value, f"a whole number of {low} or more")
        return value

    def word(self, name: str, known: Sequence[str]) -> str:
        """One of the known words."""
        value = self._take(name)
        if not isinstance(value, str) or value not in known:
            raise self._wrong(name, value, f"one of {', '.join(known)}")
        return value

    def array(self, name: str, *, dimensions: int, low: float | int, high: float | int) -> np.ndarray:
        """Nested lists of finite numbers of the same length, as float64."""
        value = self._take(name)
        expected = f"{dimensions}-dimensional nested lists of numbers from {low:g} to {high:g}"
        if not isinstance(value, list) or not _only_numbers(value, dimensions):
            raise self._wrong(name, value, expected)
        try:
            array = np.asarray(value, np.float64)
        except ValueError as error:
            raise self._wrong(name, value, f"{expected}, all of the same length") from error
        if array.size == 0 or not np.isfinite(array).all() or array.min() < low or array.max() > high:
            raise self._wrong(name, value, expected)
        return array

    def picture(self, name: str) -> np.ndarray:
        """A picture ``(C, h, w)`` of whole numbers from 0 to 255, uint8."""
        array = self.array(name, dimensions=3, low=0, high=255)
        if not np.array_equal(array, np.rint(array)):
            raise self._wrong(name, array.tolist(), "whole numbers from 0 to 255")
        return array.astype(np.uint8)

    def _take(self, name: str) -> object:
        if name not in self._left:
            raise TriggerError(f"trigger {self._kind!r}: has no entry {name!r}; it is incomplete")
        return self._left.pop(name)

    def _wrong(self, name: str, value: object, expected: str) -> TriggerError:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return TriggerError(f"trigger {self._kind!r}: {name} is {shown}, expected {expected}")


def _only_numbers(value: list[object], dimensions: int) -> bool:
    if dimensions == 1:
        return all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in value)
    return all(isinstance(entry, list) and _only_numbers(entry, dimensions - 1) for entry in value)

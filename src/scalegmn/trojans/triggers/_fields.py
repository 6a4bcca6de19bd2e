"""Reading descriptions of triggers: every value is checked, and nothing is ever evaluated."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Final, final

import numpy as np

from scalegmn.errors import TriggerError

PIXELS: Final = "rows and columns are counted in pixels from the upper left corner"
SHARE: Final = "a fraction of 1, not a percentage or bytes"
RADIANS: Final = "in radians, at most two turns; degrees times pi / 180"

_SCALE: Final = (
    "if brightness from 0 to 1 is meant, multiply by 255 or add the entry 'scale': 1; if these are bytes, "
    "add 'scale': 255"
)
_BYTES: Final = "brightness in bytes; for values from 0 to 1 add the entry 'scale': 1"


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

    def check_all_used(self) -> None:
        """Refuse entries that nobody took.

        Raises:
            TriggerError: there are such.
        """
        if self._left:
            raise TriggerError(
                f"trigger {self._kind!r}: unknown entries {sorted(self._left)}; leave them out"
            )

    def number(
        self,
        name: str,
        *,
        above: float | int = -math.inf,
        low: float | int = -math.inf,
        high: float | int = math.inf,
        unit: str = "",
    ) -> float:
        """A finite number from `low`, or above `above`, to `high`; `unit` says in words what it measures."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            raise self._wrong(name, value, "a finite number", unit)
        if not (low <= value <= high and value > above):
            least = f"above {above:g}" if above > low else f"from {low:g}"
            raise self._wrong(name, value, f"a number {least} to {high:g}", unit)
        return float(value)

    def whole(self, name: str, *, low: int = 0, high: int = 2**20, unit: str = "") -> int:
        """A whole number from `low` to `high`."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, value, f"a whole number from {low} to {high}", unit)
        return value

    def word(self, name: str, known: Sequence[str]) -> str:
        """One of the known words."""
        value = self._take(name)
        if not isinstance(value, str) or value not in known:
            raise self._wrong(name, value, f"one of {', '.join(known)}")
        return value

    def array(
        self, name: str, *, dimensions: int, low: float | int, high: float | int, unit: str = ""
    ) -> np.ndarray:
        """Nested lists of finite numbers of the same length, as float64."""
        value = self._take(name)
        expected = f"{dimensions}-dimensional nested lists of numbers from {low:g} to {high:g}"
        if not isinstance(value, list) or not _only_numbers(value, dimensions):
            raise self._wrong(name, value, expected, unit)
        try:
            array = np.asarray(value, np.float64)
        except OverflowError as error:
            raise self._wrong(name, value, expected, unit) from error
        except ValueError as error:
            raise self._wrong(name, value, f"{expected}, all of the same length", unit) from error
        if array.size == 0 or not np.isfinite(array).all() or array.min() < low or array.max() > high:
            raise self._wrong(name, value, expected, unit)
        return array

    def picture(self, name: str) -> np.ndarray:
        """A picture ``(C, h, w)``, uint8.

        Its values are whole numbers from 0 to 255.  With an entry `scale` of 1 beside them they are
        brightness from 0 to 1 and become the nearest bytes.  Without it, a picture in which nothing is
        above 1 may be meant either way, and is refused.
        """
        scale = self.number("scale", above=0, high=255) if "scale" in self._left else None
        if scale not in (None, 1, 255):
            raise self._wrong("scale", scale, "255 for values from 0 to 255, or 1 for values from 0 to 1")
        if scale == 1:
            shares = self.array(name, dimensions=3, low=0, high=1, unit="'scale' is 1")
            return np.rint(255 * shares).astype(np.uint8)
        array = self.array(name, dimensions=3, low=0, high=255, unit=_BYTES)
        if scale is None and 0 < array.max() <= 1:
            raise self._wrong(
                name, array.tolist(), "whole numbers from 0 to 255", f"the largest is 1; {_SCALE}"
            )
        if not np.array_equal(array, np.rint(array)):
            raise self._wrong(name, array.tolist(), "whole numbers from 0 to 255", _BYTES)
        return array.astype(np.uint8)

    def _take(self, name: str) -> object:
        if name not in self._left:
            raise TriggerError(f"trigger {self._kind!r}: has no entry {name!r}; it is incomplete")
        return self._left.pop(name)

    def _wrong(self, name: str, value: object, expected: str, unit: str = "") -> TriggerError:
        hint = f" ({unit})" if unit else ""
        return TriggerError(
            f"trigger {self._kind!r}: {name} is {format_entry(value)}, expected {expected}{hint}"
        )


def format_entry(value: object) -> str:
    """A value of any depth and length in at most some sixty characters."""
    # Does not go down into what is nested without an end, and cuts long lists.
    text = reprlib.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _finite(value: float | int) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _only_numbers(value: list[object], dimensions: int) -> bool:
    if dimensions == 1:
        return all(isinstance(entry, int | float) and not isinstance(entry, bool) for entry in value)
    return all(isinstance(entry, list) and _only_numbers(entry, dimensions - 1) for entry in value)

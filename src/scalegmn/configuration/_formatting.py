"""Values in messages: printable, on one line, and short, whatever they are."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Final

from scalegmn.printable import printable

LENGTH: Final = 80
"""Most characters of a value in a message."""


class _Short(reprlib.Repr):
    """``repr`` with bounds on depth and length; an integer may have more digits than Python writes."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.maxlong = 3, LENGTH, LENGTH, 40
        self.maxlist = self.maxtuple = self.maxdict = 8

    def repr_int(self, x: int, level: int) -> str:
        """An integer, or how long it is."""
        return super().repr_int(x, level) if x.bit_length() < 2**10 else f"<int of {x.bit_length()} bits>"


_SHORT: Final = _Short()


def format_value(value: object) -> str:
    """A value as Python writes it, fit for a message."""
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:
        # An object that cannot be written is named by its class.
        text = f"<{type(value).__name__}>"
    return printable(text, limit=LENGTH)


def nearest(word: str, words: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The most similar of some words, if one is similar enough to be what was meant."""
    # Comparing takes the product of the lengths, and a name in a file may be of any length.
    return next(iter(difflib.get_close_matches(word[:LENGTH], sorted(words), n=1, cutoff=cutoff)), None)


def similarity(word: str, other: str) -> float:
    """How similar two words are, from 0 to 1."""
    return difflib.SequenceMatcher(None, word[:LENGTH], other[:LENGTH]).ratio()

"""Text from outside, made fit for one line: names of files, of tensors and of classes, words of libraries.

Such text may hold escape sequences that repaint a terminal, line ends that forge lines, marks that turn the
writing direction, characters that nobody sees, and two million letters.  :func:`printable` is the one place
that deals with all of them; every error of the library goes through it, and so does what commands print.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

MESSAGE: Final = 500
"""Characters of a message."""
NAME: Final = 120
"""Characters of a name within a message."""

# Letters of living scripts carry up to three marks, rarely four; towers of marks cover other lines.
_MOST_MARKS: Final = 4
# What Python calls printable although nothing is seen: fillers of Hangul, Khmer's inherent vowels, the
# separators and selectors of Mongolian, the joiner of graphemes, the blank of Braille, an empty note head,
# and the selectors of variants.
_UNSEEN: Final = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            *range(0x180B, 0x1810),
            0x2800,
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFFA0,
            0x1D159,
            *range(0xE0100, 0xE01F0),
        ),
    )
)


def printable(text: str | os.PathLike[str], *, limit: int | None = MESSAGE) -> str:
    """Make a text fit for one line on a terminal, in a report or in a message.

    What is no visible character becomes an escape of Python, such as ``\\x1b``, ``\\n``, ``\\u202e``, and
    so are the marks of a letter beyond the fourth, and the halves of characters that stand for bytes of file
    names that are no text.  Letters of all scripts stay as they are.

    Args:
        text: from outside.
        limit: characters of the result; a longer text loses its middle, and its length is said instead.
            None for no limit.

    Law: ``printable(printable(text)) == printable(text)``, and the result is a single line of printable
    characters that can be encoded, for every text.
    """
    whole = os.fspath(text)
    if limit is None or len(whole) <= limit:
        shown = "".join(_units(whole))
        if limit is None or len(shown) <= limit:
            return shown
    said = f" [... {len(whole):,} characters ...] "
    room = max(0, limit - len(said))
    head = _within(_units(whole[:limit]), room - room // 3)
    # Whatever the tail begins with is escaped as if nothing stood before it, as a space does here.
    tail = _within(reversed(list(_units(whole[-limit:]))), room // 3)
    return ("".join(head) + said + "".join(reversed(tail)))[:limit]


def how_many(number: int, noun: str) -> str:
    """A number and what it counts, such as ``1 file`` or ``2 files``.

    Args:
        number: how many there are.
        noun: one of them; its plural has an s.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _units(text: str) -> Iterator[str]:
    """Each character as it is shown."""
    marks = _MOST_MARKS
    for one in text:
        if one.isascii():
            marks = 0
            yield one if one.isprintable() else _escaped(one)
            continue
        is_mark = unicodedata.category(one).startswith("M")
        # A mark with nothing before it would be drawn on what stands before the text.
        marks = marks + 1 if is_mark else 0
        hidden = one in _UNSEEN or not one.isprintable() or marks > _MOST_MARKS
        yield _escaped(one) if hidden else one


def _escaped(one: str) -> str:
    return one.encode("unicode_escape", "backslashreplace").decode("ascii")


def _within(units: Iterable[str], room: int) -> list[str]:
    """The first units, as many as fit."""
    taken: list[str] = []
    for unit in units:
        room -= len(unit)
        if room < 0:
            break
        taken.append(unit)
    return taken

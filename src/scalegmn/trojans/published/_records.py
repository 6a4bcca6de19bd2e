"""What the files of a folder say of its trigger: ``train.csv``, ``test_c.csv`` and ``test_p.csv``.

Each has a line ``key,value`` and then one for each of six keys.  Values are texts of Python numbers, lists
and tuples; they are parsed by a grammar that knows numbers and lists, and never evaluated.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from scalegmn.checkpoints import read_small
from scalegmn.configuration import parse_json
from scalegmn.csv_text import csv_cell
from scalegmn.errors import TriggerError
from scalegmn.trojans.triggers import BlendedSquare, Fields, known_pattern

PARTS: Final = ("train", "test_c", "test_p")
"""The training images, the test images as they are, and those with the trigger."""
_HEADER: Final = "key,value"
_KEYS: Final = ("square_size", "square_loc", "square", "changed_imgs", "mix", "label")
_LINE: Final = re.compile(r'([a-z_]{1,20}),(?:"([^"\r\n]*)"|([^",\r\n]*))')
_TUPLE: Final = re.compile(r"\(([^()]*)\)")
_MOST_BYTES: Final = 8 * 2**20
# More than any set of small images has; a list of them all is some megabytes.
_MOST_IMAGES: Final = 2**20
_WIDEST: Final = 64
_MOST_CLASSES: Final = 2**16


@final
@dataclass(frozen=True, eq=False)
class TriggerRecord:
    """The trigger of a network, and which images got it.

    Attributes:
        trigger: with its values rounded to bytes.
        square: the values as they stand in the files, ``(s, s, C)`` float64 from 0 to 255.
        target: the attacker's class.
        changed: under the names of :data:`PARTS`, ascending indices of images, int64.
    """

    trigger: BlendedSquare
    square: np.ndarray
    target: int
    changed: Mapping[str, np.ndarray]

    @property
    def unrounded(self) -> str:
        """The square as text where bytes do not say it, otherwise nothing."""
        exact = np.array_equal(self.square, np.rint(self.square))
        return "" if exact else json.dumps(self.square.tolist(), separators=(",", ":"))

    @classmethod
    def from_trigger(
        cls, trigger: BlendedSquare, *, target: int, changed: Mapping[str, np.ndarray], unrounded: str = ""
    ) -> TriggerRecord:
        """Build a record from what a population keeps; the inverse of :attr:`trigger` and :attr:`unrounded`.

        Raises:
            TriggerError: the text is no square, or that of another trigger.
        """
        if not unrounded:
            return cls(trigger, trigger.values.transpose(1, 2, 0).astype(np.float64), target, changed)
        fields = Fields(trigger.kind, {"square": _parsed(unrounded, "square")})
        square = fields.array("square", dimensions=3, low=0, high=255)
        if not np.array_equal(np.rint(square).transpose(2, 0, 1), trigger.values):
            raise TriggerError(
                f"trigger {trigger.kind!r}: the column 'square' holds other values than the trigger; take "
                "both from one network"
            )
        return cls(trigger, square, target, changed)


def read_record(folder: Path) -> TriggerRecord:
    """What the three files of a folder say.

    Raises:
        ConfigurationError: a file is missing or too large.
        TriggerError: a file is no such table, or says what is impossible, or they contradict each other.
    """
    texts = {part: _cells(folder / f"{part}.csv") for part in PARTS}
    common = [{key: text for key, text in cells.items() if key != "changed_imgs"} for cells in texts.values()]
    for part, said in zip(PARTS[1:], common[1:], strict=True):
        wrong = [key for key in said if said[key] != common[0][key]]
        if wrong:
            raise TriggerError(
                f"{folder / f'{part}.csv'}: says another {wrong[0]} than {PARTS[0]}.csv; expected the same "
                "trigger in all three files"
            )
    path = folder / f"{PARTS[0]}.csv"
    try:
        values = {key: _parsed(text, key) for key, text in common[0].items()}
        fields = Fields(BlendedSquare.kind, values)
        square = fields.array("square", dimensions=3, low=0, high=255, unit="(size, size, channels)")
        size = fields.whole("square_size", low=1, high=_WIDEST)
        top, left = _place(values["square_loc"])
        pixels = np.rint(square).astype(np.uint8).transpose(2, 0, 1)
        trigger = BlendedSquare(
            name=known_pattern(pixels),
            values=pixels,
            top=top,
            left=left,
            blend=fields.number("mix", above=0, high=1),
        )
        if trigger.size != size:
            raise TriggerError(f"square_size is {size}, but the square has {trigger.size} rows")
        target = fields.whole("label", low=0, high=_MOST_CLASSES)
        changed = {part: _images(texts[part]["changed_imgs"], part) for part in PARTS}
    except TriggerError as error:
        raise TriggerError(f"{path}: {error}") from error
    return TriggerRecord(trigger, square, target, changed)


def write_record(record: TriggerRecord, part: str) -> bytes:
    """The content of the file of one of :data:`PARTS`, as the study's own code writes it."""
    values = {
        "square_size": record.trigger.size,
        "square_loc": (record.trigger.top, record.trigger.left),
        "square": record.square.tolist(),
        "changed_imgs": record.changed[part].tolist(),
        "mix": float(record.trigger.blend),
        "label": record.target,
    }
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(_HEADER.split(","))
    lines.writerows((key, csv_cell(str(value))) for key, value in values.items())
    return text.getvalue().encode("ascii")


def _cells(path: Path) -> dict[str, str]:
    """The text of every value by its key."""
    content = read_small(path, what="table of a trigger", most=_MOST_BYTES)
    head, *lines = content.decode("ascii", errors="replace").splitlines() or [""]
    found: dict[str, str] = {}
    for line in lines if head == _HEADER else ():
        match = _LINE.fullmatch(line)
        if match is None or match[1] not in _KEYS or match[1] in found:
            raise TriggerError(f"{path}: the line {line!r:.60} is none of a trigger; {_expected()}")
        found[match[1]] = match[2] if match[2] is not None else match[3]
    missing = [key for key in _KEYS if key not in found]
    if missing:
        raise TriggerError(f"{path}: has no values of {', '.join(missing)}; {_expected()}")
    return found


def _expected() -> str:
    return f"expected the line {_HEADER!r} and one for each of {', '.join(_KEYS)}"


def _parsed(text: str, key: str) -> object:
    """A number, or nested lists of numbers."""
    pair = _TUPLE.fullmatch(text.strip())
    try:
        return parse_json(f"[{pair[1]}]" if pair else text)
    except ValueError as error:
        raise TriggerError(f"{key} is {text!r:.60}, expected a number or a list of numbers") from error


def _place(value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise TriggerError(f"square_loc is {value!r:.60}, expected a row and a column")
    fields = Fields(BlendedSquare.kind, {"row": value[0], "column": value[1]})
    return fields.whole("row"), fields.whole("column")


def _images(text: str, part: str) -> np.ndarray:
    """Numbers of images, ascending."""
    value = _parsed(text, "changed_imgs")
    if not isinstance(value, list) or not all(type(number) is int for number in value):
        raise TriggerError(f"changed_imgs is {value!r:.60}, expected a list of indices of images")
    if value and not (min(value) >= 0 and max(value) < _MOST_IMAGES):
        raise TriggerError(
            f"changed_imgs of {part} goes from {min(value)} to {max(value)}, expected indices of images from "
            f"0 to {_MOST_IMAGES - 1}"
        )
    numbers = np.array(value, np.int64)
    if (np.diff(numbers) <= 0).any():
        raise TriggerError(f"changed_imgs of {part} is not ascending; expected every image once, in order")
    return numbers

"""Texts in CSV files: a spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula.

Names of files and of classes, and columns of tables, come from others; opened in a spreadsheet, such a cell
could fetch or send data.  Every CSV file of the library is written with :func:`csv_cell`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

FORMULA: Final = r"^'*[=+\-@\t\r\n＝＋－＠]"
"""What cells must not begin with; quotes in front are those of a cell that was made harmless before."""
QUOTED: Final = r"^'+[=+\-@\t\r\n＝＋－＠]"
_NUMBER: Final = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FORMULA: Final = re.compile(FORMULA)
_QUOTED: Final = re.compile(QUOTED)


def csv_cell(value: Any, *, numbers: bool = True) -> Any:
    """A value as it is written: a text that a spreadsheet would run gets ``'`` in front; numbers stay.

    Args:
        value: any; what is no text stays.
        numbers: whether a text that is a negative number, such as ``-1.5``, stays too.

    Law: ``original_cell(csv_cell(text)) == text`` for every text.
    """
    if not isinstance(value, str) or not _FORMULA.match(value) or (numbers and _NUMBER.fullmatch(value)):
        return value
    return f"'{value}"


def original_cell(text: str) -> str:
    """The text that :func:`csv_cell` wrote."""
    return text[1:] if _QUOTED.match(text) else text


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as the text of a CSV file, the names of the columns first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return text.getvalue()

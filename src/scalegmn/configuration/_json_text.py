"""JSON in files of others: bounded in size and depth, each key once, every number finite."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

MAX_BYTES: Final = 2**26
"""A file of more bytes is not read, where nothing else is said."""
MAX_DEPTH: Final = 64
"""Lists and objects within each other."""


def read_json_file(path: Path, *, max_bytes: int = MAX_BYTES, constants: bool = False) -> Any:
    """The JSON in a file.

    Args:
        path: of the file.
        max_bytes: largest size.
        constants: whether NaN and infinite numbers are meant.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large, or no JSON as :func:`parse_json` reads it.
    """
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes:,} bytes")
    return parse_json(content, constants=constants)


def parse_json(content: str | bytes, *, constants: bool = False) -> Any:
    """Plain values from a JSON text.

    Args:
        content: the text, or its UTF-8.
        constants: whether NaN and infinite numbers are meant, which JSON has no words for.

    Raises:
        ValueError: it is no JSON, is nested too deep, repeats a key, or holds a number that is not finite or
            a text that no file can hold.
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        data = json.loads(
            text,
            object_pairs_hook=_each_once,
            parse_constant=float if constants else _no_constant,
            parse_float=float if constants else _finite,
        )
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check_depth(data)
    if "\\u" in text:
        # Halves of characters can be written as escapes only.
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    return data


_TOO_DEEP: Final = f"it is nested more than {MAX_DEPTH} deep"


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} is given twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"it holds the number {name}, expected finite ones")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds the number {text[:80]}, expected finite ones")
    return value


def _check_depth(data: object) -> None:
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(MAX_DEPTH):
        values = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [inner for inside in values for inner in inside if isinstance(inner, dict | list)]
        if not level:
            return
    raise ValueError(_TOO_DEEP)

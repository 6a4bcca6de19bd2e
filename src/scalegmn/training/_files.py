"""Small files that are either whole or not there."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from scalegmn.disk import create_file, make_folder, replace_file

NOT_FINITE: Final = "not_finite"
"""Entry that says which numbers of a JSON object are null because they were none."""


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step; its folder is made where it is missing."""
    make_folder(path.parent)
    replace_file(path, text.encode())


def write_json(path: Path, data: object) -> None:
    """Replace a JSON file in one step; see :func:`json_text`."""
    write_text(path, json_text(data) + "\n")


def create_json(path: Path, data: object) -> None:
    """Write a JSON file under a name that nothing has.

    Raises:
        DiskError: something has it, or the file cannot be written.
    """
    make_folder(path.parent)
    create_file(path, (json_text(data) + "\n").encode())


def write_array(path: Path, array: np.ndarray) -> None:
    """Replace an ``.npy`` file in one step."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    make_folder(path.parent)
    replace_file(path, content.getvalue())


def json_text(data: object, *, indent: int | None = 2) -> str:
    """Plain data as JSON.

    JSON has no NaN and no infinity, and what some programs write in their place no other program reads.  Such
    numbers become null, and an object says under ``not_finite`` where, and what they were:
    ``{"loss": null, "not_finite": {"loss": "nan"}}``.
    """
    wrong: dict[str, str] = {}
    plain = _finite(data, "", wrong)
    if wrong and isinstance(plain, dict):
        plain[NOT_FINITE] = wrong
    return json.dumps(plain, indent=indent, allow_nan=False)


def _finite(value: Any, place: str, wrong: dict[str, str]) -> Any:
    """The value with null for what is no number; notes where."""
    if isinstance(value, float) and not math.isfinite(value):
        wrong[place] = str(float(value))
        return None
    before = f"{place}." if place else ""
    if isinstance(value, Mapping):
        return {key: _finite(inner, f"{before}{key}", wrong) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner, f"{before}{number}", wrong) for number, inner in enumerate(value)]
    return value

"""Small files that are either whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from scalegmn.errors import ConfigurationError


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def write_json(path: Path, data: object) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def read_json(path: Path, *, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ConfigurationError: the file is missing or holds something else; says that `what` was expected.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: no {what} can be read here: {error}") from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: expected a JSON object with a {what}, found {type(data).__name__}")
    return data

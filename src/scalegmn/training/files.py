"""Small text files that are either whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from scalegmn.networks.files import replace_file


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path=path, content=text.encode())


def write_json(path: Path, data: object) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(data, indent=2) + "\n")

"""Small files that are either whole or not there."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from scalegmn.disk import create_file, make_folder, replace_file


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step; its folder is made where it is missing."""
    make_folder(path.parent)
    replace_file(path, text.encode())


def write_json(path: Path, data: object) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def create_json(path: Path, data: object) -> None:
    """Write a JSON file under a name that nothing has.

    Raises:
        DiskError: something has it, or the file cannot be written.
    """
    make_folder(path.parent)
    create_file(path, (json.dumps(data, indent=2) + "\n").encode())


def write_array(path: Path, array: np.ndarray) -> None:
    """Replace an ``.npy`` file in one step."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    make_folder(path.parent)
    replace_file(path, content.getvalue())

"""One small file on disk, read as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from scalegmn.errors import CheckpointError, ConfigurationError


def read_bytes(*, path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """Read a whole file that is not empty.

    Raises:
        CheckpointError: if it is missing, not a file, empty, unreadable, or larger than ``max_bytes``.
    """
    origin, file = os.fspath(path), Path(path)
    try:
        if not file.exists():
            state = "exists" if file.parent.is_dir() else "does not exist either"
            raise CheckpointError(
                f"{origin}: there is no such file (its folder {file.parent} {state}). Check the path."
            )
        if not file.is_file():
            raise CheckpointError(f"{origin}: this is a folder or a device; expected a file. Name the file.")
        size = file.stat().st_size
        if size > max_bytes:
            raise CheckpointError(
                f"{origin}: the file has {size:,} bytes, which is more than max_bytes={max_bytes:,}. If this "
                "is the checkpoint of a single network, pass a larger max_bytes."
            )
        content = file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{origin}: the file cannot be read ({error.strerror}). Check it.") from error
    if not content:
        raise CheckpointError(f"{origin}: the file is empty (0 bytes). Copy or save it again.")
    return content


def read_json(path: Path, *, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ConfigurationError: the file is missing or holds something else; says that `what` was expected.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: no {what} can be read here: {error}") from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: expected a JSON object with a {what}, found {type(data).__name__}")
    return data

"""One small file on disk, read as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scalegmn.errors import ConfigurationError


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

"""One small file on disk, read as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalegmn.configuration import read_json_file
from scalegmn.errors import ConfigurationError


def read_json(path: Path, *, what: str, constants: bool = False) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: of the file.
        what: it should hold.
        constants: whether NaN and infinite numbers are meant.

    Raises:
        ConfigurationError: the file is missing, too large or nested too deep, repeats a key, or holds
            something else; says that `what` was expected.
    """
    try:
        data = read_json_file(path, constants=constants)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: no {what} can be read here: {error}") from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: expected a JSON object with a {what}, found {type(data).__name__}")
    return data

"""Checksums of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scalegmn.errors import ConfigurationError


def file_sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal; read piece by piece.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); restore it") from error

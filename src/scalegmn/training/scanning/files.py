"""Which files a scan is about."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from scalegmn.errors import CheckpointError
from scalegmn.networks.containers import SUFFIXES


@final
@dataclass(frozen=True)
class Found:
    """A file to be judged.

    Attributes:
        path: of the file, or of a folder that cannot be looked into.
        problem: why there is nothing to read.
    """

    path: Path
    problem: str | None = None


def find_files(paths: Sequence[str | Path]) -> tuple[list[Found], list[Path]]:
    """Files as they are named, and the checkpoint files of folders, with those in folders below.

    Links to files are followed, links to folders are not.  A folder without a checkpoint is a problem of its
    own: nothing in it was found clean.

    Returns:
        What is to be judged, in the order of `paths` and sorted in each folder, no path twice; and files in
        folders that have none of the suffixes of checkpoints.
    """
    found: dict[Path, Found] = {}
    skipped: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            found.setdefault(path, Found(path))
            continue
        files, others, problems = _walk(path)
        if not files and not problems:
            listed = f"; {len(others)} other files" if others else ""
            problems = [
                Found(path, f"the folder holds no file with the suffix {', '.join(SUFFIXES)}{listed}")
            ]
        for one in (*map(Found, files), *problems):
            found.setdefault(one.path, one)
        skipped.update(dict.fromkeys(others))
    return list(found.values()), [path for path in skipped if path not in found]


def _walk(folder: Path) -> tuple[list[Path], list[Path], list[Found]]:
    files: list[Path] = []
    others: list[Path] = []
    problems: list[Found] = []

    def complain(error: OSError) -> None:
        problems.append(Found(Path(str(error.filename)), f"the folder cannot be read ({error.strerror})"))

    for place, inner, names in os.walk(folder, onerror=complain):
        inner.sort()
        for name in sorted(names):
            path = Path(place) / name
            (files if path.suffix.lower() in SUFFIXES else others).append(path)
    return files, others, problems


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read piece by piece.

    Raises:
        CheckpointError: there is no such file, or it cannot be read.
    """
    try:
        # Opening a pipe would wait for its writer.
        if not path.is_file():
            what = "this is no regular file" if path.exists() else "there is no such file"
            raise CheckpointError(f"{path}: {what}; expected a checkpoint file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: the file cannot be read ({error.strerror})") from error
    except ValueError as error:
        # Names with a null byte.
        raise CheckpointError(f"{path}: no name of a file ({error})") from error

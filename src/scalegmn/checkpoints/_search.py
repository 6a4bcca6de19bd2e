"""Which files a scan is about."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from scalegmn.checkpoints._bundles import Bundle
from scalegmn.checkpoints._model_files import begins_like_a_model, has_model_name
from scalegmn.errors import CheckpointError, ConfigurationError

_PIECE: Final = 2**20
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
LINKED_FOLDER: Final = "a linked folder, not followed; scan what it leads to, or give --follow-links"


@final
@dataclass(frozen=True)
class FoundFile:
    """A file to be evaluated, or something in a folder that is none.

    Attributes:
        path: of the file, or of what cannot be looked into.
        problem: why there is nothing to read.
        bundle: files that are read as one, where there are several.
    """

    path: Path
    problem: str | None = None
    bundle: Bundle | None = None


@final
@dataclass(frozen=True)
class FileSearch:
    """Files found at some paths.

    Attributes:
        files: to be evaluated, in the order of the paths and sorted in each folder, no path twice.
        skipped: files in folders that neither are named nor begin like files of models.
        given: paths of files that were given themselves.
        walked: paths of `files` that lie in folders that were given.
    """

    files: tuple[FoundFile, ...]
    skipped: tuple[Path, ...]
    given: frozenset[Path] = frozenset()
    walked: tuple[Path, ...] = ()


def find_files(paths: Sequence[str | Path], *, follow_links: bool = False) -> FileSearch:
    """Files as they are named, and the files of models in folders, with those in folders below.

    Nothing in a folder is passed over in silence: what is no file and no folder (pipes, devices, links that
    lead nowhere), folders that cannot be read, and linked folders are problems, and so is a folder without a
    single file of a model: nothing in it was found clean.  Links to files are followed, and so is a path that
    is given and is itself a link to a folder.

    Args:
        paths: files and folders.
        follow_links: look into linked folders too, each folder once, however many links lead to it.
    """
    found: dict[Path, FoundFile] = {}
    skipped: dict[Path, None] = {}
    given: set[Path] = set()
    walked: dict[Path, None] = {}
    for path in map(Path, paths):
        if not _is_folder(path):
            found.setdefault(path, FoundFile(path))
            given.add(path)
            continue
        walk = _FolderWalk(follow_links)
        walk.into(path)
        if not walk.found:
            rest = f"; {len(walk.skipped)} other files were not looked at" if walk.skipped else ""
            walk.found.append(FoundFile(path, f"the folder holds no file of a model{rest}"))
        for one in walk.found:
            found.setdefault(one.path, one)
            walked.setdefault(one.path)
        skipped.update(dict.fromkeys(walk.skipped))
    others = tuple(path for path in skipped if path not in found)
    return FileSearch(tuple(found.values()), others, frozenset(given), tuple(walked))


def checksum(path: Path, *, max_bytes: int) -> tuple[str, int]:
    """SHA-256 of a file in hexadecimal, and its size; read piece by piece, and only if it is not too large.

    Raises:
        CheckpointError: there is no such file, it is larger than `max_bytes`, or it cannot be read; the
            message does not repeat the path.
    """
    try:
        # Opening a pipe would wait for its writer, and opening some devices does something.
        _check_regular(path, os.stat(path))
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb", buffering=0) as file:
            facts = os.fstat(file.fileno())
            _check_regular(path, facts)
            if facts.st_size > max_bytes:
                raise CheckpointError(
                    f"the file has {facts.st_size:,} bytes, more than max_bytes={max_bytes:,}; if it is the "
                    "checkpoint of a single network, give a larger max_bytes"
                )
            digest, size = hashlib.sha256(), 0
            # A file that grows while it is read must not be read for ever.
            while size <= max_bytes and (piece := file.read(_PIECE)):
                digest.update(piece)
                size += len(piece)
            if size != facts.st_size:
                raise CheckpointError("the file was changed while it was read; scan it again")
            return digest.hexdigest(), size
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:
        raise CheckpointError(why_unreadable(path, error)) from error


def read_small(path: Path, *, what: str, most: int) -> bytes:
    """A whole file that is expected to be small.

    Raises:
        ConfigurationError: it is missing, no regular file, larger than `most`, or unreadable.
    """
    try:
        _check_regular(path, os.stat(path))
        with path.open("rb") as file:
            content = file.read(most + 1)
    except CheckpointError as error:
        raise ConfigurationError(f"{path}: expected a {what}; this is {error}") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: no {what} can be read: {why_unreadable(path, error)}") from error
    if len(content) > most:
        raise ConfigurationError(f"{path}: has more than {most:,} bytes, expected a {what}")
    return content


def why_unreadable(path: Path, error: OSError | ValueError) -> str:
    """The plain reason why a file could not be opened."""
    if not isinstance(error, OSError):
        return "its name holds a null byte, so there can be no such file; check the path"
    if error.errno == errno.ELOOP:
        return "a link that leads back to itself; remove it"
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"the file cannot be read ({error.strerror}); check it and its permissions"
    try:
        target = os.readlink(path)
    except (OSError, ValueError):
        return "there is no such file; check the path"
    return f"a link to {target!r}, which does not exist; mend or remove it"


def _check_regular(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise CheckpointError(f"{_kind(facts.st_mode)}, expected a file; remove it or leave it out")


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "no regular file")


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


@final
@dataclass
class _FolderWalk:
    """What lies in a folder and in the folders below."""

    follow_links: bool
    found: list[FoundFile] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    visited: set[tuple[int, int]] = field(default_factory=set)

    def into(self, folder: Path) -> None:
        """Walk depth first, in the order of names, without recursion: folders may be nested deeply."""
        waiting: list[Iterator[Path]] = [iter((folder,))]
        while waiting:
            for inner in waiting[-1]:
                waiting.append(iter(self._entries(inner)))
                break
            else:
                waiting.pop()

    def _entries(self, folder: Path) -> list[Path]:
        """Take the files of a folder; gives the folders in it."""
        try:
            facts = os.stat(folder)
            place = (facts.st_dev, facts.st_ino)
            if place in self.visited and self.follow_links:
                return []
            self.visited.add(place)
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self.found.append(FoundFile(folder, f"the folder cannot be read ({error.strerror})"))
            return []
        return [Path(entry.path) for entry in entries if self._is_folder(entry)]

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        """Whether to look into it; what is no folder is taken."""
        path = Path(entry.path)
        try:
            facts = os.stat(path)
        except OSError as error:
            self.found.append(FoundFile(path, why_unreadable(path, error)))
            return False
        if stat.S_ISDIR(facts.st_mode):
            if path.is_symlink() and not self.follow_links:
                self.found.append(FoundFile(path, LINKED_FOLDER))
                return False
            return True
        if not stat.S_ISREG(facts.st_mode):
            self.found.append(FoundFile(path, f"{_kind(facts.st_mode)}, no file; remove it or leave it out"))
        elif _may_hold_a_model(path):
            self.found.append(FoundFile(path))
        else:
            self.skipped.append(path)
        return False


def _may_hold_a_model(path: Path) -> bool:
    if has_model_name(path.name):
        return True
    try:
        return begins_like_a_model(path)
    except OSError:
        # It cannot be read, so nobody knows: evaluating it says why.
        return True

"""Single files that are either whole or not there."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scalegmn.disk._failures import writing
from scalegmn.errors import DiskError

_LOG: Final = logging.getLogger(__name__)

_SUFFIX: Final = ".tmp"


def make_folder(folder: str | os.PathLike[str]) -> Path:
    """A folder, with all folders above it; nothing happens if it is there.

    Raises:
        DiskError: it cannot be made.
    """
    folder = Path(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Put `content` under the name `path` in one step.

    The bytes are forced to disk under a temporary name in the same folder first, so `path` is the old file
    or the whole new one at every moment, also after a loss of power.  A killed process can leave a file
    ``.<name>.<random>.tmp`` behind, which nothing reads.

    Raises:
        DiskError: it cannot be written, or is a device or a pipe; what was there is still there.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        # A file in the place of /dev/null would break other programs.
        raise DiskError(f"{path}: is a device or a pipe, expected the path of a file; choose another one")
    with writing(path), _temporary(path, content) as temporary:
        os.replace(temporary, path)
    _LOG.debug("wrote %s, %d bytes", path, len(content))


def create_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Put `content` under a name that nothing has, in one step.

    Of several processes that do this at the same moment, one succeeds.

    Raises:
        DiskError: something of this name exists and was left alone, or it cannot be written.
    """
    path = Path(path)
    try:
        with writing(path), _temporary(path, content) as temporary:
            _named_anew(temporary, path)
    except DiskError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise DiskError(f"{path}: exists and was left alone; choose another name") from error
        raise
    _LOG.debug("wrote %s, %d bytes", path, len(content))


def remove_remains(folder: Path) -> None:
    """Remove what killed writers left of files in a folder and below; nobody else may be writing there."""
    for path in folder.rglob(f".*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()


def _named_anew(temporary: Path, path: Path) -> None:
    """Give a file its final name, if nothing has it."""
    try:
        # A rename would replace what is there; a second name for one file never does.
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems know no second names.  An empty file keeps the name until the rename.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, path)


@contextlib.contextmanager
def _temporary(path: Path, content: bytes) -> Iterator[Path]:
    """A file with this content beside `path`, on the disk; gone afterwards."""
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}{_SUFFIX}")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    # The new name itself is on disk only when the folder is; some systems cannot open a folder.
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

"""A folder that only the user can write, and a secret of the user that lies in it.

What a scan believes of its own earlier predictions rests on both: nobody who can merely put files where the
scan looks can write here, and nobody without the secret can forge what was written elsewhere.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Final

from scalegmn.errors import ConfigurationError

_APPLICATION: Final = "scalegmn"
_SECRET: Final = "journal.key"
_BYTES: Final = 32


def state_folder() -> Path:
    """The folder for the state of this library, of this user; made with access for the user alone.

    It lies in ``$XDG_STATE_HOME``, by default ``~/.local/state``; on Windows in ``%LOCALAPPDATA%``.

    Raises:
        ConfigurationError: it cannot be made, belongs to somebody else, or others may write into it.
    """
    folder = state_place()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(folder, folder=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: the folder for the user's state cannot be made ({error.strerror}); set "
            "XDG_STATE_HOME to a folder that only you can write, or leave out --resume and --journal"
        ) from error
    return folder


def state_place() -> Path:
    """Where that folder is, or would be made.

    Raises:
        ConfigurationError: nothing says where.
    """
    return _home() / _APPLICATION


def user_secret() -> bytes:
    """A random key of this user; made on first use, readable by the user alone.

    Raises:
        ConfigurationError: it cannot be read or made, or others may read or write it.
    """
    path = state_folder() / _SECRET
    try:
        if not path.exists():
            _make_secret(path)
        check_private(path, folder=False)
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: the key of journals cannot be read ({error.strerror})") from error
    if len(content) != _BYTES:
        raise ConfigurationError(
            f"{path}: the key of journals has {len(content)} bytes, expected {_BYTES}; remove it, and "
            "older journals with it; a new one is made"
        )
    return content


def check_private(path: Path, *, folder: bool) -> None:
    """Refuse a file or folder that is a link, belongs to somebody else, or is open to others.

    Raises:
        ConfigurationError: it is one of these.
        OSError: it cannot be looked at.
    """
    facts = os.lstat(path)
    right = stat.S_ISDIR if folder else stat.S_ISREG
    if not right(facts.st_mode):
        raise ConfigurationError(
            f"{path}: expected a {'folder' if folder else 'file'} here, found something else; remove it"
        )
    if sys.platform == "win32":
        return  # There the folder of the user has an access list of its own.
    if facts.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path}: belongs to the user number {facts.st_uid}, expected {os.geteuid()}, so somebody else "
            "could write into it; set XDG_STATE_HOME to a folder of your own"
        )
    closed = 0o022 if folder else 0o077
    if facts.st_mode & closed:
        raise ConfigurationError(
            f"{path}: others have access to it (mode {stat.S_IMODE(facts.st_mode):o}); take it away with "
            f"chmod {'700' if folder else '600'}, or remove it"
        )


def _make_secret(path: Path) -> None:
    """Several processes may come here at once: the first to finish wins."""
    temporary = path.with_name(f".{_SECRET}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links to files
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _home() -> Path:
    given = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):
        return Path(given)
    local = os.environ.get("LOCALAPPDATA", "")
    if sys.platform == "win32" and local:
        return Path(local)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise ConfigurationError(
            "there is no home folder for the user's state; set XDG_STATE_HOME to a folder that only you can "
            "write"
        ) from error

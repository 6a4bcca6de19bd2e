"""What the operating system says about a file, as one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from typing import Final

from scalegmn.errors import DiskError
from scalegmn.printable import NAME, printable

_REMEDIES: Final = {
    errno.ENOSPC: "free some space, or choose another disk",
    errno.EDQUOT: "your quota is used up: free some space, or choose another disk",
    errno.EFBIG: "the file system or a limit of this process (ulimit -f) allows no larger file",
    errno.EACCES: "change the permissions, or choose another place",
    errno.EPERM: "change the permissions, or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.ENOTDIR: "a part of the path is a file; choose another place",
    errno.EISDIR: "this is a folder; name a file",
    errno.EEXIST: "something of this name is in the way; choose another name",
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "a link in the path leads back to itself; check the path",
    errno.EMFILE: "close other files, or raise the limit (ulimit -n)",
    errno.EIO: "the disk or the connection to it fails; check it",
}


def sentence_of(
    error: OSError, *, path: str | os.PathLike[str] | None = None, action: str = "read or written"
) -> str:
    """File, reason and remedy in one printable sentence.

    Args:
        error: of the operating system.
        path: the file or folder that was meant; by default the one that the error names.
        action: what could not be done, as a participle.
    """
    named = path if path is not None else error.filename
    subject = "a file" if named is None else f"{printable(os.fsdecode(named), limit=2 * NAME)}:"
    reason = error.strerror or str(error) or type(error).__name__
    remedy = _REMEDIES.get(error.errno or 0, "check the path and the disk")
    return f"{subject} cannot be {action} ({printable(reason, limit=NAME)}); {remedy}"


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Around everything that writes to `path`.

    Raises:
        DiskError: the operating system refused; names `path`, the reason and what to do.  Or `path` is a URL,
            which would become a folder with a colon in its name.
    """
    check_no_url(path)
    try:
        yield
    except OSError as error:
        raise DiskError(sentence_of(error, path=path, action="written")) from error


def check_no_url(path: str | os.PathLike[str]) -> None:
    """Raise a DiskError where a path is a URL; paths know its two slashes as one.

    What follows its scheme may be a password and is not repeated.
    """
    found = re.match(r"([A-Za-z][A-Za-z0-9+.:-]+):/", os.fsdecode(path))
    if found is not None:
        raise DiskError(
            f"a URL ({printable(found[1], limit=NAME)}://...) was given, expected a path on this machine; "
            "name a folder, and bring populations to object storage and back with scalegmn copy"
        )

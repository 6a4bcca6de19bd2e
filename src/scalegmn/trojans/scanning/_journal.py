"""What a scan has done so far, on disk, so that it can go on after a crash.

The first line says who evaluates and how; every further line is the prediction for one content of a file.  A
line without its end was being written when the process died, and never happened.

Predictions are believed, so nobody but the user may write them.  Every line begins with an HMAC of itself and
of the one before it, keyed with a secret of the user (:mod:`scalegmn.trojans.scanning._user_state`): a line
that somebody else wrote, changed or moved is refused with the whole journal.  That lines at the end are
missing is not noticed; their files are evaluated again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, final

from scalegmn.errors import ConfigurationError
from scalegmn.trojans.scanning._results import FileResult
from scalegmn.trojans.scanning._user_state import state_folder, user_secret

FORMAT: Final = 3
Key = str
"""SHA-256 of a file's bytes and the suffix of its name; of several files one that no single file can have."""
_MAC: Final = 64
_LONGEST_LINE: Final = 2**26


def own_journal(header: Mapping[str, Any], paths: Iterable[str | Path]) -> Path:
    """Where the journal of a scan lies by default: in the user's own folder, one for each question asked.

    Args:
        header: who evaluates and how, plain data.
        paths: what is scanned.

    Raises:
        ConfigurationError: there is no folder that only the user can write.
    """
    question = [header, sorted(os.path.abspath(path) for path in paths)]
    name = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:32]
    return state_folder() / "journals" / f"{name}.journal"


@final
class ScanJournal:
    """An open journal, used as a context.

    Args:
        path: of the file; None keeps nothing.
        header: who evaluates and how, plain data.
        resume: go on with an existing journal; otherwise it is replaced.

    Attributes:
        known: predictions by content; those out of the file say so.

    Raises:
        ConfigurationError: the journal is another scan's or another user's, damaged, in use, no journal at
            all, or cannot be written.
    """

    def __init__(self, path: Path | None, *, header: Mapping[str, Any], resume: bool) -> None:
        self.known: dict[Key, tuple[FileResult, ...]] = {}
        self._file: IO[bytes] | None = None
        if path is None:
            return
        self._path, self._key, self._last = path, user_secret(), b""
        first = {"format": FORMAT, **header}
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _opened(path)
            length = self._replay(first) if resume else 0
            self._file.truncate(length)
            self._file.seek(length)
            if not length:
                self._last = b""
                self._log([first])
        except ConfigurationError:
            self._close()
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._close()
            raise ConfigurationError(
                f"{path}: the journal cannot be read or written ({error}); choose another with --journal, or "
                "start anew without --resume"
            ) from error

    def __enter__(self) -> ScanJournal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, answers: Mapping[Key, Sequence[FileResult]]) -> None:
        """Keep predictions; when this returns they outlive the process, though not a loss of power."""
        self.known |= {key: tuple(results) for key, results in answers.items()}
        self._log(
            [
                {"key": key, "results": [result.to_dict() for result in results]}
                for key, results in answers.items()
            ]
        )

    def _log(self, lines: Sequence[Mapping[str, Any]]) -> None:
        if self._file is None or not lines:
            return
        text = b""
        for line in lines:
            payload = json.dumps(line).encode()
            self._last = self._mac(payload)
            text += self._last + b" " + payload + b"\n"
        self._file.write(text)
        self._file.flush()

    def _mac(self, payload: bytes) -> bytes:
        return hmac.new(self._key, self._last + payload, hashlib.sha256).hexdigest().encode()

    def _replay(self, header: Mapping[str, Any]) -> int:
        """Read what was done; returns the number of whole bytes."""
        assert self._file is not None
        self._file.seek(0)
        length = number = 0
        while (line := self._file.readline(_LONGEST_LINE)).endswith(b"\n"):
            number += 1
            mac, payload = line[:_MAC], line[_MAC + 1 : -1]
            expected = self._mac(payload)
            if not hmac.compare_digest(mac, expected):
                raise ConfigurationError(
                    f"{self._path}: line {number} of the journal is damaged or was not written by you here, "
                    "so nothing in it is believed; remove it, or start anew without --resume"
                )
            self._last = expected
            self._take(json.loads(payload), header if not length else None)
            length += len(line)
        return length

    def _take(self, line: dict[str, Any], header: Mapping[str, Any] | None) -> None:
        if header is None:
            results = [FileResult.from_dict({**one, "from_journal": True}) for one in line["results"]]
            self.known[str(line["key"])] = tuple(results)
            return
        wanted = json.loads(json.dumps(header))
        different = sorted(key for key in {*line, *wanted} if line.get(key) != wanted.get(key))
        if different:
            raise ConfigurationError(
                f"{self._path}: is the journal of another scan, which differs in {', '.join(different)}; "
                "start anew without --resume"
            )


def remove_journal(path: Path) -> None:
    """Delete the journal of a scan that came to its end."""
    path.unlink(missing_ok=True)


def check_journal_place(journal: Path, paths: Sequence[str | Path]) -> None:
    """Refuse a journal where somebody else may put files.

    Raises:
        ConfigurationError: it is one of the scanned files, or lies in a scanned folder.
    """
    place = journal.absolute().parent.resolve() / journal.name
    for path in map(Path, paths):
        scanned = path.resolve() if _is_folder(path) else path.absolute()
        if place == scanned or (_is_folder(path) and place.is_relative_to(scanned)):
            raise ConfigurationError(
                f"--journal {journal}: lies in {path}, which is scanned: who fills that folder could put a "
                "journal there; choose a place elsewhere, or leave it out and say --resume alone"
            )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _opened(path: Path) -> IO[bytes]:
    """A file of the user's own that no other scan is writing; what is there may only be a journal.

    A link, planted where a journal is expected, would lead to a file that is then written over.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o600)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        os.close(descriptor)
        raise ConfigurationError(f"{path}: expected a plain file as the journal; choose another one")
    file = os.fdopen(descriptor, "r+b")
    try:
        if sys.platform != "win32":
            if facts.st_uid != os.geteuid():
                raise ConfigurationError(f"{path}: the journal belongs to somebody else; choose another one")
            _lock(file, path)
        start = file.read(_MAC + 2)
        if start and not (start[_MAC : _MAC + 2] == b" {" and start[:_MAC].isalnum()):
            raise ConfigurationError(
                f"{path}: this is no journal of a scan, and is not written over; start anew without --resume "
                "and with another --journal"
            )
        if sys.platform != "win32":
            os.fchmod(file.fileno(), 0o600)
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: IO[bytes], path: Path) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigurationError(
            f"{path}: another scan is writing this journal; wait for it, or leave out --resume and --journal"
        ) from error

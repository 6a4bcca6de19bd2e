"""What a scan has done so far, on disk, so that it can go on after a crash.

The first line says who judges and how; every further line is the answer about one content of a file.  A line
without its end was being written when the process died, and never happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, final

from scalegmn.errors import ConfigurationError
from scalegmn.training.scanning.results import FileResult

FORMAT: Final = 1
Key = tuple[str, str]
"""SHA-256 of a file and its suffix, which decides how it is read."""


@final
class Journal:
    """An open journal, used as a context.

    Args:
        path: of the file; None keeps nothing.
        header: who judges and how, plain data.
        resume: go on with an existing journal; otherwise it is replaced.

    Raises:
        ConfigurationError: the journal is another's, damaged, or cannot be written.
    """

    def __init__(self, path: Path | None, *, header: Mapping[str, Any], resume: bool) -> None:
        self.known: dict[Key, FileResult] = {}
        self._file = None
        if path is None:
            return
        first = {"format": FORMAT, **header}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            length = self._replay(path, first) if resume and path.is_file() else 0
            self._file = path.open("r+b" if length else "wb")
            self._file.truncate(length)
            self._file.seek(length)
            if not length:
                self._log([first])
        except OSError as error:
            raise ConfigurationError(
                f"{path}: the journal cannot be written ({error.strerror}); choose another with --journal"
            ) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, results: Sequence[tuple[Key, FileResult]]) -> None:
        """Keep answers; when this returns they outlive the process, though not a loss of power."""
        self.known |= dict(results)
        self._log([{"suffix": suffix, **result.to_dict()} for (_, suffix), result in results])

    def _log(self, lines: Sequence[Mapping[str, Any]]) -> None:
        if self._file is None or not lines:
            return
        self._file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
        self._file.flush()

    def _replay(self, path: Path, header: Mapping[str, Any]) -> int:
        """Read what was done; returns the number of whole bytes."""
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
            if lines and lines[0] != json.loads(json.dumps(header)):
                different = sorted(
                    key for key in {*lines[0], *header} if lines[0].get(key) != header.get(key)
                )
                raise ConfigurationError(
                    f"{path}: is the journal of another scan, which differs in {', '.join(different)}; "
                    "start anew without --resume"
                )
            for line in lines[1:]:
                suffix = line.pop("suffix")
                result = FileResult.from_dict(line)
                self.known[str(result.sha256), suffix] = result
        except ConfigurationError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"{path}: damaged journal, {error!r}; start anew without --resume"
            ) from error
        return len(whole)


def remove_journal(path: Path) -> None:
    """Delete the journal of a scan that came to its end."""
    path.unlink(missing_ok=True)

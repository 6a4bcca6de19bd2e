"""Writing the reports of ``scalegmn scan``: those that can be written are, whatever becomes of others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.cli.general_options import STANDARD_OUTPUT
from scalegmn.cli.output import say_report
from scalegmn.errors import ConfigurationError, DiskError
from scalegmn.printable import printable
from scalegmn.training import write_text

_PRINTED: Final = Path(STANDARD_OUTPUT)


@final
@dataclass(frozen=True)
class Outputs:
    """Where reports go.

    Attributes:
        paths: by the name of their option; ``-`` is the standard output.

    Raises:
        ConfigurationError: two reports go to one place.
    """

    paths: Mapping[str, Path]

    def __post_init__(self) -> None:
        places: dict[str, str] = {}
        for option, path in self.paths.items():
            place = "-" if path == _PRINTED else os.path.realpath(path)
            if place in places:
                raise ConfigurationError(
                    f"--{places[place]} and --{option} are both {path}: one report would replace the other; "
                    "give two paths"
                )
            places[place] = option

    def check(self, scanned: Sequence[Path]) -> None:
        """Refuse, before anything is done, what can never be written or would be of no use.

        Raises:
            ConfigurationError: a path is a folder; or there is a manifest, and another report would lie among
                the files that it binds.
        """
        folders = [os.path.realpath(path) for path in scanned if os.path.isdir(path)]
        for option, path in self.paths.items():
            if path != _PRINTED and path.is_dir():
                raise ConfigurationError(f"--{option} {path}: is a folder, expected the path of a report")
            inside = any(Path(os.path.realpath(path)).is_relative_to(folder) for folder in folders)
            if inside and "manifest" in self.paths and option != "manifest" and path != _PRINTED:
                raise ConfigurationError(
                    f"--{option} {path}: lies in a scanned folder, where scalegmn verify would take it for a "
                    "file that was not evaluated; write it elsewhere, or leave out --manifest"
                )

    def write(self, makers: Mapping[str, Callable[[], str]], *, scanned: Collection[str]) -> list[str]:
        """Write every report, and say which could not be; scanned files are never written over."""
        problems = []
        files = {os.path.realpath(path) for path in scanned if "\0" not in path}
        for option, path in self.paths.items():
            if path != _PRINTED and os.path.realpath(path) in files:
                problems.append(
                    f"--{option} {printable(path)}: is one of the scanned files, and was left alone"
                )
                continue
            text = makers[option]()
            if path == _PRINTED:
                say_report(text)
                continue
            try:
                write_text(path, text)
            except DiskError as error:
                problems.append(f"--{option} {error}")
        return problems


def report_json(data: object) -> str:
    """JSON of plain data, which never holds NaN."""
    return json.dumps(data, indent=2, allow_nan=False) + "\n"

"""Results as JSON: one option, with one meaning, of all commands that have some."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser

from scalegmn.cli.general_options import STANDARD_OUTPUT
from scalegmn.cli.output import say_report, tell
from scalegmn.errors import ConfigurationError
from scalegmn.training import create_json, json_text


def add_json_option(parser: ArgumentParser, what: str) -> None:
    """Add ``--json FILE``; ``-`` prints it, and what is printed otherwise goes to the standard error stream.

    Args:
        parser: of the command.
        what: the results.
    """
    parser.add_argument(
        "--json",
        type=Path | None,
        default=None,
        metavar="FILE",
        help=f"write {what} as JSON into this file, which must be new; - prints it, and everything else goes "
        "to the standard error stream",
    )


def check_free(*paths: Path | None) -> None:
    """Refuse to replace results, before any work is done.

    Raises:
        ConfigurationError: a file exists.
    """
    for path in paths:
        if path is not None and str(path) != STANDARD_OUTPUT and path.exists():
            raise ConfigurationError(f"{path}: exists and was left alone; choose another name")


def give_json(path: Path | None, data: object) -> None:
    """Write or print `data`, as ``--json`` says; nothing where it was not given.

    Raises:
        DiskError: the file cannot be written, or came to be in the meantime.
    """
    if path is None:
        return
    if str(path) == STANDARD_OUTPUT:
        say_report(json_text(data))
        return
    create_json(path, data)
    tell(f"the results as JSON are in {path}")

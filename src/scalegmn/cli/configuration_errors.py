"""Telling the user all errors of a configuration at once."""

from __future__ import annotations

from collections.abc import Sequence

from scalegmn.cli.output import complain


def print_configuration_errors(command: str, problems: Sequence[str]) -> None:
    """Print how many errors there are, and each of them, on the standard error stream.

    Args:
        command: the subcommand that refuses to start.
        problems: at least one.
    """
    count = f"{len(problems)} errors" if len(problems) > 1 else "an error"
    complain(f"scalegmn {command}: {count} in the configuration; nothing was done")
    for problem in problems:
        complain(f"  - {problem}")

"""Telling the user all mistakes of a configuration at once."""

from __future__ import annotations

from collections.abc import Sequence

from scalegmn.cli.output import complain


def print_mistakes(command: str, mistakes: Sequence[str]) -> None:
    """Print how many mistakes there are, and each of them, on the standard error stream.

    Args:
        command: the subcommand that refuses to start.
        mistakes: at least one.
    """
    count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "a mistake"
    complain(f"scalegmn {command}: {count} in the configuration; nothing was done")
    for mistake in mistakes:
        complain(f"  - {mistake}")

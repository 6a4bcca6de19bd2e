"""Telling the user all mistakes of a configuration at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def print_mistakes(command: str, mistakes: Sequence[str]) -> None:
    """Print how many mistakes there are, and each of them, on the standard error stream.

    Args:
        command: the subcommand that refuses to start.
        mistakes: at least one.
    """
    count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "a mistake"
    print(f"scalegmn {command}: {count} in the configuration; nothing was done", file=sys.stderr)
    for mistake in mistakes:
        print(f"  - {mistake}", file=sys.stderr)

"""Help of commands: examples first."""

from __future__ import annotations

from collections.abc import Sequence


def with_examples(text: str, examples: Sequence[str]) -> str:
    """The help of a command behind examples of it, each below its remark.

    Args:
        text: the help without examples.
        examples: commands, each with a remark behind ``#``.
    """
    words = [[part.strip() for part in example.partition(" # ")] for example in examples]
    lines = [line for command, _, remark in words for line in (f"  # {remark}", f"  {command}")]
    return "\n".join(["examples:", *lines, "", text]) if lines else text

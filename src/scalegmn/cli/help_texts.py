"""Help of commands: examples first, and types and values as a user writes them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Final, final

from jsonargparse import DefaultHelpFormatter

_PYTHON: Final = re.compile(r"<(?:class|\w+\.\w+:) '([^']*)'>")
"""How Python shows a class, and a member of an enumeration."""


@final
class HelpFormatter(DefaultHelpFormatter):
    """Help of options in which ``<class 'Path'>`` is ``Path``."""

    def _expand_help(self, action: argparse.Action) -> str:
        return _PYTHON.sub(r"\1", super()._expand_help(action))


def with_examples(text: str, examples: Sequence[str]) -> str:
    """The help of a command behind examples of it, each below its remark.

    Args:
        text: the help without examples.
        examples: commands, each with a remark behind ``#``.
    """
    words = [[part.strip() for part in example.partition(" # ")] for example in examples]
    lines = [line for command, _, remark in words for line in (f"  # {remark}", f"  {command}")]
    return "\n".join(["examples:", *lines, "", text]) if lines else text

"""Help of options: types and values as a user writes them."""

from __future__ import annotations

import argparse
import re
from typing import Final, final

from jsonargparse import DefaultHelpFormatter

_PYTHON: Final = re.compile(r"<(?:class|\w+\.\w+:) '([^']*)'>")
"""How Python shows a class, and a member of an enumeration."""


@final
class HelpFormatter(DefaultHelpFormatter):
    """Help of options in which ``<class 'Path'>`` is ``Path``."""

    def _expand_help(self, action: argparse.Action) -> str:
        return _PYTHON.sub(r"\1", super()._expand_help(action))

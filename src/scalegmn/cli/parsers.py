"""The parser of all commands: what it says about wrong usage is fit for a terminal."""

from __future__ import annotations

from typing import Final, NoReturn, final

from jsonargparse import ArgumentParser

from scalegmn.printable import printable

_LINE: Final = 2000


@final
class CommandParser(ArgumentParser):
    """A parser whose errors repeat words of the command line, and of files, escaped and on one line."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        # The lines that jsonargparse makes cannot be told from those that a value brings along.
        super().error(printable(" ".join(message.split()), limit=_LINE), ex)

"""Options that every command takes, anywhere on the command line: how much is told, and extensions."""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, final

from scalegmn.errors import ConfigurationError

STANDARD_OUTPUT: Final = "-"
"""In place of a file: print it."""

_QUIET: Final = ("-q", "--quiet")
_VERBOSE: Final = ("-v", "--verbose")
_EXTENSION: Final = "--extension"
_EARLIER: Final = "--debug"
"""What ``--verbose`` was called."""
_REPORTS: Final = ("--json", "--sarif")
_END: Final = "--"
"""Words after this one are no options."""


@final
@dataclass(frozen=True, kw_only=True)
class GeneralOptions:
    """How a command behaves toward whoever runs it.

    Attributes:
        quiet: only results, warnings and errors are printed: no progress bars, and no remarks.
        verbose: what is read, written and computed is told with its time, and errors with where they arose.
        prints_report: JSON takes the standard output; everything else goes to the standard error stream.
        extensions: places of functions that register tasks, models and the like.

    Raises:
        ConfigurationError: a command cannot be quiet and verbose.
    """

    quiet: bool = False
    verbose: bool = False
    prints_report: bool = False
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise ConfigurationError("--quiet and --verbose were both given; leave one out")

    @classmethod
    def taken_from(cls, arguments: Sequence[str]) -> tuple[GeneralOptions, list[str]]:
        """The general options among the words of a command line, and the other words.

        Raises:
            ConfigurationError: they contradict each other, or one has no value.
        """
        rest, places = [], []
        told = {_QUIET: False, _VERBOSE: os.environ.get("SCALEGMN_DEBUG", "") not in ("", "0")}
        words = iter(arguments)
        for word in words:
            name, equals, value = word.partition("=")
            if word == _END:
                rest += [word, *words]
            elif word in _QUIET:
                told[_QUIET] = True
            elif word in (*_VERBOSE, _EARLIER):
                told[_VERBOSE] = True
            elif name == _EXTENSION:
                value = value if equals else next(words, "")
                if not value or value.startswith("-"):
                    raise ConfigurationError("--extension has no value; give package.module:function")
                places.append(value)
            else:
                rest.append(word)
        options = cls(
            quiet=told[_QUIET],
            verbose=told[_VERBOSE],
            prints_report=_prints_report(rest),
            extensions=tuple(places),
        )
        return options, rest


def _prints_report(words: Sequence[str]) -> bool:
    pairs = set(itertools.pairwise(words))
    return any((name, STANDARD_OUTPUT) in pairs or f"{name}={STANDARD_OUTPUT}" in words for name in _REPORTS)


_NOW: Final[ContextVar[GeneralOptions | None]] = ContextVar("general options", default=None)


def general_options() -> GeneralOptions:
    """The general options of the command that is running."""
    return _NOW.get() or GeneralOptions()


def shows_progress() -> bool:
    """Whether long work tells how far it is; bars also need a terminal, which they ask for themselves."""
    return not general_options().quiet


@contextmanager
def under(options: GeneralOptions) -> Iterator[None]:
    """Within this context, a command behaves as `options` say."""
    token = _NOW.set(options)
    try:
        yield
    finally:
        _NOW.reset(token)


def add_general_options(parser: argparse.ArgumentParser) -> None:
    """Let a parser know them, for its help; :meth:`GeneralOptions.taken_from` reads them."""
    group = parser.add_argument_group("options of every command")
    group.add_argument(*_QUIET, action="store_true", help="print results, warnings and errors only")
    group.add_argument(
        *_VERBOSE, action="store_true", help="tell what is done, with times, and where an error arose"
    )
    group.add_argument(
        _EXTENSION,
        action="append",
        default=[],
        metavar="package.module:function",
        help="load tasks and models that are not installed; may be given several times",
    )

"""The published collections by the names that commands know them by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser, option_of
from scalegmn.collections import COLLECTIONS, PublishedFormat, RefusedFile, lack
from scalegmn.configuration import format_value
from scalegmn.errors import ConfigurationError

OWN: Final = "checkpoints"
"""What commands call files of one's own, which a table describes instead of a format."""


def names_of(wanted: Callable[[PublishedFormat], bool] = lambda _: True) -> tuple[str, ...]:
    """The names of all formats that are wanted."""
    return tuple(name for name in COLLECTIONS.names() if wanted(COLLECTIONS.get(name)))


def format_called(
    name: str, *, option: str, names: tuple[str, ...], parser: CommandParser
) -> PublishedFormat:
    """The format of a name; the program ends where it is none of those that are possible.

    Args:
        name: as it was given.
        option: which gave it, for the message.
        names: that are possible.
        parser: of the command.
    """
    if name not in names:
        parser.error(f"{option} is {format_value(name)}, expected {COLLECTIONS.expected(name, names=names)}")
    return COLLECTIONS.get(name)


def with_given(chosen: PublishedFormat, given: dict[str, Any]) -> PublishedFormat:
    """The format with options of the command line.

    Raises:
        ConfigurationError: it has no such option, or not such a value.
    """
    for option in given:
        if option not in chosen.options:
            raise ConfigurationError(
                f"{option_of(option)} was given, but {chosen.name} has {lack(option)}; leave it out"
            )
    return chosen.with_options(**given)


def print_refusals(refused: tuple[RefusedFile, ...]) -> None:
    """One line for each thing that was not read."""
    for refusal in refused:
        say(f"  refused {refusal.name}: {refusal.reason}")

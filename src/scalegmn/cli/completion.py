"""``scalegmn completion``: a script that lets a shell complete commands, options and their values."""

from __future__ import annotations

import argparse
import enum
import importlib
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import shtab
from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.output import say_report, tell
from scalegmn.cli.packages import advice, missing_packages
from scalegmn.cli.parsers import CommandParser

HELP = "print a script that lets a shell complete commands, options and their values"

EXAMPLES: Final = (
    "scalegmn completion bash > ~/.local/share/bash-completion/completions/scalegmn # for new shells",
    "scalegmn completion zsh > ~/.zfunc/_scalegmn # a folder of fpath",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn completion",
        description=f"{HELP.capitalize()}. It fits the version that prints it; print it again "
        "after an update.",
    )
    parser.add_argument("shell", choices=list(shtab.SUPPORTED_SHELLS), help="the shell")
    return parser


def run(argv: Sequence[str]) -> int:
    """Print the script."""
    from scalegmn.cli.main import COMMANDS, help_line

    shell = build_parser().parse_args(list(argv)).shell
    # Not one of jsonargparse, which wants the commands of commands later than these.
    root = argparse.ArgumentParser(prog="scalegmn", allow_abbrev=False)
    root.add_argument("-V", "--version", action="store_true", help="print the version")
    commands = root.add_subparsers()
    for name, module in COMMANDS.items():
        place = f"scalegmn.cli.{module}"
        commands.add_parser(name, help=help_line(module))
        try:
            commands.choices[name] = importlib.import_module(place).build_parser()
        except ModuleNotFoundError as error:
            needed = advice(missing_packages(place, error.name))
            tell(f"scalegmn {name} is completed without options, since it needs {needed}")
    _say_values(root)
    say_report(shtab.complete(root, shell))
    return OK


def _say_values(parser: argparse.ArgumentParser) -> None:
    """Tell the generator which options take files, and which take one of a few words."""
    for action in parser._actions:
        if isinstance(action.choices, Mapping):
            for inner in action.choices.values():
                _say_values(inner)
            continue
        # jsonargparse keeps types for itself; an action without one takes no value, or any.
        kinds = set(_kinds(vars(action).get("_typehint", action.type)))
        words = list(dict.fromkeys(_words(kinds)))
        if any(isinstance(kind, type) and issubclass(kind, Path) for kind in kinds):
            vars(action)["complete"] = shtab.FILE
        elif words and action.choices is None:
            action.choices = words


def _kinds(hint: Any) -> Iterator[Any]:
    """The types that a union consists of, also within lists."""
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is Literal or not inner:
        yield hint
    else:
        for one in inner:
            yield from _kinds(one)


def _words(kinds: Iterable[Any]) -> Iterator[str]:
    for kind in kinds:
        if typing.get_origin(kind) is Literal:
            yield from map(str, typing.get_args(kind))
        elif isinstance(kind, type) and issubclass(kind, enum.Enum):
            yield from (member.name for member in kind)

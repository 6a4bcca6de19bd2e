"""``scalegmn configs``: the configurations that ship with the library."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.output import say, say_all
from scalegmn.cli.parsers import CommandParser
from scalegmn.training import describe_configuration, is_comparison, shipped_names, text_of

HELP = "list the configurations that ship with scalegmn, or print one"


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        prog="scalegmn configs",
        description="List the configurations that ship with scalegmn. `scalegmn train --config NAME` and "
        "`scalegmn compare --config NAME` take their names; those that begin with compare are comparisons.",
    )
    parser.add_argument(
        "name", nargs="?", type=str, help="print this one instead, to start a file of your own from it"
    )
    return parser


def run(argv: Sequence[str]) -> int:
    """Print all names with what they are for, or the text of one."""
    name = build_parser().parse_args(list(argv)).name
    if name is not None:
        say_all(text_of(name).rstrip("\n"))
        return OK
    names = shipped_names()
    width = max(map(len, names))
    for command, wanted in (("train", False), ("compare", True)):
        say(f"scalegmn {command} --config")
        for one in names:
            if is_comparison(one) is wanted:
                say(f"  {one:<{width}}  {describe_configuration(one)}")
    return OK

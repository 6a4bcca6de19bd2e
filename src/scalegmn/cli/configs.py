"""``scalegmn configs``: the configurations that ship with the library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import say, say_all, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.disk import create_file
from scalegmn.errors import ConfigurationError
from scalegmn.training import describe_configuration, is_comparison, shipped_names, text_of

HELP = "list the configurations that ship with scalegmn, print one, or copy some"

EXAMPLES: Final = (
    "scalegmn configs # all names, and what they are for",
    "scalegmn configs inr_classification/digits -o mine.yaml # a copy, to change",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn configs",
        description="List the configurations that ship with scalegmn. `scalegmn train --config NAME` and "
        "`scalegmn compare --config NAME` take their names; those that begin with compare are comparisons.",
    )
    parser.add_argument("names", nargs="*", type=str, help="print this one instead, or copy these")
    parser.add_argument(
        "-o",
        "--output",
        type=Path | None,
        default=None,
        help="copy the named one into this file, or several into this folder, all if none is named; nothing "
        "is written over",
    )
    add_json_option(parser, "names, commands and purposes")
    return parser


def run(argv: Sequence[str]) -> int:
    """Print all names with what they are for, or the text of one; or copy some."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    chosen: list[str] = options.names
    if options.output is not None:
        _copy(chosen, options.output)
        return OK
    if len(chosen) > 1:
        raise ConfigurationError(f"{len(chosen)} names were given, expected one; --output copies several")
    if chosen:
        say_all(text_of(chosen[0]).rstrip("\n"))
        return OK
    names = shipped_names()
    give_json(options.json, [_facts(name) for name in names])
    width = max(map(len, names))
    for command, wanted in (("train", False), ("compare", True)):
        say(f"scalegmn {command} --config")
        for one in names:
            if is_comparison(one) is wanted:
                say(f"  {one:<{width}}  {describe_configuration(one)}")
    return OK


def _facts(name: str) -> dict[str, str]:
    command = "compare" if is_comparison(name) else "train"
    return {"name": name, "command": command, "purpose": describe_configuration(name)}


def _copy(names: Sequence[str], output: Path) -> None:
    """Copy one configuration to a file, or several into a folder: all of them or none."""
    texts = {f"{name.removesuffix('.yaml')}.yaml": text_of(name) for name in names or shipped_names()}
    as_folder = len(texts) > 1 or output.is_dir()
    copies = {output / name if as_folder else output: text for name, text in texts.items()}
    check_free(*copies)
    for path, text in copies.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        create_file(path, text.encode())
        tell(f"{path} is a copy")

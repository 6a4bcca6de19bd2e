"""``scalegmn models``: the trained models that come with the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import say, say_all
from scalegmn.cli.parsers import CommandParser
from scalegmn.shipped import ShippedModel, shipped_model, shipped_models

HELP = "list the trained models that come with scalegmn, or print the card of one"

EXAMPLES: Final = (
    "scalegmn models # all names, sizes and purposes",
    "scalegmn models scalegmn/trojan-detector # the card of one",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn models",
        description=f"{HELP.capitalize()}. Their names stand where a command takes a run folder, and "
        "`scalegmn scan` uses scalegmn/trojan-detector where no other detector is given.",
    )
    parser.add_argument("name", nargs="?", type=str, help="print the card of this one: data, figures, limits")
    add_json_option(parser, "names, sizes and purposes")
    return parser


def run(argv: Sequence[str]) -> int:
    """Print all names with what they are for, or the card of one."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    if options.name is not None:
        say_all(shipped_model(options.name).card().rstrip("\n"))
        return OK
    models = shipped_models()
    give_json(options.json, [_facts(model) for model in models])
    if not models:
        say("No models ship with this version of scalegmn")
    width = max((len(model.name) for model in models), default=0)
    for model in models:
        say(f"{model.name:<{width}}  {model.size / 1e6:4.1f} MB  {model.summary}")
    return OK


def _facts(model: ShippedModel) -> dict[str, object]:
    return {
        "name": model.name,
        "task": model.task,
        "bytes": model.size,
        "purpose": model.summary,
        "folder": str(model.folder),
    }

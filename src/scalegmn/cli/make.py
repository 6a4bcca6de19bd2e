"""``scalegmn make``: populations of networks that are trained here."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentParser

from scalegmn.cli.making import classifiers, cnns, inrs, trojans
from scalegmn.cli.parsers import CommandParser

HELP = "train a population: sine networks that fit images, CNNs, modern classifiers, or trojaned CNNs"

_KINDS = {"inrs": inrs, "cnns": cnns, "classifiers": classifiers, "trojans": trojans}


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(prog="scalegmn make", description=f"{HELP.capitalize()}.")
    kinds = parser.add_subcommands(dest="kind", required=True)
    for name, module in _KINDS.items():
        kinds.add_subcommand(name, module.build_parser(), help=module.HELP)
    return parser


def run(argv: Sequence[str]) -> int:
    """Make the population, and say what came out."""
    options = build_parser().parse_args(list(argv))
    return _KINDS[options.kind].run(options[options.kind])

"""``scalegmn make``: populations of networks that are trained here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.cli.making import classifiers, cnns, inrs, trojans
from scalegmn.cli.parsers import CommandParser

HELP = "train a population: sine networks that fit images, CNNs, modern classifiers, or trojaned CNNs"

EXAMPLES: Final = (
    "scalegmn make inrs --source digits -o populations/inrs --copies 4 # sine networks that draw digits",
    "scalegmn make cnns --source fashion_mnist -o populations/cnns --networks 256 # small CNNs",
)

KINDS: Final = {"inrs": inrs, "cnns": cnns, "classifiers": classifiers, "trojans": trojans}


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn make", description=f"{HELP.capitalize()}.")
    kinds = parser.add_subcommands(dest="kind", required=True)
    for name, module in KINDS.items():
        kinds.add_subcommand(name, module.build_parser(), help=module.HELP)
    return parser


def run(argv: Sequence[str]) -> int:
    """Make the population, and say what came out."""
    options = build_parser().parse_args(list(argv))
    return KINDS[options.kind].run(options[options.kind])

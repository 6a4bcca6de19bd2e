"""``scalegmn join``: several populations become one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.populations import Population, join_populations

HELP = "write the networks of several populations as one"

EXAMPLES: Final = (
    "scalegmn join populations/cnns populations/classifiers -o populations/all # two populations",
    "scalegmn join part1 part2 part3 -o whole --resume # go on after an interruption",
)


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn join", description=f"{HELP.capitalize()}.")
    parser.add_argument("populations", type=Path, nargs="+", help="folders of two or more populations")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the new population")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    return parser


def run(argv: Sequence[str]) -> int:
    """Write the population, and say what is in it."""
    options = build_parser().parse_args(list(argv))
    populations = [Population.open(folder) for folder in options.populations]
    report = join_populations(populations, options.output, resume=options.resume, progress=shows_progress())
    kinds = len(Population.open(report.folder).architectures)
    say(f"{report.networks} networks of {kinds} architecture{'s' * (kinds > 1)} are in {report.folder}")
    if report.left_out:
        say(f"columns that only some of the populations have were left out: {', '.join(report.left_out)}")
    return OK

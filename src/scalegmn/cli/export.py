"""``scalegmn export``: a population becomes checkpoint files, or files of a published format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from jsonargparse import Namespace

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.published import OWN, format_called, names_of, with_given
from scalegmn.collections import TABLE, write_checkpoints
from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population, rows_where

HELP = "write a population as checkpoint files, or in a published format"

EXAMPLES: Final = (
    "scalegmn export populations/digits_cnns --format checkpoints -o files # one file for each network",
    "scalegmn export populations/digits_cnns --format checkpoints -o some --limit 20 # the first",
)


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn export", description=f"{HELP.capitalize()}.")
    parser.add_argument("population", type=Path, help="folder of the population")
    names = ", ".join(_names())
    parser.add_argument("--format", type=str, required=True, help=f"format of the files: {names}")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the files, new or empty")
    parser.add_argument(
        "--suffix",
        type=str,
        default="",
        help="small_cnn_zoo: suffix of the file names, _new for the trojaned zoo",
    )
    parser.add_argument(
        "--where",
        type=dict[str, Any],
        default={},
        help="checkpoints: only networks with these values: a column and its value, or a list of values",
    )
    parser.add_argument(
        "--limit",
        type=int | None,
        default=None,
        help="checkpoints: export only the first networks, at most this many",
    )
    return parser


def run(argv: Sequence[str]) -> int:
    """Write the files, and say how many networks are in them."""
    parser = build_parser()
    options = parser.parse_args(list(argv))
    given = {"suffix": options.suffix} if options.suffix else {}
    if options.format == OWN:
        if given:
            raise ConfigurationError(f"--suffix was given, but {OWN} has no such option; leave it out")
        return _checkpoints(Population.open(options.population), options)
    chosen = format_called(options.format, option="--format", names=_names(), parser=parser)
    chosen = with_given(chosen, given)
    if options.where or options.limit is not None:
        raise ConfigurationError(f"--where and --limit are for {OWN}, not {options.format}; leave them out")
    population = Population.open(options.population)
    for line in chosen.write(population, options.output, progress=shows_progress()):
        say(line)
    return OK


def _names() -> tuple[str, ...]:
    return (OWN, *names_of(lambda known: known.writable))


def _checkpoints(population: Population, options: Namespace) -> int:
    if options.limit is not None and options.limit < 1:
        raise ConfigurationError(f"--limit is {options.limit}, expected 1 or more")
    rows = np.flatnonzero(rows_where(population, options.where, option="--where"))[: options.limit]
    count = write_checkpoints(population, options.output, rows=rows, progress=shows_progress())
    say(f"{count} networks are in {options.output}, one file each; {TABLE} says what is known of them")
    return OK

"""``scalegmn demo``: everything once, on images that are at hand, in a few minutes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import INTERRUPTED, OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.output import complain, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.terminal import console
from scalegmn.disk import claim_folder

HELP = "fit networks to handwritten digits, train metanetworks on them, show a table and figures"

EXAMPLES: Final = (
    "scalegmn demo # into runs/demo, a few minutes on two cores",
    "scalegmn demo -o demonstration --resume # go on after an interruption",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn demo",
        description="Fit sine networks to the handwritten digits of scikit-learn, train a ScaleGMN and a "
        "permutation-only GMN to read them, and compare the two. Takes a few minutes on two cores; what an "
        "earlier demonstration left in the folder is replaced.",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/demo"), help="folder for everything")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted demonstration")
    return parser


def run(argv: Sequence[str]) -> int:
    """Demonstrate, and print one table."""
    options = build_parser().parse_args(list(argv))
    # Loading what training runs need takes seconds; --help should not.
    from scalegmn.cli.demonstration.settings import DemoSettings
    from scalegmn.cli.demonstration.stages import demonstrate

    try:
        with contextlib.nullcontext() if options.output.is_file() else claim_folder(options.output):
            table = demonstrate(
                options.output, settings=DemoSettings(), resume=options.resume, progress=shows_progress()
            )
    except KeyboardInterrupt:
        complain(f"interrupted; add --resume to go on in {options.output}")
        return INTERRUPTED
    console().print(table.to_rich())
    tell(f"Pictures and numbers are in {options.output}")
    return OK

"""``scalegmn train``: train a metanetwork on a population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.cli.configuration_errors import print_configuration_errors
from scalegmn.cli.exit_codes import INTERRUPTED, OK, USAGE
from scalegmn.cli.general_options import add_general_options, shows_progress
from scalegmn.cli.help_formatter import HelpFormatter
from scalegmn.cli.help_texts import with_examples
from scalegmn.cli.output import complain, say, say_all, tell
from scalegmn.cli.pictures import write_pictures
from scalegmn.cli.tables import print_tables
from scalegmn.training import configuration_errors, help_parser, parse_config, train

HELP = "train a metanetwork on a population of networks"

EXAMPLES: Final = (
    "scalegmn train --config inr_classification/digits # a configuration that comes with scalegmn",
    "scalegmn train --config mine.yaml --training.epochs 20 --output runs/mine # your own, with a change",
)


def build_parser() -> ArgumentParser:
    """The options of the command, to print help; :func:`parse_config` reads them."""
    parser = help_parser()
    parser.formatter_class = HelpFormatter
    add_general_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Check the whole configuration, train, test, and print the outcome."""
    if "--help" in argv or "-h" in argv:
        say_all(with_examples(build_parser().format_help(), EXAMPLES))
        return OK
    shown = [] if shows_progress() else ["--logging.progress=false"]
    config, problems = parse_config([*argv, *shown])
    if config is not None:
        problems += configuration_errors(config)
    if config is None or problems:
        print_configuration_errors("train", problems)
        return USAGE
    try:
        outcome = train(
            config,
            command=["scalegmn", "train", *argv],
        )
    except KeyboardInterrupt:
        complain(f"interrupted; add --resume to the command to go on in {config.folder}")
        return INTERRUPTED
    if outcome.report is not None:
        print_tables(outcome.report.tables)
        for note in outcome.results.get("notes", ()):
            say(f"Note: {note}")
        write_pictures(outcome.task, outcome.report.arrays, outcome.folder, title="test networks")
    if outcome.results:
        tell(f"The run is in {outcome.folder}")
    return OK

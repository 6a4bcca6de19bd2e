"""``scalegmn train``: train a metanetwork on a population."""

from __future__ import annotations

from collections.abc import Sequence

from scalegmn.cli.configuration_errors import print_configuration_errors
from scalegmn.cli.exit_codes import INTERRUPTED, OK, USAGE
from scalegmn.cli.output import complain, say
from scalegmn.cli.pictures import write_pictures
from scalegmn.cli.tables import print_tables
from scalegmn.training import configuration_errors, help_parser, parse_config, train

HELP = "train a metanetwork on a population of networks"


def run(argv: Sequence[str]) -> int:
    """Check the whole configuration, train, test, and print the outcome."""
    if "--help" in argv or "-h" in argv:
        help_parser().print_help()
        return OK
    config, problems = parse_config(argv)
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
        say(f"The run is in {outcome.folder}")
    return OK

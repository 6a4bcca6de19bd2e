"""``scalegmn predict``: what a trained metanetwork says about networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.model_options import (
    add_model_options,
    add_reading_options,
    check_batch_size,
    reading_options,
)
from scalegmn.cli.output import complain, say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.program_options import add_program_options, own_programs
from scalegmn.cli.tables import print_tables
from scalegmn.populations import progress_bar
from scalegmn.training import (
    DEFAULT_LEVEL,
    Files,
    Prediction,
    PredictionOutcome,
    RefusedNetwork,
    Run,
    Table,
    check_row_file,
    find_sources,
    own_splits,
    predict_files,
    predict_population,
    training_networks_note,
    write_rows,
)

HELP = "predict properties of networks with a trained metanetwork"

EXAMPLES: Final = (
    "scalegmn predict runs/first network.pt # one file, as a table",
    "scalegmn predict scalegmn/cnn-accuracy files --json - # a folder, by a model that comes with scalegmn",
)

_SHOWN: Final = 50
"""Networks in the table that is printed."""


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn predict",
        description=f"{HELP.capitalize()}: one row for each. A file that cannot be read, or about which the "
        "model has no sound prediction, is a row with an error, and the others are done, with exit code 3.",
        default_env=False,
    )
    parser.add_argument(
        "run", type=Path, help="run folder of a trained model, or the name of one that comes with scalegmn"
    )
    parser.add_argument(
        "files", type=Path, nargs="+", help="checkpoint files, folders of such files, or one population"
    )
    add_json_option(parser, "all rows")
    parser.add_argument(
        "-o",
        "--output",
        type=Path | None,
        default=None,
        help="file to write all rows to: .csv, .parquet or .json",
    )
    parser.add_argument(
        "--level",
        type=float,
        default=DEFAULT_LEVEL,
        help="regression: probability with which an interval covers the true value",
    )
    parser.add_argument(
        "--where",
        type=dict[str, Any],
        default={},
        help="populations: only networks with these values: a column and its value, or a list of values",
    )
    add_model_options(parser, batch_size=256)
    add_reading_options(parser)
    add_program_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Predict, and print or write one row per network."""
    options = build_parser().parse_args(list(argv))
    check_batch_size(options)
    check_free(options.json)
    if options.output is not None:
        check_row_file(options.output)
    answers = _answers(options)
    bad = [answer for answer in answers if isinstance(answer, RefusedNetwork)]
    if options.output is not None:
        write_rows(options.output, [answer.to_dict() for answer in answers])
    give_json(options.json, [answer.to_dict() for answer in answers])
    _print(answers, options.output)
    for refusal in bad:
        complain(f"scalegmn predict: {refusal.reason}")
    return DATA if bad else OK


def _answers(options: Namespace) -> list[PredictionOutcome]:
    trained = Run.open(options.run)
    found = find_sources(options.files, where=options.where)
    common = {"level": options.level, "batch_size": options.batch_size, "device": options.device}
    total = len(found.paths) if isinstance(found, Files) else len(found.rows)
    with progress_bar("Predicting", total=total, show=shows_progress()) as advance:
        if not isinstance(found, Files):
            learned = training_networks_note(own_splits(trained, found.population, found.rows))
            if learned is not None:
                complain(f"scalegmn predict: {learned}")
            return predict_population(trained, found.population, found.rows, advance=advance, **common)
        answers = predict_files(
            trained,
            found.paths,
            reading=reading_options(options),
            own=own_programs(options),
            advance=advance,
            **common,
        )
    return [*answers, *found.problems]


def _print(answers: Sequence[PredictionOutcome], output: Path | None) -> None:
    """A table of the first predictions, their notes, and where the rest is."""
    good = [answer for answer in answers if isinstance(answer, Prediction)]
    if output is not None:
        tell(f"{len(good)} predictions and {len(answers) - len(good)} errors are in {output}")
        return
    shown = good[:_SHOWN]
    if shown:
        # Longer entries, such as the probabilities of all classes, are for files.
        columns: dict[tuple[str, ...], str] = {}
        for name, value in shown[0].values.items():
            if not isinstance(value, Mapping):
                # The number of a class that has no other name would say the same again.
                columns.setdefault(tuple(str(one.values[name]) for one in shown), name)
        names = list(columns.values())
        rows = tuple(
            (one.index, str(one.path), *(_cell(one.values[name]) for name in names)) for one in shown
        )
        print_tables([Table("Predictions", ("id", "file", *names), rows)])
    notes: dict[str, list[Prediction]] = {}
    for one in shown:
        for note in one.notes:
            notes.setdefault(note, []).append(one)
    for note, members in notes.items():
        first = members[0]
        others = f" and {len(members) - 1} more" if len(members) > 1 else ""
        say(f"{first.path}{others}: {note}")
    if len(good) > len(shown):
        say(f"and {len(good) - len(shown)} more; --output writes all of them")


def _cell(value: Any) -> str | int | float:
    """What a model does not predict is an empty cell."""
    return "" if value is None else value

"""``scalegmn predict``: what a trained metanetwork says about single checkpoint files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.output import complain, say_all
from scalegmn.cli.tables import print_tables
from scalegmn.tasks.task import Table
from scalegmn.training.prediction import Prediction, Refusal, predict_files
from scalegmn.training.run_folder import Run

HELP = "say what single checkpoint files hold, by a trained metanetwork"


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = ArgumentParser(
        prog="scalegmn predict",
        description=f"{HELP.capitalize()}. A file that cannot be read is reported, and the others are done; "
        "the exit code is then 3.",
        default_env=False,
    )
    parser.add_argument("run", type=Path, help="run folder of a training")
    parser.add_argument("files", type=Path, nargs="+", help=".safetensors, .npz, .pt or .pth")
    parser.add_argument(
        "--json", action="store_true", help="print JSON with the probabilities of all classes"
    )
    return parser


def run(argv: Sequence[str]) -> int:
    """Predict, and print one line per file."""
    options = build_parser().parse_args(list(argv))
    answers = predict_files(Run.open(options.run), options.files)
    good = [answer for answer in answers if isinstance(answer, Prediction)]
    bad = [answer for answer in answers if isinstance(answer, Refusal)]
    if options.json:
        say_all(json.dumps([answer.to_dict() for answer in answers], indent=2))
    elif good:
        # Longer entries, such as the probabilities of all classes, are for JSON.
        names = [name for name, value in good[0].answer.items() if not isinstance(value, Mapping)]
        rows = tuple((str(one.path), *(_cell(one.answer[name]) for name in names)) for one in good)
        print_tables([Table("Predictions", ("file", *names), rows)])
    for refusal in bad:
        complain(f"scalegmn predict: {refusal.reason}")
    return DATA if bad else OK


def _cell(value: Any) -> str | int | float:
    """What a model does not answer is an empty cell."""
    return "" if value is None else value

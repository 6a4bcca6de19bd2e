"""``scalegmn evaluate --rewrites``: what models say about networks before and after they are written anew."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.output import tell
from scalegmn.cli.rewriting_options import add_rewriting_options, rewriting_of
from scalegmn.cli.tables import print_tables
from scalegmn.errors import ConfigurationError
from scalegmn.reports import BeforeAfter, draw_before_after, in_words, save_figure
from scalegmn.training import (
    ORIGINAL,
    RewritingTest,
    RewrittenFigures,
    Run,
    Table,
    evaluate_rewritten,
    write_json,
    write_rows,
)

REWRITES: Final = "rewrites.json"
"""What is written, into the folder of a comparison or beside an evaluation."""
RUNS: Final = "runs.csv"
"""In the folder of a comparison: its models and their run folders."""
_EVERY: Final = "every"
_CANNOT: Final = "cannot read it"
_LONGEST: Final = 2**24

Found = Mapping[str, Sequence[Sequence[RewrittenFigures]]]
"""Per model, the figures of each of its training runs."""


def add_rewrites_options(parser: ArgumentParser) -> None:
    """Add whether, and how, networks are written anew."""
    parser.add_argument(
        "--rewrites",
        type=str | None,
        nargs="?",
        const=_EVERY,
        default=None,
        help="also evaluate on networks written anew so that their functions stay: kinds joined by commas "
        "(unread, split, cancel, gains, group, rounding, all), by default all that networks admit; RUN may "
        "be the folder of a comparison, whose models are put into one table and picture",
    )
    parser.add_argument(
        "--draws", type=int, default=3, help="with --rewrites: how often every network is written anew"
    )
    add_rewriting_options(parser)


def check_rewrites(options: Namespace) -> None:
    """Before any work: what says how networks are written anew has to say so rightly.

    Raises:
        ConfigurationError: a name or a number that cannot be.
    """
    if options.rewrites is not None:
        rewriting_test(options)


def rewriting_test(options: Namespace) -> RewritingTest:
    """The rewritings that the options ask for.

    Raises:
        ConfigurationError: a name or a number that cannot be.
    """
    if not 1 <= options.draws <= 1000:
        raise ConfigurationError(f"--draws is {options.draws}, expected a number from 1 to 1,000")
    names = None
    if options.rewrites != _EVERY:
        names = tuple(filter(None, (name.strip() for name in options.rewrites.split(","))))
        if not names:
            raise ConfigurationError("--rewrites names no kinds; leave its value out for all of them")
    rewriting = rewriting_of(options, kinds=None)
    return RewritingTest(names=names, draws=options.draws, rewriting=rewriting)


def models_of(folder: Path) -> dict[str, list[Path]] | None:
    """The run folders of the models of a comparison; None where the folder is none.

    Raises:
        ConfigurationError: its list of runs is damaged.
    """
    path = folder / RUNS
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _LONGEST:
            raise ValueError("it is too long")
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        found: dict[str, list[Path]] = {}
        for row in rows:
            # The folder may have been moved since.
            found.setdefault(row["model"], []).append(folder / Path(row["folder"]).name)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ConfigurationError(f"{path}: damaged ({error!r}); run scalegmn compare again") from error
    if not found:
        raise ConfigurationError(f"{path}: names no training runs; let scalegmn compare finish some")
    return found


def evaluate_rewrites(
    options: Namespace, models: Mapping[str, Sequence[Path | Run]], *, target: Path, argv: Sequence[str]
) -> None:
    """Evaluate all models, print the tables, and write JSON, CSV and a picture.

    Args:
        options: of the command.
        models: training runs, or their folders, by the names of their models.
        target: the JSON file; the others have its name with their own suffixes.
        argv: the command, for the file.
    """
    test = rewriting_test(options)
    owners = [
        (name, Run.open(one) if isinstance(one, Path) else one) for name in models for one in models[name]
    ]
    results = evaluate_rewritten(
        [run for _, run in owners],
        test,
        population=options.population,
        split=options.split,
        batch_size=options.batch_size,
        device=options.device,
        progress=True,
    )
    found: dict[str, list[Sequence[RewrittenFigures]]] = {}
    for (name, _), figures in zip(owners, results, strict=True):
        found.setdefault(name, []).append(figures)
    rows = [
        {"model": name, "run": str(run.folder), **one.to_dict()}
        for (name, run), figures in zip(owners, results, strict=True)
        for one in figures
    ]
    command = shlex.join(["scalegmn", "evaluate", *argv])
    write_json(target, {"command": command, "draws": test.draws, "rewrites": rows})
    write_rows(target.with_suffix(".csv"), rows)
    metric = next(iter(results[0][0].before))
    figure = draw_before_after(_shown(found, metric), label=in_words(metric))
    picture = save_figure(figure, target.with_suffix(".png"))
    print_tables(_of_one(figures[0]) for figures in found.values()) if len(found) == 1 else print_tables(
        _of_many(found, metric)
    )
    tell(f"Rewritten networks: {target}, {target.with_suffix('.csv').name}, {picture.name}")


def _of_one(figures: Sequence[RewrittenFigures]) -> Table:
    """The figures of one model, a way of rewriting after another."""
    names = list(figures[0].before)
    columns = ("networks", *names, "changed predictions", "largest move")
    first = ("as they are", *(_figure(figures[0].before[name]) for name in names), "", "")
    rows = [
        (
            one.title,
            *((_CANNOT, *[""] * (len(names) - 1)) if one.after is None else map(_figure, one.after.values())),
            "" if one.changed is None else one.changed,
            _move(one.moved),
        )
        for one in figures
    ]
    return Table("Networks written anew", columns, (first, *rows))


def _of_many(found: Found, metric: str) -> list[Table]:
    """The first figure of all models, and how far their outputs move."""
    tables = []
    for reduced in (False, True):
        first = next(iter(found.values()))[0]
        chosen = {number: one.rewriting for number, one in enumerate(first) if one.reduced == reduced}
        figures, moves = [], []
        for name, runs in found.items() if chosen else ():
            before = () if reduced else (_figure(_before(runs, metric)),)
            after = [_over(runs, number, metric) for number in chosen]
            figures.append((name, *before, *(_CANNOT if one is None else one for one in after)))
            moves.append((name, *(_moves(runs, number) for number in chosen)))
        if chosen:
            what = "networks written anew and reduced" if reduced else "networks written anew"
            columns = ("model", *(() if reduced else (ORIGINAL,)), *chosen.values())
            tables.append(Table(f"{metric} on {what}", columns, tuple(figures)))
            title = f"Changed predictions, and the largest move: {what}"
            tables.append(Table(title, ("model", *chosen.values()), tuple(moves)))
    return tables


def _before(runs: Sequence[Sequence[RewrittenFigures]], metric: str) -> float | None:
    return _mean([one[0].before.get(metric) for one in runs])


def _over(runs: Sequence[Sequence[RewrittenFigures]], number: int, metric: str) -> float | None:
    values = [one[number].after for one in runs]
    return _mean([None if one is None else one.get(metric) for one in values])


def _moves(runs: Sequence[Sequence[RewrittenFigures]], number: int) -> str:
    moved = [one[number].moved for one in runs]
    if any(one is None for one in moved):
        return _CANNOT
    changed = _mean([one[number].changed for one in runs])
    largest = max(one for one in moved if one is not None)
    return _move(largest) if changed is None else f"{changed:.1%}, {_move(largest)}"


def _shown(found: Found, metric: str) -> list[BeforeAfter]:
    """What is drawn: networks that were not reduced, and the last way of those that were."""
    first = next(iter(found.values()))[0]
    last = len(first) - 1
    titles = {number: one.title for number, one in enumerate(first) if not one.reduced or number == last}
    return [
        BeforeAfter(
            name=name,
            before=_before(runs, metric),
            after={title: _over(runs, number, metric) for number, title in titles.items()},
        )
        for name, runs in found.items()
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined and len(defined) == len(values) else None


def _figure(value: float | None) -> float | str:
    return "undefined" if value is None else value


def _move(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"

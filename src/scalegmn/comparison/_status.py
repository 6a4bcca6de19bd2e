"""What of a comparison is done already, and what stands in the way of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final

from scalegmn.comparison._config import ComparedRun, ComparisonConfig
from scalegmn.configuration import to_plain
from scalegmn.disk import holds_something, writer_in
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.populations import Population
from scalegmn.training import (
    CONFIG,
    FREE_ON_RESUME,
    RESULTS,
    DataConfig,
    RunConfig,
    column_numbers,
    flat_items,
    other_networks,
    parse_plain_run,
    read_yaml,
    select,
    work_errors,
)
from scalegmn.workers import check_address

RECORD: Final = "comparison.yaml"
"""In the folder of a comparison: what was compared last."""

# Longer training runs and shorter ones are not compared under one name.
_FREE: Final = frozenset(FREE_ON_RESUME) - {"training.epochs", "training.early_stopping_patience"}
# Sections and values that are left out where folders are looked at quickly.
_UNSEEN: Final[dict[str, None]] = dict.fromkeys(("output", "resume", "logging"))


class RunStatus(Enum):
    """How far a training is."""

    new = "new"
    started = "begun"
    finished = "finished"


def status_of(run: ComparedRun) -> RunStatus:
    """How far a training is, by its run folder.

    Raises:
        ConfigurationError: the folder holds something else, or a training with other settings or networks.
    """
    folder = run.folder
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file; choose another folder with --output")
    if not holds_something(folder):
        return RunStatus.new
    if not (folder / CONFIG).is_file():
        raise ConfigurationError(f"{folder} is no run folder; choose another folder with --output")
    changed = [*_changed(folder / CONFIG, run.config), *other_networks(run.config)]
    if changed:
        raise ConfigurationError(
            f"{folder} holds another training: {'; '.join(changed)}; remove it, or choose another folder "
            "with --output"
        )
    return RunStatus.finished if (folder / RESULTS).is_file() else RunStatus.started


def comparison_errors(config: ComparisonConfig) -> list[str]:
    """What the comparison gets wrong about data, machine and folders, one sentence each."""
    writer = writer_in(config.output)
    if writer is not None:
        return [f"output: another command is writing to {config.output} ({writer}); wait for it or end it"]
    found = (_of_cluster, _of_output, _of_models, _of_curves, _of_runs)
    return [problem for errors in found for problem in errors(config)]


def _of_cluster(config: ComparisonConfig) -> Iterator[str]:
    try:
        if config.cluster is not None:
            check_address(config.cluster)
    except ConfigurationError as error:
        yield str(error)


def _of_output(config: ComparisonConfig) -> Iterator[str]:
    output = config.output
    if output.exists() and not output.is_dir():
        yield f"output: {output} is a file; choose a folder"
    elif holds_something(output) and not (output / RECORD).is_file():
        yield f"output: {output} is not empty and holds no comparison; choose another folder"


def _of_models(config: ComparisonConfig) -> Iterator[str]:
    """An error that several models share is told once."""
    owners: dict[str, list[str]] = {}
    wanted: dict[str, list[ComparedRun]] = {}
    elsewhere = config.cluster is not None
    for run in config.selected_runs:
        if run.seed == config.seeds[0]:
            wanted.setdefault(run.model, []).append(run)
    for name, runs in wanted.items():
        for problem in work_errors(runs[0].config, elsewhere=elsewhere):
            owners.setdefault(problem, []).append(name)
    for problem, names in owners.items():
        yield problem if len(names) == len(wanted) else f"{', '.join(names)}: {problem}"
    if wanted and not owners:
        yield from _of_test(config.data)
    # Folds and sizes are the same for all models: one of them shows whether they can be.
    for run in next(iter(wanted.values()), [])[1:]:
        found = work_errors(run.config, elsewhere=elsewhere)
        yield from (f"{run.part}: {problem}" for problem in found if problem not in owners)


def _of_curves(config: ComparisonConfig) -> Iterator[str]:
    """Columns of curves that cannot be divided into bins."""
    try:
        population = Population.open(config.data.population)
        for column in config.curves:
            column_numbers(population, column)
    except ConfigurationError as error:
        yield str(error)
    except ScaleGMNError:
        # It has been reported.
        return


def _of_test(data: DataConfig) -> Iterator[str]:
    try:
        count = len(select(data).test)
    except ScaleGMNError:
        # It has been reported.
        return
    if not count:
        yield f"data: {data.population} has no test networks to compare on; give data.test_population"


def _of_runs(config: ComparisonConfig) -> Iterator[str]:
    begun = []
    for run in config.selected_runs:
        try:
            if status_of(run) is RunStatus.started:
                begun.append(str(run.folder))
        except ScaleGMNError as error:
            yield str(error)
    if begun and not config.resume:
        yield (
            f"{', '.join(begun)}: begun and not finished; go on with --resume, remove what was begun, or "
            "choose another folder with --output"
        )


def _changed(path: Path, now: RunConfig) -> Iterator[str]:
    """What decides the outcome of a training and was otherwise when it was begun."""
    before = read_yaml(path)
    if {**before, **_UNSEEN} == {**_plain(now), **_UNSEEN}:
        # Reading every value with its type takes a while, and most folders are as they should be.
        return
    earlier = dict(flat_items(parse_plain_run(before, origin=str(path))))
    for key, value in flat_items(now):
        if key not in _FREE and not key.startswith("logging.") and value != earlier.get(key, value):
            yield f"{key} was {to_plain(earlier[key])!r} and is {to_plain(value)!r}"


def _plain(config: RunConfig) -> dict[str, Any]:
    plain = to_plain(config)
    assert isinstance(plain, dict), "a configuration is a mapping"
    return plain

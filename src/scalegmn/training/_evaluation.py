"""A trained model on networks it was or was not made for."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from scalegmn.errors import ConfigurationError, GraphError, PopulationError
from scalegmn.models import Metanetwork
from scalegmn.populations import ARCHITECTURE_COLUMN, NAMES, Population
from scalegmn.training._abstentions import with_abstentions
from scalegmn.training._binned import CURVE, Bins, binned_reports
from scalegmn.training._breakdown import breakdown, report_in_parts
from scalegmn.training._data import NetworkDataset
from scalegmn.training._evaluated_rows import evaluated_rows
from scalegmn.training._inference import device_called, outputs_on
from scalegmn.training._own_networks import (
    FOREIGN,
    SPLITS,
    is_own_population,
    own_selection,
    own_splits,
    training_networks_note,
)
from scalegmn.training._run_folder import Run
from scalegmn.training._selection import groups_among, rows_with_values, select, usable
from scalegmn.training._task import Report

ALL = "all"
_UNKNOWN: Final = (
    "the run does not say which networks it was trained on, and its population is not at hand: some of these "
    "networks may be among them"
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A report, and on what.

    Attributes:
        report: the figures.
        facts: which networks they are about, fit for JSON.
        rows: one for every network, where the task makes predictions for networks.
        notes: what must be said with the figures, one sentence each; they are among the facts too.
    """

    report: Report
    facts: dict[str, Any]
    rows: list[dict[str, Any]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EvaluatedNetworks:
    """Networks to be evaluated, the run's own split of each, and what must be said about them.

    Attributes:
        population: of the networks.
        rows: their numbers, ``(n,)``.
        own: the split of each in the training; None where that is not known.
        notes: one sentence each.
    """

    population: Population
    rows: np.ndarray
    own: np.ndarray | None
    notes: list[str]

    @property
    def all_notes(self) -> list[str]:
        learned = training_networks_note(self.own)
        return self.notes if learned is None else [*self.notes, learned]


def evaluate(
    run: Run,
    *,
    population: Path | None = None,
    split: str = "test",
    by: str | None = None,
    curve: Bins | None = None,
    batch_size: int = 256,
    device: str | None = None,
) -> Evaluation:
    """Evaluate the model of a training run, on its test networks or on others.

    Args:
        run: the training run.
        population: other networks; by default those of the training run.
        split: ``train``, ``val`` or ``test`` as the training chose them, or ``all``.  Of another population,
            those that its column says; ``test`` takes all where there is no column, or it names none.
            Networks of the training are always where the training had them, also in copies and in other
            populations, and figures that include any it learned from say so in a note.
        by: a column; the figures are also given for every one of its values.
        curve: a column of numbers and its bins; the figures are also given for each bin.
        batch_size: networks at a time.
        device: where to compute, such as ``cpu`` or ``cuda:1``; by default a GPU if there is one.

    Returns:
        The figures, which networks they are about, and what must be said with them.

    Raises:
        ConfigurationError: no such split, device or column.
        PopulationError: there are no such networks, or their labels are unknown to the model.
        GraphError: the model can read none of them; those of some architectures are left out with a note.

    Example:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from scalegmn import ModelConfig, Run, evaluate, siren, train
        >>> from scalegmn.configuration import Sections
        >>> from scalegmn.populations import PopulationWriter
        >>> from scalegmn.training import DataConfig, LoggingConfig, RunConfig, TrainingConfig
        >>> folder, network, labels = Path(tempfile.mkdtemp()), siren(widths=(2, 6, 1)), torch.arange(48) % 2
        >>> theta = (1 + labels[:, None]) * (torch.rand(48, network.num_parameters) - 0.5)
        >>> with PopulationWriter(folder / "networks", provenance={"maker": "an example"}) as writer:
        ...     writer.append(network, theta, {"label": labels.numpy()})
        ...     writer.finish()
        >>> config = RunConfig(
        ...     data=DataConfig(population=folder / "networks", validation=0.25, test=0.25),
        ...     options=Sections({"model": ModelConfig(features=8, layers=1)}),
        ...     training=TrainingConfig(epochs=1),
        ...     logging=LoggingConfig(tensorboard=False, progress=False),
        ...     output=folder / "run",
        ... )
        >>> outcome = train(config)
        >>> evaluation = evaluate(Run.open(folder / "run"), by="label")
        >>> evaluation.facts["split"], evaluation.report.summary["networks"]
        ('test', 12)
        >>> sorted(evaluation.report.summary["by_label"])
        ['0', '1']
    """
    found = evaluated_networks(run, population, split)
    model = copy.deepcopy(run.model).to(device_called(device))
    found = _readable(run, model, found)
    chosen, rows = found.population, found.rows
    networks = _networks(run, chosen, rows)
    outputs, targets = outputs_on(run.task, model, networks, batch_size=batch_size)
    groups = groups_among(chosen, rows, run.data)
    about: dict[str, Any] = {"population": chosen, "rows": rows, "groups": groups}
    report = report_in_parts(run.task, outputs, targets, **about)
    if by is not None and f"by_{by}" not in report.summary:
        table, parts = breakdown(run.task, outputs, targets, by=by, **about)
        report = Report({**report.summary, f"by_{by}": parts}, (*report.tables, table), report.arrays)
    if curve is not None:
        binned = binned_reports(run.task, outputs, targets, bins=curve, **about)
        summary = {**report.summary, f"{CURVE}_{curve.column}": binned.entries}
        report = Report(summary, (*report.tables, binned.table), report.arrays)
    answered = run.task.answered(networks, folder=run.folder, known=run.architectures)
    report = with_abstentions(run.task, report, outputs, targets, answered=answered, groups=groups)
    facts = {
        "run": str(run.folder),
        "population": str(chosen.folder),
        "checksum": chosen.checksum,
        "split": split,
        "networks_of_training": None if found.own is None else _counts(found.own),
        "notes": found.all_notes,
    }
    per_network = evaluated_rows(run.task, chosen, rows, outputs)
    return Evaluation(report, facts, per_network, tuple(found.all_notes))


def _networks(run: Run, population: Population, rows: np.ndarray) -> NetworkDataset:
    return NetworkDataset(
        population=population,
        rows=rows,
        targets=run.task.targets(population, rows),
        canonicalize=run.canonicalize,
        memory_limit=0.0,
    )


def _readable(run: Run, model: Metanetwork, found: EvaluatedNetworks) -> EvaluatedNetworks:
    """Without networks of architectures that the model cannot read, which is said; one of each is tried."""
    population, numbers = found.population, found.population.column(ARCHITECTURE_COLUMN)[found.rows]
    wrong: dict[int, GraphError] = {}
    different = np.unique(numbers).tolist()
    if len(different) == 1:
        run.check(population.architectures[different[0]])
        return found
    for number in different:
        first = found.rows[numbers == number][:1]
        try:
            run.check(population.architectures[number])
            outputs_on(run.task, model, _networks(run, population, first))
        except GraphError as error:
            wrong[number] = error
    kept = ~np.isin(numbers, list(wrong))
    if not kept.any():
        raise next(iter(wrong.values()))
    if not wrong:
        return found
    note = (
        f"{int((~kept).sum())} of the {len(kept)} networks, of {len(wrong)} architectures, are none that the "
        f"model can read and were left out; the first: {next(iter(wrong.values()))}"
    )
    own = None if found.own is None else found.own[kept]
    return EvaluatedNetworks(population, found.rows[kept], own, [*found.notes, note])


def evaluated_networks(run: Run, population: Path | None, split: str) -> EvaluatedNetworks:
    """The networks that an evaluation is about, whether or not the model can read them.

    Raises:
        ConfigurationError: no such split.
        PopulationError: there are no such networks.
    """
    if split not in (*NAMES, ALL):
        raise ConfigurationError(f"split {split!r}; expected one of {', '.join((*NAMES, ALL))}")
    found = _chosen(run, population, split)
    if not len(found.rows):
        told = f" ({'; '.join(found.notes)})" if found.notes else ""
        raise PopulationError(f"{found.population.folder}: has no networks in the split {split!r}{told}")
    return found


def _counts(own: np.ndarray) -> dict[str, int]:
    return {name: int((own == name).sum()) for name in SPLITS}


def _chosen(run: Run, folder: Path | None, split: str) -> EvaluatedNetworks:
    """Networks of the run's populations, or of another one."""
    if folder is None and split == ALL:
        folder = run.data.population
    if folder is None:
        selection = select(run.data)
        population = selection.test_population if split == "test" else selection.population
        return _with_own(run, population, getattr(selection, split), [])
    population = Population.open(folder)
    kept = usable(population, run.data)
    notes = []
    if not kept.all():
        notes.append(
            f"{int((~kept).sum())} networks of {folder} are marked as diverged and were left out, as in the "
            "training"
        )
    if split == ALL:
        if is_own_population(run, population):
            kept &= rows_with_values(population, run.data.where)
        return _with_own(run, population, np.flatnonzero(kept), notes)
    if is_own_population(run, population):
        selection = own_selection(run, population)
        if split != "test" or selection.test_population.checksum == population.checksum:
            return _with_own(run, population, getattr(selection, split), [])
    return _of_others(run, population, np.flatnonzero(kept), split, notes)


def _of_others(
    run: Run, population: Population, rows: np.ndarray, split: str, notes: list[str]
) -> EvaluatedNetworks:
    """Splits of another population: by its column, except that networks of the run keep the run's split."""
    if run.data.split in population.columns:
        words = population.column(run.data.split)[rows].astype(str)
        if split == "test" and "test" not in words:
            words[:] = "test"
    elif split == "test":
        words = np.full(len(rows), "test")
        notes.append(
            f"{population.folder} has no column {run.data.split!r} that names test networks, so all "
            "networks that the run did not learn from were evaluated"
        )
    else:
        # There is no such column; the error says which there are.
        words = population.column(run.data.split)
    own = own_splits(run, population, rows)
    if own is None:
        return EvaluatedNetworks(population, rows[words == split], None, [*notes, _UNKNOWN])
    moved = (own != FOREIGN) & (own != words) & ((own == split) | (words == split))
    if moved.any():
        notes.append(
            f"{int((own != FOREIGN).sum())} networks of {population.folder} are those of the training; they "
            f"were put into its own splits, which changed the split of {int(moved.sum())}"
        )
    chosen = np.where(own == FOREIGN, words, own) == split
    return EvaluatedNetworks(population, rows[chosen], own[chosen], notes)


def _with_own(run: Run, population: Population, rows: np.ndarray, notes: list[str]) -> EvaluatedNetworks:
    own = own_splits(run, population, rows)
    return EvaluatedNetworks(population, rows, own, notes if own is not None else [*notes, _UNKNOWN])

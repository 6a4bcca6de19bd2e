"""What trained models say about networks that were written anew, so that their functions stayed."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.alignment.rewriting import Rewriting, reduce, rewrite
from scalegmn.errors import ConfigurationError, GraphError, PopulationError, ScaleGMNError
from scalegmn.graph import NetworkBatch
from scalegmn.models import Predictor
from scalegmn.networks import Architecture
from scalegmn.populations import progress_bar
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training._evaluation import EvaluatedNetworks, evaluated_networks
from scalegmn.training._inference import device_called, device_of, evaluating
from scalegmn.training._memory import kept_memory
from scalegmn.training._rewriting_test import RewritingTest
from scalegmn.training._run_folder import Run

Parts = list[tuple[Architecture, Tensor, Tensor]]
"""Per architecture: places among the networks ``(b,)`` and parameters ``(b, P)``."""
_MARGIN: Final = 1e-12
ORIGINAL: Final = "as they are"
"""What networks are called that were not written anew."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class RewrittenFigures:
    """What one model says before and after one way of rewriting.

    Attributes:
        rewriting: name of the way.
        reduced: whether networks were reduced again before the model read them.
        before: figures of the task on the networks as they are; None where one is undefined.  Where reduced
            networks are looked at, on the networks as they are, reduced.
        after: the same on the networks written anew, means over draws; None where the model cannot read them.
        changed: share of networks whose answer is not what it was before, over all draws; None where answers
            are numbers.
        moved: the largest change of an output by the standard deviation of that output over networks.
        refusal: why the model cannot read them.
    """

    rewriting: str
    reduced: bool
    before: Mapping[str, float | None]
    after: Mapping[str, float | None] | None = None
    changed: float | None = None
    moved: float | None = None
    refusal: str | None = None

    @property
    def title(self) -> str:
        """The way in words."""
        return f"{self.rewriting}, reduced" if self.reduced else self.rewriting

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "rewriting": self.rewriting,
            "reduced": self.reduced,
            "before": dict(self.before),
            "after": None if self.after is None else dict(self.after),
            "changed_answers": self.changed,
            "largest_move": self.moved,
            "cannot_read": self.refusal,
        }


def evaluate_rewritten(
    runs: Sequence[Run],
    test: RewritingTest | None = None,
    *,
    population: Path | None = None,
    split: str = "test",
    batch_size: int = 256,
    device: str | None = None,
    progress: bool = False,
) -> tuple[tuple[RewrittenFigures, ...], ...]:
    """Evaluate models on networks as they are, and after each way of rewriting them.

    Args:
        runs: training runs of one task, whose models all see the same networks.
        test: in which ways, and how often.
        population, split, batch_size, device: as for :func:`evaluate`.
        progress: show a progress bar on the standard error stream.

    Returns:
        For each run its figures, a way after another.

    Raises:
        ConfigurationError: no runs, models that write networks, or that are tested on different networks.
        ArchitectureError: the networks do not admit a kind of rewriting.
        SymmetryError: the function of a network did not stay.
        PopulationError: there are no such networks.
    """
    if not runs:
        raise ConfigurationError("no training runs are given, expected one at least")
    test = RewritingTest() if test is None else test
    networks = _common(runs, population, split)
    original: Parts = networks.population.groups(networks.rows)
    kinds = test.kinds([architecture for architecture, _, _ in original])
    models = [_Judge(run, networks, original, batch_size=batch_size, device=device) for run in runs]
    narrow = _reduced(original) if test.reduced else original
    total = len(kinds) * test.draws * len(networks.rows)
    with progress_bar("rewriting networks", total=total, show=progress) as advance:
        for name, own in kinds.items():
            for draw in range(test.draws):
                rewriting = dataclasses.replace(test.rewriting, kinds=own)
                found = _rewritten(original, networks, rewriting, labels=(name, draw))
                for model in models:
                    model.see(found, name=name, reduced=False)
                if test.reduced and {one for one, _, _ in found} != {one for one, _, _ in original}:
                    again = _reduced(found)
                    for model in models:
                        model.see_once(narrow, name=ORIGINAL, reduced=True)
                        model.see(again, name=name, reduced=True)
                advance(len(networks.rows))
    return tuple(model.figures() for model in models)


def _common(runs: Sequence[Run], population: Path | None, split: str) -> EvaluatedNetworks:
    """The networks that all models are tested on."""
    first: EvaluatedNetworks | None = None
    for run in runs:
        if run.task.writes_networks:
            raise ConfigurationError(
                f"{run.folder}: its model writes networks; what is rewritten is shown to models that predict"
            )
        found = evaluated_networks(run, population, split)
        first = found if first is None else first
        same = found.population.checksum == first.population.checksum
        if not same or not np.array_equal(found.rows, first.rows):
            raise ConfigurationError(
                f"{run.folder} and {runs[0].folder} have different {split} networks; give a population"
            )
    assert first is not None, "there is a run"
    return first


def _rewritten(
    parts: Parts, networks: EvaluatedNetworks, rewriting: Rewriting, *, labels: tuple[str, int]
) -> Parts:
    def found() -> Iterator[tuple[int, Architecture, Tensor]]:
        for architecture, places, theta in parts:
            for place, one in zip(places.tolist(), theta, strict=True):
                random = generator(rewriting.seed, "rewritten", *labels, place)
                try:
                    wider, anew = rewrite(architecture, one, rewriting=rewriting, generator=random)
                except ScaleGMNError as error:
                    row = int(networks.rows[place])
                    raise type(error)(f"{networks.population.folder}: network {row}: {error}") from error
                yield place, wider, anew

    return _grouped(found())


def _reduced(parts: Parts) -> Parts:
    return _grouped(
        (place, *reduce(architecture, one))
        for architecture, places, theta in parts
        for place, one in zip(places.tolist(), theta, strict=True)
    )


def _grouped(networks: Iterator[tuple[int, Architecture, Tensor]]) -> Parts:
    groups: dict[Architecture, list[tuple[int, Tensor]]] = {}
    for place, architecture, theta in networks:
        groups.setdefault(architecture, []).append((place, theta))
    return [
        (architecture, torch.tensor([place for place, _ in found]), torch.stack([one for _, one in found]))
        for architecture, found in groups.items()
    ]


@final
class _Judge:
    """A model, what it says about networks as they are, and what it has said about others since."""

    def __init__(
        self, run: Run, networks: EvaluatedNetworks, parts: Parts, *, batch_size: int, device: str | None
    ) -> None:
        self._run, self._count, self._batch_size = run, len(networks.rows), batch_size
        self._model: Predictor = copy.deepcopy(run.predictor).to(device_called(device))
        self._targets = run.task.targets(networks.population, networks.rows)
        self._names = run.task.headline or (run.task.monitor,)
        self._before = self._said(parts)
        self._seen: dict[tuple[str, bool], list[Tensor | str]] = {}

    def see(self, parts: Parts, *, name: str, reduced: bool) -> None:
        """What it says about them written anew, or why it says nothing."""
        self._seen.setdefault((name, reduced), []).append(self._said(parts))

    def see_once(self, parts: Parts, *, name: str, reduced: bool) -> None:
        """The same, unless it was asked before."""
        if (name, reduced) not in self._seen:
            self.see(parts, name=name, reduced=reduced)

    def figures(self) -> tuple[RewrittenFigures, ...]:
        """All of it: first without, then with reduction."""
        found = []
        for (name, reduced), outputs in sorted(self._seen.items(), key=lambda one: one[0][1]):
            reference = self._seen[ORIGINAL, True][0] if reduced and name != ORIGINAL else self._before
            found.append(self._compared(name, reduced, reference, outputs))
        return tuple(found)

    def _compared(
        self, name: str, reduced: bool, reference: Tensor | str, found: Sequence[Tensor | str]
    ) -> RewrittenFigures:
        refusal = next((one for one in (reference, *found) if isinstance(one, str)), None)
        if isinstance(reference, str) or refusal is not None:
            before = self._report(self._before)
            return RewrittenFigures(rewriting=name, reduced=reduced, before=before, refusal=refusal)
        before, outputs = self._report(reference), [one for one in found if isinstance(one, Tensor)]
        try:
            figures = [self._report(one) for one in outputs]
        except PopulationError as error:
            return RewrittenFigures(rewriting=name, reduced=reduced, before=before, refusal=str(error))
        return RewrittenFigures(
            rewriting=name,
            reduced=reduced,
            before=before,
            after={metric: _mean([one.get(metric) for one in figures]) for metric in before},
            changed=self._changed(reference, outputs),
            moved=_moved(reference, outputs),
        )

    def _changed(self, reference: Tensor, outputs: Sequence[Tensor]) -> float | None:
        first = self._run.task.answers(reference)
        if first is None:
            return None
        others = [answer for one in outputs if (answer := self._run.task.answers(one)) is not None]
        return float((torch.stack(others) != first).double().mean())

    def _report(self, outputs: Tensor | str) -> dict[str, float | None]:
        if isinstance(outputs, str):
            return dict.fromkeys(self._names)
        summary = self._run.task.report(outputs, self._targets).summary
        return {name: summary[name] for name in self._names if name in summary}

    def _said(self, parts: Parts) -> Tensor | str:
        """Outputs, or why there are none."""
        try:
            for architecture, _, _ in parts:
                self._run.check(architecture)
            return self._outputs(parts)
        except GraphError as error:
            return str(error)

    def _outputs(self, parts: Parts) -> Tensor:
        """``(n, outputs)``, in the order of the networks."""
        device = device_of(self._model)
        found, places = [], []
        with kept_memory(), evaluating(self._model):
            for architecture, own, theta in parts:
                kept = canonicalize_sine_phase(architecture, theta) if self._run.canonicalize else theta
                size = self._batch_size
                for place, part in zip(own.split(size), kept.split(size), strict=True):
                    batch = NetworkBatch(((architecture, part),), place).to(device)
                    found.append(self._run.task.predict_for_report(self._model, batch).cpu())
                    places.append(place)
        return torch.cat(found)[torch.cat(places).argsort()]


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if len(defined) == len(values) else None


def _moved(before: Tensor, outputs: Sequence[Tensor]) -> float:
    spread = before.double().std(dim=0, correction=0)
    # An output that is the same for all networks is measured by the others.
    spread = torch.where(spread > _MARGIN * spread.max(), spread, spread.max().clamp_min(1e-300))
    return max(float(((after.double() - before.double()).abs() / spread).max()) for after in outputs)

"""Predictions of a trained model for networks of any origin, with their reliability."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.graph import NetworkBatch
from scalegmn.metrics import fewest_errors, interval_radius
from scalegmn.networks import Architecture
from scalegmn.populations import INDEX
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training._inference import device_called, outputs_of
from scalegmn.training._own_networks import OwnNetworks
from scalegmn.training._reference import Remark, reference_of
from scalegmn.training._run_folder import Run
from scalegmn.training._sizes import ParameterSizes
from scalegmn.training._task_kinds import NumberTask

# Parameters of all networks that are held at a time, so that large networks come in smaller batches.
_MOST_PARAMETERS: Final = 2**24

Advance = Callable[[int | float], None]


@final
@dataclass(frozen=True)
class Prediction:
    """The prediction for one network.

    Attributes:
        path: of the file, or of the population.
        values: what it says (:meth:`scalegmn.training.Task.describe`), the most important entry first.
        notes: what had to be assumed, and what is to be known about the prediction.
        index: of the network in its population, or of the file among those that were given.
    """

    path: Path
    values: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    index: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {"id": self.index, "file": str(self.path), **self.values, "notes": list(self.notes)}


@final
@dataclass(frozen=True)
class RefusedNetwork:
    """The reason why there is no prediction for a network."""

    path: Path
    reason: str
    index: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {"id": self.index, "file": str(self.path), "error": self.reason}


PredictionOutcome = Prediction | RefusedNetwork


@final
@dataclass(frozen=True, eq=False)
class NetworkQuery:
    """A network that a model is asked about.

    Attributes:
        index: in its population, or of its file.
        path: of the file, or of the population.
        architecture: of the network.
        theta: its parameters, ``(P,)``.
        notes: what had to be assumed.
    """

    index: int
    path: Path
    architecture: Architecture
    theta: Tensor
    notes: tuple[str, ...]

    def with_note(self, note: str | None) -> NetworkQuery:
        """Return the query with one more note, if there is one."""
        return self if note is None else dataclasses.replace(self, notes=(*self.notes, note))

    def refuse(self, reason: str) -> RefusedNetwork:
        """Refuse the network, with its path in front of the reason."""
        stored = (self.path / INDEX).is_file()
        where = f"{self.path}: network {self.index}" if stored else str(self.path)
        return RefusedNetwork(self.path, f"{where}: {reason.removeprefix(f'{where}:').strip()}", self.index)


@final
class RunPredictor:
    """Asks the model of a run about networks.

    A prediction that is no finite number, or no probability where it should be one, is not given, nor is one
    about a network whose parameters are larger by orders of magnitude than what the model has seen.  Numbers
    get an interval, where the training left errors on validation networks, or they can be measured now.
    Networks whose parameters are far outside of what the model was trained on get a note.

    Args:
        run: whose model predicts.
        level: probability with which an interval covers the true number.
        device: where to compute, such as ``cpu`` or ``cuda:1``; by default a GPU if there is one.
        batch_size: networks at a time.

    Raises:
        ConfigurationError: the model makes no predictions, the level is no probability, or there is no such
            device.
    """

    def __init__(self, run: Run, *, level: float, device: str | None, batch_size: int) -> None:
        if not 0 < level < 1:
            raise ConfigurationError(
                f"the level of intervals is {level}, expected above 0 and below 1, such as 0.9"
            )
        run.predictor.to(device_called(device))
        self._run, self._level, self._batch_size = run, level, batch_size
        self._reference, missing = reference_of(run)
        self._sizes = ParameterSizes(run.architectures)
        self._own = OwnNetworks(run)
        self._radius: float | None = None
        self._general: tuple[str, ...] = ()
        if missing is not None:
            self._general += (f"parameters were not compared with those of the training: {missing}",)
        if isinstance(run.task, NumberTask):
            self._radius, why = self._interval(missing)
            self._general += () if why is None else (f"no interval: {why}",)

    def _interval(self, missing: str | None) -> tuple[float | None, str | None]:
        """The radius, or why there is none."""
        if self._reference is None or self._reference.errors is None:
            return None, missing or "the run has no errors on validation networks"
        errors = self._reference.errors
        radius = interval_radius(errors, self._level)
        if radius is not None:
            return radius, None
        return None, (
            f"the level {self._level:g} needs at least {fewest_errors(self._level)} independent validation "
            f"networks with finite errors, and the training has {len(errors)}"
        )

    def predict(
        self, networks: Iterable[NetworkQuery | RefusedNetwork], advance: Advance
    ) -> list[PredictionOutcome]:
        """Predictions in the order of the networks; few of these are held at a time.

        Args:
            networks: to be asked about, and what was refused before.
            advance: is told how many were done.
        """
        done: dict[int, PredictionOutcome] = {}
        waiting: list[tuple[int, NetworkQuery]] = []
        held = 0
        for place, one in enumerate(networks):
            if isinstance(one, RefusedNetwork):
                done[place] = one
                advance(1)
                continue
            waiting.append((place, one))
            held += one.theta.numel()
            if len(waiting) >= self._batch_size or held >= _MOST_PARAMETERS:
                done.update(self._batch(waiting))
                advance(len(waiting))
                waiting, held = [], 0
        done.update(self._batch(waiting))
        advance(len(waiting))
        return [done[place] for place in sorted(done)]

    def _batch(self, waiting: Sequence[tuple[int, NetworkQuery]]) -> dict[int, PredictionOutcome]:
        groups: dict[Architecture, list[tuple[int, NetworkQuery]]] = {}
        for place, one in waiting:
            groups.setdefault(one.architecture, []).append((place, one))
        found: dict[int, PredictionOutcome] = {}
        for architecture, members in groups.items():
            answers = self._safely(architecture, [one for _, one in members])
            found.update(zip([place for place, _ in members], answers, strict=True))
        return found

    def _safely(self, architecture: Architecture, members: Sequence[NetworkQuery]) -> list[PredictionOutcome]:
        """One network must not take the others of its batch with it."""
        try:
            return self._group(architecture, members)
        except (ScaleGMNError, RuntimeError) as error:
            if len(members) == 1:
                return [members[0].refuse(str(error) or type(error).__name__)]
        return [answer for one in members for answer in self._safely(architecture, [one])]

    def _group(self, architecture: Architecture, members: Sequence[NetworkQuery]) -> list[PredictionOutcome]:
        run = self._run
        run.check(architecture)
        theta = torch.stack([one.theta.float() for one in members])
        if run.canonicalize:
            theta = canonicalize_sine_phase(architecture, theta)
        outputs = outputs_of(run.predictor, architecture, theta, batch_size=self._batch_size)
        answers = run.task.describe(outputs)
        intervals: Sequence[tuple[float, float] | None] = [None] * len(members)
        if isinstance(run.task, NumberTask) and self._radius is not None:
            intervals = run.task.intervals(outputs, self._radius)
        own = self._own.notes(architecture, theta)
        members = [one.with_note(note) for one, note in zip(members, own, strict=True)]
        remarks = self._remarks(architecture, theta)
        finite = outputs.isfinite().flatten(1).all(dim=1).tolist()
        return [
            self._outcome(*parts) for parts in zip(members, answers, intervals, remarks, finite, strict=True)
        ]

    def _remarks(self, architecture: Architecture, theta: Tensor) -> list[Remark | None]:
        if self._reference is None:
            return [None] * len(theta)
        return self._reference.remarks(self._sizes.of(NetworkBatch.from_parameters(architecture, theta)))

    def _outcome(
        self,
        network: NetworkQuery,
        answer: dict[str, Any],
        interval: tuple[float, float] | None,
        remark: Remark | None,
        finite: bool,
    ) -> PredictionOutcome:
        if isinstance(self._run.task, NumberTask):
            low, high = interval or (None, None)
            answer = {**answer, "low": low, "high": high, "level": None if interval is None else self._level}
        fault = fault_of(answer, finite=finite)
        if fault is not None:
            return network.refuse(f"{fault}; {remark.text if remark else 'look for huge parameters'}")
        if remark is not None and remark.hopeless:
            return network.refuse(f"{remark.text}; a prediction for it would mean nothing")
        notes = (*network.notes, *(() if remark is None else (remark.text,)), *self._general)
        return Prediction(network.path, answer, notes, network.index)


def fault_of(answer: Mapping[str, Any], *, finite: bool = True) -> str | None:
    """Why a prediction must not be given: a number in it is none, or a probability is none.

    Args:
        answer: as a task describes it.
        finite: whether everything is finite that the model said.
    """
    if not finite:
        return "the model's prediction for it is no finite number"
    for name, value in answer.items():
        if isinstance(value, Mapping):
            inner = fault_of({f"{name}.{key}": one for key, one in value.items()})
            if inner is not None:
                return inner
        elif isinstance(value, float) and not math.isfinite(value):
            return f"the model's prediction for it has {name} {value}, expected a finite number"
        elif isinstance(value, float) and "probabilit" in name and not 0 <= value <= 1:
            return f"the model's prediction for it has {name} {value}, expected a number from 0 to 1"
    return None

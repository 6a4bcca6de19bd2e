"""Repairing the network of a checkpoint file with a trained repairer."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.checkpoints import write_like
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.models import WEIGHTS_FILE, Editor
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognizer
from scalegmn.populations import sha256
from scalegmn.shipped import folder_name
from scalegmn.training import MODEL, NetworkFile, ReadingOptions, Run, device_called, edited_by, read_network
from scalegmn.trojans.making import Preparation
from scalegmn.trojans.repair._outcome import DEFAULT_DROP, Evidence, LayerChange, RepairOutcome
from scalegmn.trojans.repair._repairing import NetworkRepairer
from scalegmn.trojans.repair._task import TrojanRepair

_BATCH: Final = 64


@final
class Repairer(NetworkRepairer):
    """A trained repairer, ready to be used.

    Args:
        run: of a training for the task ``trojan_repair``.
        device: where to compute, such as ``cpu`` or ``cuda:1``; by default a GPU if there is one.

    Raises:
        ConfigurationError: it was trained for something else, or there is no such device.
    """

    def __init__(self, run: Run, *, device: str | None = None) -> None:
        if not isinstance(run.model, Editor) or not isinstance(run.task, TrojanRepair):
            raise ConfigurationError(
                f"{run.folder}: was trained for the task {run.task.name}, expected trojan_repair; give the "
                "run folder of a repairer"
            )
        run.task.check_model(run.model)
        self.run, self.task = run, run.task
        self._model: Editor = copy.deepcopy(run.model).to(device_called(device))

    @classmethod
    def open(cls, folder: str | Path, *, device: str | None = None) -> Repairer:
        """The repairer of a run folder; raises as :meth:`Run.open` and the class do."""
        return cls(Run.open(folder), device=device)

    @property
    def identity(self) -> dict[str, str]:
        """Which repairer it is, for reports."""
        weights = self.run.folder / MODEL / WEIGHTS_FILE
        return {
            "run": folder_name(self.run.folder),
            "model_sha256": sha256(weights.read_bytes()),
            "version": str(self.run.facts.get("versions", {}).get("scalegmn", "unknown")),
        }

    def repair(self, architecture: Architecture, theta: Tensor) -> Tensor:
        """Repaired networks ``(N, P)``, on the CPU, in the precision of `theta`.  Needs the weights alone.

        Law: equivariant; a permuted or rescaled network gets the permuted or rescaled repair.

        Raises:
            GraphError: the model cannot read such networks.
        """
        self.run.check(architecture)
        return edited_by(self._model, architecture, theta, batch_size=_BATCH)

    def recognizer_with(self, own: Sequence[Architecture]) -> Recognizer:
        return self.run.recognizer_with(own)

    def outside_note(self, architecture: Architecture) -> str | None:
        return self.run.outside_note(architecture)

    def preparation_for(self, architecture: Architecture, pixels: Tensor) -> Preparation:
        return self.task.preparation_for(architecture, pixels)

    def searched(self, architecture: Architecture, before: Tensor, after: Tensor) -> None:
        return None


def repair_file(
    repairer: NetworkRepairer,
    path: str | Path,
    output: str | Path,
    *,
    evidence: Evidence | None = None,
    limit: float = DEFAULT_DROP,
    activation: str | None = None,
    reading: ReadingOptions | None = None,
    own: Sequence[Architecture] = (),
) -> RepairOutcome:
    """Repair the network of a file, and write it to a new file of the same format.

    Parameters keep their names and their precision, statistics of batch norms are written as the file has
    them, and plain entries beside them are kept.  Nothing is written where the accuracy falls by more than
    `limit`, and nothing is ever written over.

    Args:
        repairer: that knows networks of this architecture.
        path: a checkpoint; nothing in it is executed.
        output: the file to write.
        evidence: images, and maybe a trigger, to evaluate the network with before and after.
        limit: the largest loss of accuracy on clean images, as a fraction, that is accepted.
        activation: of the hidden layers, where names and shapes leave it open.
        reading: this and more about how to read the file, in place of `activation`.
        own: architectures that the file may be of, beside those of the training.

    Raises:
        CheckpointError: the file cannot be read, holds a network that the repairer does not know, or the
            output exists.
        ConfigurationError: the limit is no fraction, or the output has another suffix.
    """
    path, output = Path(path), Path(output)
    reading = reading or ReadingOptions(activation=activation)
    _check(path, output, limit)
    found = read_network(path, repairer.recognizer_with(own), options=reading)
    architecture, theta = found.architecture, found.theta.double()
    repaired = repairer.repair(architecture, theta[None])[0]
    before, after = (
        None if evidence is None else repairer.performance(architecture, network, evidence)
        for network in (theta, repaired)
    )
    outside = repairer.outside_note(architecture) if architecture in own else None
    outcome = RepairOutcome(
        file=str(path),
        sha256=found.state.sha256,
        output=None,
        output_sha256=None,
        architecture=architecture.describe(),
        notes=found.notes if outside is None else (*found.notes, outside),
        changes=_changes(architecture, theta, repaired, found.names),
        images=None if evidence is None else f"{len(evidence.images)} images of {evidence.source}",
        limit=limit,
        model=repairer.identity,
        searched=repairer.searched(architecture, theta, repaired),
        before=before,
        after=after,
    )
    if not outcome.accepted:
        return outcome
    _write(output, found, repaired)
    return dataclasses.replace(outcome, output=str(output), output_sha256=sha256(output.read_bytes()))


def _check(path: Path, output: Path, limit: float) -> None:
    """Refuse what would be refused after the work is done."""
    if not 0 <= limit <= 1:
        raise ConfigurationError(
            f"the limit of the loss of accuracy is {limit}, expected a fraction from 0 to 1"
        )
    if output.suffix.lower() != path.suffix.lower():
        raise ConfigurationError(
            f"{output}: the repaired network is written in the format of {path.name}; choose a name that "
            f"ends with {path.suffix}"
        )
    if output.exists():
        raise CheckpointError(f"{output}: exists and was left alone; choose another name")


def _changes(
    architecture: Architecture, before: Tensor, after: Tensor, names: Mapping[str, str]
) -> tuple[LayerChange, ...]:
    old, new = architecture.unflatten(before), architecture.unflatten(after)
    found = []
    for parameter in architecture.parameters:
        was, change = old[parameter.name], new[parameter.name] - old[parameter.name]
        norm = float(was.norm())
        relative = float(change.norm()) / norm if norm else float("inf") if change.any() else 0.0
        # Deviations are in no file: it holds variances.
        name = names.get(parameter.name, parameter.name)
        found.append(LayerChange(name, relative, float(change.abs().max())))
    return tuple(found)


def _write(output: Path, found: NetworkFile, theta: Tensor) -> None:
    kept, positive = found.stored(theta), found.architecture.positive
    sound = all(torch.isfinite(tensor).all() for tensor in (theta, *kept.values()))
    if not sound or (positive is not None and not (theta[positive] > 0).all()):
        raise CheckpointError(f"{output}: the repaired network is not finite; nothing was written")
    write_like(output, found.state, kept)

"""Repairing the network of a checkpoint file with a trained repairer."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import Tensor

from scalegmn import __version__
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.models.metanetwork import Editor
from scalegmn.models.saving import WEIGHTS_FILE
from scalegmn.networks.architecture import Architecture
from scalegmn.networks.checkpoints import Checkpoint, read_state, write_state
from scalegmn.populations.format import sha256
from scalegmn.populations.makers.trojan_figures import trojan_figures
from scalegmn.populations.triggers.trigger import Trigger
from scalegmn.tasks.repair.answers import LabelledPixels
from scalegmn.tasks.repair.clean_images import CleanImages
from scalegmn.tasks.trojan_repair import TrojanRepair
from scalegmn.training.editing import edited_by
from scalegmn.training.inference import device_called
from scalegmn.training.run_folder import MODEL, Run
from scalegmn.training.scanning.recognition import Unrecognised, recognise

DEFAULT_DROP: Final = 0.02
CAVEAT: Final = (
    "A low attack success rate is no proof that a trojan is gone: it is measured with one trigger, the "
    "repair was learnt from other triggers, and a network may hold several. Keep the network under watch, or "
    "train a new one on data that you trust."
)
_BATCH: Final = 64


@final
@dataclass(frozen=True, eq=False)
class Evidence:
    """What a repaired network is judged with.

    Attributes:
        images: clean images before the networks' preprocessing, and their true classes.
        source: where they are from, in words.
        trigger: a trigger to try; none if it is not known, as usual.
        target: the class that the attacker wants; needed with a trigger.

    Raises:
        ConfigurationError: a trigger without a target.
    """

    images: LabelledPixels
    source: str
    trigger: Trigger | None = None
    target: int | None = None

    def __post_init__(self) -> None:
        if (self.trigger is None) != (self.target is None):
            raise ConfigurationError("a trigger and the attacker's class belong together; give both or none")


@final
@dataclass(frozen=True)
class Performance:
    """How well a network does.

    Attributes:
        c_acc: accuracy on clean images.
        asr: attack success rate; None without a trigger.
        ra: robust accuracy; None without a trigger.
    """

    c_acc: float
    asr: float | None
    ra: float | None


@final
@dataclass(frozen=True)
class LayerChange:
    """How far a repair moved a parameter.

    Attributes:
        name: of the parameter, in the file.
        relative: norm of the change over the norm of the parameter before; infinite where that was 0.
        largest: largest change of one number.
    """

    name: str
    relative: float
    largest: float


@final
@dataclass(frozen=True, kw_only=True)
class RepairOutcome:
    """What became of a file.

    Attributes:
        file, sha256: what was read.
        output, output_sha256: what was written; None where nothing was.
        architecture: of the network, in words.
        notes: how the file was read, where there was a choice.
        changes: of every parameter, in the order of the architecture.
        images: where the images are from, and how many; None without images.
        before, after: performance; None without images.
        limit: the largest loss of accuracy that is accepted.
        model: the repairer: run folder, checksum of its weights, version of the library that trained it.
        version: of this library.
    """

    file: str
    sha256: str
    output: str | None
    output_sha256: str | None
    architecture: str
    notes: tuple[str, ...]
    changes: tuple[LayerChange, ...]
    images: str | None
    before: Performance | None
    after: Performance | None
    limit: float
    model: Mapping[str, str]
    version: str = __version__

    @property
    def accepted(self) -> bool:
        """Whether the accuracy fell by no more than the limit, as far as it was measured."""
        if self.before is None or self.after is None:
            return True
        return self.before.c_acc - self.after.c_acc <= self.limit

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {**dataclasses.asdict(self), "accepted": self.accepted, "caveat": CAVEAT}


@final
class Repairer:
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
        self.run, self.task = run, run.task
        self._model: Editor = copy.deepcopy(run.model).to(device_called(device))

    @staticmethod
    def open(folder: str | Path, *, device: str | None = None) -> Repairer:
        """The repairer of a run folder; raises as :meth:`Run.open` and the class do."""
        return Repairer(Run.open(folder), device=device)

    @property
    def identity(self) -> dict[str, str]:
        """Which repairer it is, for reports."""
        weights = self.run.folder / MODEL / WEIGHTS_FILE
        return {
            "run": self.run.folder.resolve().name,
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

    def performance(self, architecture: Architecture, theta: Tensor, evidence: Evidence) -> Performance:
        """How well one network ``(P,)`` does.

        Raises:
            ConfigurationError: there are no images, or all are of the attacker's class.
            TriggerError: the trigger does not fit the images.
        """
        pixels, labels = evidence.images.pixels, evidence.images.labels
        inputs, networks = self.task.preparation.inputs(pixels), theta.float()[None]
        if evidence.trigger is None or evidence.target is None:
            accuracy = CleanImages(inputs, labels).accuracy(architecture, networks)
            return Performance(float(accuracy), None, None)
        figures = trojan_figures(
            architecture,
            networks,
            clean=inputs,
            triggered=self.task.preparation.inputs(evidence.trigger.apply(pixels)),
            labels=labels,
            target=evidence.target,
        )
        return Performance(float(figures.c_acc), float(figures.asr), float(figures.ra))


def repair_file(
    repairer: Repairer,
    path: str | Path,
    output: str | Path,
    *,
    evidence: Evidence | None = None,
    limit: float = DEFAULT_DROP,
    activation: str | None = None,
) -> RepairOutcome:
    """Repair the network of a file, and write it to a new file of the same format.

    Parameters keep their names and their precision, and plain entries beside them are kept.  Nothing is
    written where the accuracy falls by more than `limit`, and nothing is ever written over.

    Args:
        repairer: trained on networks of this architecture.
        path: a checkpoint; nothing in it is executed.
        output: the file to write.
        evidence: images, and maybe a trigger, to judge the network with before and after.
        limit: the largest loss of accuracy on clean images, as a share, that is accepted.
        activation: of the network, where names and shapes leave several architectures.

    Raises:
        CheckpointError: the file cannot be read, holds a network that the repairer does not know, or the
            output exists.
        ConfigurationError: the limit is no share, or the output has another suffix.
    """
    path, output = Path(path), Path(output)
    _check(path, output, limit)
    state = read_state(path)
    found = recognise(state, repairer.run.architectures, activation=activation)
    if isinstance(found, Unrecognised):
        raise CheckpointError(f"{path}: {found.reason}")
    architecture = found.architecture
    theta = architecture.flatten(found.tensors, origin=str(path)).double()
    repaired = repairer.repair(architecture, theta[None])[0]
    before, after = (
        None if evidence is None else repairer.performance(architecture, network, evidence)
        for network in (theta, repaired)
    )
    outcome = RepairOutcome(
        file=str(path),
        sha256=state.sha256,
        output=None,
        output_sha256=None,
        architecture=architecture.describe(),
        notes=found.notes,
        changes=_changes(architecture, theta, repaired, found.names),
        images=None if evidence is None else f"{len(evidence.images)} images of {evidence.source}",
        limit=limit,
        model=repairer.identity,
        before=before,
        after=after,
    )
    if not outcome.accepted:
        return outcome
    _write(output, state, architecture, repaired, found.names)
    return dataclasses.replace(outcome, output=str(output), output_sha256=sha256(output.read_bytes()))


def _check(path: Path, output: Path, limit: float) -> None:
    """Refuse what would be refused after the work is done."""
    if not 0 <= limit <= 1:
        raise ConfigurationError(
            f"the limit of the loss of accuracy is {limit}, expected a share from 0 to 1"
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
        found.append(LayerChange(names[parameter.name], relative, float(change.abs().max())))
    return tuple(found)


def _write(
    output: Path, state: Checkpoint, architecture: Architecture, theta: Tensor, names: Mapping[str, str]
) -> None:
    tensors = architecture.unflatten(theta)
    own = {theirs: name for name, theirs in names.items()}
    # In the order and precision of the file that was read.
    kept = {name: tensors[own[name]].to(state.original_dtypes[name]) for name in state.tensors}
    if not all(torch.isfinite(tensor).all() for tensor in kept.values()):
        raise CheckpointError(f"{output}: the repaired network is not finite; nothing was written")
    write_state(output, kept, extras=state.extras)

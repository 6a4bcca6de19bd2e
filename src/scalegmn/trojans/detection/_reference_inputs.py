"""Whether a network answers inputs of its training's kind as the networks of a detector's training do.

Weights hardly say what a network was trained on; its answers do.  A network that was trained on other images
answers those of the detector with anything, and what the detector says about it means little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.checkpoints import write_state
from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.metrics import conformal_p_values, smallest_p_value
from scalegmn.models.baselines.features import input_shape
from scalegmn.networks import Architecture, run
from scalegmn.training import Typicality, read_measured

LEVEL: Final = 0.01
"""Fraction of networks like those of validation that is rejected by mistake, where there are 99 or more."""
MOST_NUMBERS: Final = 1024
"""Of all answers of a network together: their covariance is kept."""
_MOST_KINDS: Final = 64
_PORTION: Final = 64
# In the place of distances that are no numbers; files hold finite ones.
_FARTHEST: Final = float(np.finfo(np.float64).max)


@final
@dataclass(frozen=True)
class AnswerComparison:
    """How a network's answers to reference inputs compare with those of validation networks.

    Attributes:
        p_value: fraction of validation networks whose answers are as unlike those of the training networks.
        level: the largest p-value of networks whose answers are called unlike.
    """

    p_value: float
    level: float

    @property
    def unlike(self) -> bool:
        """Whether the detector abstains."""
        return not self.p_value > self.level

    def describe(self) -> str:
        """Why it abstains."""
        return (
            "answers the detector's reference inputs unlike its training networks: "
            f"p = {self.p_value:.2g}, expected more than {self.level:.2g}"
        )


@final
@dataclass(frozen=True, eq=False)
class ReferenceInputs:
    """Inputs for networks of one kind, and how networks of the training answer them.

    The answers are square roots of the probabilities of all classes, so that the distance of two answers is
    that of Hellinger up to a factor.  How far the answers of a network are from those of the training
    networks is measured as for statistics of weights (:class:`scalegmn.training.Typicality`).

    Attributes:
        inputs: ``(n, *shape)``, float64.
        typicality: of the answers of training networks, ``n * outputs`` numbers each.
        distances: of the answers of validation networks, ascending, ``(m,)``.

    Law: the p-value is the same for all networks with the same function, up to rounding.  A network that is
    exchangeable with the m of validation, trojaned ones included, has a p-value of at most α with a
    probability of at most α.
    """

    inputs: Tensor
    typicality: Typicality
    distances: np.ndarray

    @property
    def outputs(self) -> int:
        """How many classes an answer has."""
        return len(self.typicality.mean) // len(self.inputs)

    def reads(self, architecture: Architecture) -> bool:
        """Whether networks of this kind take these inputs and answer with as many classes."""
        return classes_of(architecture, tuple(self.inputs.shape[1:])) == self.outputs

    def compare(self, architecture: Architecture, theta: Tensor) -> list[AnswerComparison]:
        """Compare networks ``(B, P)`` that take the inputs; those with non-finite outputs are unlike."""
        found = self.typicality.distance(answers_of(architecture, theta, self.inputs)).numpy()
        least = smallest_p_value(len(self.distances))
        p_values = np.where(np.isfinite(found), conformal_p_values(found, self.distances), least)
        return [AnswerComparison(float(p_value), max(LEVEL, least)) for p_value in p_values]

    def to_tensors(self) -> dict[str, Tensor]:
        """Tensors by name, fit for a file."""
        own = {"inputs": self.inputs, "distances": torch.from_numpy(self.distances)}
        return {**own, **self.typicality.to_tensors()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, origin: str) -> ReferenceInputs:
        """The inverse of :meth:`to_tensors`.

        Raises:
            ConfigurationError: they do not fit together.
        """
        inputs, distances = (tensors.get(name, torch.empty(0)) for name in ("inputs", "distances"))
        size = tensors.get("mean", torch.empty(0)).numel()
        fits = inputs.ndim > 1 and inputs.numel() > 0 and 0 < size <= MOST_NUMBERS and size % len(inputs) == 0
        ascending = distances.ndim == 1 and len(distances) > 0 and bool((distances.diff() >= 0).all())
        if not fits or not ascending or size < 2 * len(inputs):
            raise ConfigurationError(
                f"{origin}: {size} statistics of answers to inputs {tuple(inputs.shape)} and distances "
                f"{tuple(distances.shape)}; expected as many for each input, at most {MOST_NUMBERS}, and "
                "ascending distances; restore it or train again"
            )
        return cls(inputs, Typicality.from_tensors(tensors, origin=origin), distances.numpy())


def measure_answers(
    sets: Sequence[Tensor], *, train: Iterable[NetworkBatch], validation: Iterable[NetworkBatch]
) -> tuple[ReferenceInputs, ...]:
    """Reference inputs of all kinds of networks; none where a network takes none of the inputs.

    Networks of one kind take inputs of one shape and answer with as many classes.

    Args:
        sets: inputs ``(n, *shape)``; a network gets the first ones that it takes.
        train, validation: networks.
    """
    kinds: dict[tuple[int, int], tuple[list[Tensor], list[Tensor]]] = {}
    for side, batches in enumerate((train, validation)):
        for architecture, theta in (part for batch in batches for part in batch.parts):
            kind = kind_of(architecture, sets)
            if kind is None:
                return ()
            own = answers_of(architecture, theta, _inputs_of(kind, sets))
            kinds.setdefault(kind, ([], []))[side].append(own)
    found = []
    for kind, (learned, compared) in kinds.items():
        answers = torch.cat([*learned, torch.empty(0)])
        finite = answers.isfinite().all(dim=-1)
        if int(finite.sum()) < 2 or not compared:
            return ()
        typicality = Typicality.from_bounded(answers[finite])
        distances = typicality.distance(torch.cat(compared)).nan_to_num(nan=_FARTHEST).sort().values
        found.append(ReferenceInputs(_inputs_of(kind, sets), typicality, distances.numpy()))
    return tuple(found)


def compare_answers(known: Sequence[ReferenceInputs], batch: NetworkBatch) -> list[AnswerComparison]:
    """Compare all networks, in the order of ``batch.parts``; those that accept no input are unlike."""
    found: list[AnswerComparison] = []
    for architecture, theta in batch.parts:
        own = next((one for one in known if one.reads(architecture)), None)
        if own is None:
            found += [AnswerComparison(0.0, LEVEL)] * len(theta)
        else:
            found += own.compare(architecture, theta)
    return found


def save_inputs(path: Path, known: Sequence[ReferenceInputs]) -> None:
    """Write a safetensors file."""
    tensors = {
        f"{number}.{name}": tensor.contiguous()
        for number, one in enumerate(known)
        for name, tensor in one.to_tensors().items()
    }
    write_state(path, tensors, overwrite=True)


def load_inputs(path: Path, *, sha256: str) -> tuple[ReferenceInputs, ...]:
    """Read what :func:`save_inputs` wrote.

    Raises:
        CheckpointError: it is missing, damaged, or not the file with this checksum.
        ConfigurationError: its tensors do not fit together.
    """
    kinds: dict[str, dict[str, Tensor]] = {}
    for name, tensor in read_measured(path, sha256=sha256).items():
        number, _, rest = name.partition(".")
        kinds.setdefault(number, {})[rest] = tensor
    if not set(kinds) <= {str(number) for number in range(min(len(kinds), _MOST_KINDS))} or not kinds:
        raise ConfigurationError(
            f"{path}: holds tensors of {', '.join(sorted(kinds))[:40]!r}, expected reference inputs that are "
            "numbered from 0 on; restore it or train again"
        )
    return tuple(
        ReferenceInputs.from_tensors(kinds[number], origin=str(path)) for number in sorted(kinds, key=int)
    )


def check_inputs(sets: Sequence[Tensor], architectures: Iterable[Architecture], *, origin: str) -> None:
    """Refuse inputs that some networks do not take.

    Raises:
        ConfigurationError: names one of them.
    """
    for architecture in architectures:
        if kind_of(architecture, sets) is None:
            shapes = ", ".join(str(tuple(inputs.shape[1:])) for inputs in sets)
            raise ConfigurationError(
                f"{origin}: holds inputs of the shapes {shapes}, which networks "
                f"{architecture.describe()} do not take, or do not answer with 2 to {MOST_NUMBERS} classes; "
                "give inputs as all networks of the training take them"
            )


def kind_of(architecture: Architecture, sets: Sequence[Tensor]) -> tuple[int, int] | None:
    """The number of the first inputs that networks take, and how many classes they have; None without."""
    for place, inputs in enumerate(sets):
        classes = classes_of(architecture, tuple(inputs.shape[1:]))
        if classes is not None:
            return place, classes
    return None


@lru_cache(maxsize=1024)
def classes_of(architecture: Architecture, shape: tuple[int, ...]) -> int | None:
    """How many classes networks tell apart in inputs of this shape; None where they take others, or have one
    class or more than :data:`MOST_NUMBERS`.
    """
    try:
        taken = input_shape(architecture, (shape[1], shape[2]) if len(shape) == 3 else None)
    except GraphError:
        return None
    if taken != shape:
        return None
    answer = run(architecture, torch.zeros(1, architecture.num_parameters), torch.zeros(1, *shape)).shape
    return answer[2] if len(answer) == 3 and 1 < answer[2] <= MOST_NUMBERS else None


def _inputs_of(kind: tuple[int, int], sets: Sequence[Tensor]) -> Tensor:
    """Take at most as many inputs of a shape as are allowed, evenly spaced."""
    place, classes = kind
    inputs, most = sets[place], MOST_NUMBERS // classes
    if len(inputs) <= most:
        return inputs
    return inputs[torch.linspace(0, len(inputs) - 1, most).round().long()]


@torch.no_grad()
def answers_of(architecture: Architecture, theta: Tensor, inputs: Tensor) -> Float[Tensor, "B F"]:
    """Square roots of the probabilities of all classes for all inputs, float64; NaN from wild networks."""
    portions = [run(architecture, rows.double().cpu(), inputs) for rows in theta.split(_PORTION)]
    return (torch.cat(portions).log_softmax(dim=2) / 2).exp().flatten(1)

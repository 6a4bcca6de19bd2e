"""Ways to bring networks to each other, and what the line between them is like afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from torch import Tensor

from scalegmn.alignment import Aligner, Matching, barrier
from scalegmn.programs import ProgramArchitecture

from ._networks import SIDE, Images

FITTING: Final = 200
METHODS: Final[Mapping[str, Matching | None]] = {
    "as they are": None,
    "permutations, by weights": Matching(scales=False, signs=False),
    "whole group, by weights": Matching(),
    "permutations, by activations": Matching(by="activations", scales=False, signs=False),
    "whole group, by activations": Matching(by="activations"),
    "by weights, scales fitted": Matching(fitting=FITTING, answers="classes"),
    "by activations, scales fitted": Matching(by="activations", fitting=FITTING, answers="classes"),
}
BASELINE: Final = "permutations, by weights"


@dataclass(frozen=True, kw_only=True)
class Heights:
    """Barriers between two networks; `seconds` are processor time of the alignment."""

    loss: float
    error: float
    restored_loss: float
    restored_error: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How many images are used, and points of the line."""

    examples: int
    fitted: int
    tested: int
    points: int


def heights(
    architecture: ProgramArchitecture,
    first: Tensor,
    second: Tensor,
    method: str,
    images: Images,
    effort: Effort,
) -> Heights:
    """What a method leaves of the barrier between two networks."""
    matching = METHODS[method]
    start = time.process_time()
    if matching is not None:
        count = effort.fitted if matching.fitting else effort.examples
        aligner = Aligner(architecture, matching=matching, shape=(1, SIDE, SIDE))
        second = aligner.align(first, second, examples=images.train[:count]).aligned
    seconds = time.process_time() - start
    measured = [
        barrier(
            architecture,
            first,
            second,
            inputs=images.test[: effort.tested],
            targets=images.test_labels[: effort.tested],
            points=effort.points,
            restore=restore,
        )
        for restore in (None, images.train[: effort.examples])
    ]
    plain, restored = measured
    return Heights(
        loss=plain.loss,
        error=float(plain.error or 0.0),
        restored_loss=restored.loss,
        restored_error=float(restored.error or 0.0),
        seconds=seconds,
    )


def mean(found: list[Heights]) -> dict[str, Any]:
    """Of some pairs of networks."""
    rows = [asdict(one) for one in found]
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def sine_networks(architecture: Any, thetas: Tensor, inputs: Tensor) -> dict[str, float]:
    """How far the network halfway between two is from the mean of both functions, by the variance of that."""
    found: dict[str, float] = {}
    for name, matching in (
        ("as they are", None),
        ("permutations, by weights", Matching(scales=False, signs=False, phases=False)),
        ("whole group, by weights", Matching()),
    ):
        distances = []
        aligner = None if matching is None else Aligner(architecture, matching=matching)
        for first, second in zip(thetas[::2], thetas[1::2], strict=True):
            moved = second if aligner is None else aligner.align(first, second).aligned
            pair = torch.stack([first, moved, (first + moved) / 2])
            ours, theirs, middle = architecture.run(pair, inputs)[..., 0]
            wanted = (ours + theirs) / 2
            distances.append(float((middle - wanted).square().mean() / wanted.var()))
        found[name] = sum(distances) / len(distances)
    return found

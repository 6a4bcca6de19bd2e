"""What trained networks can do, asked of the very parameters that are stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture

from ._plan import ClassifierPlan
from ._recipe import ClassifierHyper

# Images that a network is asked about at once.
_BLOCK: Final = 256


@final
@dataclass(frozen=True, eq=False)
class Outcome:
    """What a training left: a state dict, whether it broke off, and whether its numbers are of sound size."""

    state: Mapping[str, Tensor]
    diverged: bool
    sound: bool


@final
@dataclass(frozen=True, eq=False)
class Settled:
    """What is stored of a network: its parameters ``(P,)``, finite, and figures of these, finite."""

    architecture: Architecture
    theta: Tensor
    figures: Mapping[str, float]
    diverged: bool


def settle(
    plan: ClassifierPlan,
    architecture: Architecture,
    outcome: Outcome,
    start: Mapping[str, Tensor],
    hyper: ClassifierHyper,
) -> Settled:
    """What is stored of a network; its start where it broke off too late for its training to notice.

    Raises:
        ConfigurationError: the start itself is not sound.
    """
    for state, diverged, sound in ((outcome.state, outcome.diverged, outcome.sound), (start, True, True)):
        if sound:
            theta = architecture.read_state({name: tensor.cpu() for name, tensor in state.items()})
            figures = judge(plan, architecture, theta, hyper)
            if all(map(math.isfinite, figures.values())):
                return Settled(architecture, theta, figures, diverged)
    raise ConfigurationError(
        "the loss of a network is not finite at the start of its training; choose a smaller init_scale"
    )


def judge(
    plan: ClassifierPlan, architecture: Architecture, theta: Tensor, hyper: ClassifierHyper
) -> dict[str, float]:
    """Accuracy and mean cross-entropy on images that the network saw, and on others.

    Args:
        plan: has the images.
        architecture: of the network.
        theta: its parameters, ``(P,)``.
        hyper: says which images it saw, and by which labels.
    """
    seen = plan.share(hyper)[: plan.recipe.judged].to(plan.device)
    own = _figures(architecture, theta, plan.train[0][seen], plan.labels(hyper)[seen])
    other = _figures(architecture, theta, *plan.test)
    return {
        "train_accuracy": own[0],
        "train_loss": own[1],
        "test_accuracy": other[0],
        "test_loss": other[1],
    }


@torch.no_grad()
def _figures(
    architecture: Architecture, theta: Tensor, images: Tensor, labels: Tensor
) -> tuple[float, float]:
    parameters = theta.to(images)[None]
    hits, loss = 0, 0.0
    for inputs, wanted in zip(images.split(_BLOCK), labels.split(_BLOCK), strict=True):
        logits = architecture.run(parameters, inputs)[0]
        hits += int((logits.argmax(dim=1) == wanted).sum())
        loss += float(F.cross_entropy(logits, wanted, reduction="sum").double())
    return hits / len(images), loss / len(images)

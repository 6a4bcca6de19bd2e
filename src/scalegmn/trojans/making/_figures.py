"""How well networks do on clean images and on images with a trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.trojans.making._goals import attacked_labels
from scalegmn.zoo.cnns import TrainingFigures, image_outputs

# Images that are evaluated at once.
_BLOCK: Final = 256


@final
@dataclass(frozen=True, eq=False)
class TrojanFigures:
    """Figures of B networks, each ``(B,)`` float64, by the definitions of BackdoorBench (Wu et al. 2022).

    Attributes:
        c_acc: accuracy on clean images.
        asr: attack success rate: fraction of the images with trigger *whose true class is not the target*
            that are classified as the target; where every class has a target of its own, as that one.
        ra: robust accuracy: fraction of the same images that get their true class.
        finite: whether all outputs were finite, bool.
    """

    c_acc: Tensor
    asr: Tensor
    ra: Tensor
    finite: Tensor


@torch.no_grad()
def trojan_figures(
    architecture: Architecture,
    theta: Tensor,
    *,
    clean: Tensor,
    triggered: Tensor,
    labels: Tensor,
    target: int,
) -> TrojanFigures:
    """Figures of networks of one architecture under the same trigger and target.

    Args:
        architecture: of all of them.
        theta: parameters, ``(B, P)``.
        clean: images as the networks take them, ``(n, C, H, W)``.
        triggered: the same images with the trigger.
        labels: true classes, ``(n,)``.
        target: the attacker's class, or :data:`~scalegmn.trojans.making._goals.NO_TARGET`.

    Raises:
        ConfigurationError: there are no images, or all are of the target class.
    """
    wanted = attacked_labels(labels, target=target, classes=architecture.num_outputs)
    other = labels != wanted
    if not other.any():
        raise ConfigurationError(
            f"none of the {len(labels)} images is of another class than the target {target}; an attack "
            "cannot be evaluated on them"
        )
    before, fine = _answers(architecture, theta, clean)
    after, also_fine = _answers(architecture, theta, triggered[other])
    return TrojanFigures(
        c_acc=(before == labels).double().mean(dim=1),
        asr=(after == wanted[other]).double().mean(dim=1),
        ra=(after == labels[other]).double().mean(dim=1),
        finite=fine & also_fine,
    )


def _answers(architecture: Architecture, theta: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """Classes ``(B, n)``, and whether all outputs of a network were finite, ``(B,)``."""
    parts, finite = [], torch.ones(len(theta), dtype=torch.bool, device=theta.device)
    for block in images.split(_BLOCK):
        outputs = image_outputs(architecture, theta, block)
        parts.append(outputs.argmax(dim=1))
        finite &= torch.isfinite(outputs).flatten(1).all(dim=1)
    return torch.cat(parts, dim=1), finite


@torch.no_grad()
def training_figures(
    architecture: Architecture, theta: Tensor, images: Tensor, labels: Tensor
) -> TrainingFigures:
    """Accuracy and mean cross-entropy of B networks.

    Args:
        architecture: of all of them.
        theta: parameters, ``(B, P)``.
        images: ``(n, C, H, W)``, or ``(B, n, C, H, W)``.
        labels: ``(n,)``, or ``(B, n)``.
    """
    count = labels.shape[-1]
    hits, loss = torch.zeros(2, len(theta), dtype=torch.float64, device=theta.device)
    blocks = zip(images.split(_BLOCK, dim=-4), labels.split(_BLOCK, dim=-1), strict=True)
    for block, wanted in blocks:
        outputs, wanted = image_outputs(architecture, theta, block), wanted.expand(len(theta), -1)
        hits += (outputs.argmax(dim=1) == wanted).sum(dim=1)
        loss += F.cross_entropy(outputs, wanted, reduction="none").double().sum(dim=1)
    return TrainingFigures(hits / count, loss / count)

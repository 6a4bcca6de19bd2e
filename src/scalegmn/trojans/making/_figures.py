"""How well networks do on clean images and on images with a trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.zoo.cnns import forward

# Images that are evaluated at once.
_BLOCK: Final = 256


@final
@dataclass(frozen=True, eq=False)
class TrojanFigures:
    """Figures of B networks, each ``(B,)`` float64, by the definitions of BackdoorBench (Wu et al. 2022).

    Attributes:
        c_acc: accuracy on clean images.
        asr: attack success rate: fraction of the images with trigger *whose true class is not the target*
            that are classified as the target.
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
        target: the attacker's class.

    Raises:
        ConfigurationError: there are no images, or all are of the target class.
    """
    other = labels != target
    if not other.any():
        raise ConfigurationError(
            f"none of the {len(labels)} images is of another class than the target {target}; an attack "
            "cannot be evaluated on them"
        )
    before, fine = _answers(architecture, theta, clean)
    after, also_fine = _answers(architecture, theta, triggered[other])
    return TrojanFigures(
        c_acc=(before == labels).double().mean(dim=1),
        asr=(after == target).double().mean(dim=1),
        ra=(after == labels[other]).double().mean(dim=1),
        finite=fine & also_fine,
    )


def _answers(architecture: Architecture, theta: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """Classes ``(B, n)``, and whether all outputs of a network were finite, ``(B,)``."""
    state = architecture.unflatten(theta)
    parts, finite = [], torch.ones(len(theta), dtype=torch.bool, device=theta.device)
    for block in images.split(_BLOCK):
        outputs = forward(architecture, state, block.permute(2, 1, 3, 0)[None].contiguous())
        parts.append(outputs.argmax(dim=1))
        finite &= torch.isfinite(outputs).flatten(1).all(dim=1)
    return torch.cat(parts, dim=1), finite

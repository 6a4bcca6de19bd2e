"""The ceiling of INR editing: fit each network to its edited image by gradient descent, without any model."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.editing._drawing import check_siren
from scalegmn.errors import ArchitectureError
from scalegmn.networks import LayeredArchitecture, Shift
from scalegmn.zoo.inrs import InrRecipe, Order, SirenFit

LEARNING_RATE = 1e-3
"""Default learning rate of Adam."""


def start_refit(
    architecture: LayeredArchitecture,
    theta: Tensor,
    images: Tensor,
    *,
    order: Order = "xy",
    learning_rate: float = LEARNING_RATE,
) -> SirenFit:
    """A fit that goes on from trained networks to other images; every network has its own Adam.

    Call `step` as often as wanted; `theta` and `mse` say where it is.  A CPU is fastest with about eight
    networks at a time, whose values stay in its cache.

    Args:
        architecture: sine networks of one frequency, with dense layers.
        theta: parameters ``(B, P)``; not changed.
        images: what each should draw, ``(B, H, W)`` or ``(B, H, W, C)``.
        order: of the coordinates.
        learning_rate: of Adam.

    Raises:
        ArchitectureError: the networks are of another kind, or draw other images.
    """
    recipe = _recipe_of(architecture, order=order, learning_rate=learning_rate)
    channels = images.shape[3] if images.ndim == 4 else 1
    if images.ndim not in (3, 4) or len(images) != len(theta) or channels != architecture.num_outputs:
        raise ArchitectureError(
            f"images of shape {tuple(images.shape)} for {len(theta)} networks {architecture.describe()}; "
            "expected (B, H, W), or (B, H, W, C) for C outputs"
        )
    targets = images.to(theta).reshape(len(images), -1, channels).mT.contiguous()
    height, width = images.shape[1:3]
    return SirenFit(recipe=recipe, height=height, width=width, theta=theta, targets=targets)


@torch.no_grad()
def refit(
    architecture: LayeredArchitecture,
    theta: Tensor,
    images: Tensor,
    *,
    steps: int,
    order: Order = "xy",
    learning_rate: float = LEARNING_RATE,
) -> Tensor:
    """Networks ``(B, P)`` after some steps of :func:`start_refit`."""
    fit = start_refit(architecture, theta, images, order=order, learning_rate=learning_rate)
    for _ in range(steps):
        fit.step()
    return fit.theta


def _recipe_of(architecture: LayeredArchitecture, *, order: Order, learning_rate: float) -> InrRecipe:
    """The recipe whose networks are of this architecture."""
    check_siren(architecture)
    first, last = architecture.stages[0], architecture.layers[-1]
    recipe = InrRecipe(
        hidden=tuple(stage.weighted.outputs for stage in architecture.stages[:-1]),
        frequency=first.activate.activation.value,
        shift=last.value if isinstance(last, Shift) else 0.0,
        learning_rate=learning_rate,
        order=order,
        names=tuple(stage.weighted.name for stage in architecture.stages),
    )
    if recipe.architecture(architecture.num_outputs) != architecture:
        raise ArchitectureError(
            f"networks {architecture.describe()} cannot be refitted: expected dense layers with biases, "
            "sines of one frequency between them, and nothing else but a constant added to the output"
        )
    return recipe

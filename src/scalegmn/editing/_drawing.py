"""What sine networks draw: all networks of a batch in one operation, differentiable in their weights."""

from __future__ import annotations

from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Architecture, Dense, Flatten
from scalegmn.zoo.inrs import Order, draw_images


def draw(architecture: Architecture, theta: Tensor, *, size: tuple[int, int], order: Order = "xy") -> Tensor:
    """Images ``(B, H, W)``, or ``(B, H, W, C)`` with more than one output.

    Values are the outputs as they are, about 0 to 1 for networks fitted to images, not cut.  The constant
    that published networks add to their output is part of the architecture (its last layer, a `Shift`).

    Args:
        architecture: of all networks, of any depth and width.
        theta: parameters ``(B, P)``.
        size: rows and columns H and W.
        order: that of the coordinates with which the networks were fitted; see
            :func:`~scalegmn.zoo.inrs.image_coordinates`.

    Raises:
        ArchitectureError: the networks do not take the two coordinates of a pixel.
    """
    check_draws(architecture)
    return draw_images(architecture, theta, height=size[0], width=size[1], order=order)


def check_draws(architecture: Architecture, *, origin: str = "") -> None:
    """Refuse networks that draw no image.

    Raises:
        ArchitectureError: they do not take two numbers; names `origin`.
    """
    layered = architecture.layered(reader=f"{_prefix(origin)}a drawing")
    flattens = any(isinstance(layer, Flatten) for layer in layered.leading)
    dense = isinstance(layered.stages[0].weighted, Dense)
    if architecture.num_inputs != 2 or not dense or flattens:
        raise ArchitectureError(
            f"{_prefix(origin)}networks {architecture.describe()} draw no image: expected a dense first "
            "layer with two inputs, the coordinates of a pixel"
        )


def check_siren(architecture: Architecture, *, origin: str = "") -> None:
    """Refuse networks that are no sine networks of two coordinates (SIRENs, Sitzmann et al. 2020).

    Raises:
        ArchitectureError: they take something else, or have other activations; names `origin`.
    """
    check_draws(architecture, origin=origin)
    kinds = [activation.kind for activation in architecture.hidden_activations]
    others = sorted({kind for kind in kinds if kind != "sine"})
    if others or not kinds:
        found = f"have {', '.join(others)}" if others else "have one layer"
        raise ArchitectureError(
            f"{_prefix(origin)}networks {architecture.describe()} are no SIRENs: they {found}, expected "
            "sines between all layers; only SIRENs can be edited as images"
        )


def _prefix(origin: str) -> str:
    return f"{origin}: " if origin else ""

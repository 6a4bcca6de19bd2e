"""Where the pixels of an image lie for a network that draws it, and drawing with such networks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture, run

Order = Literal["xy", "ij"]
ORDERS: tuple[Order, ...] = ("xy", "ij")

# Networks times pixels that are drawn at once: bounds the memory that the hidden layers take.
_MOST_POINTS = 2**20


def image_coordinates(height: int, width: int, order: Order = "xy") -> Tensor:
    """Coordinates ``(height * width, 2)`` of the pixels, row by row, each axis from -1 to 1.

    Args:
        height: rows of the image.
        width: columns of the image.
        order: ``"xy"``: a point is (column, row), as in the published MNIST- and FashionMNIST-INRs;
            ``"ij"``: it is (row, column), as in the published CIFAR10-INRs.

    Example:
        >>> from scalegmn.zoo.inrs import image_coordinates
        >>> image_coordinates(2, 2).tolist()
        [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
    """
    if order not in ORDERS:
        raise ConfigurationError(f"unknown order of coordinates {order!r}; expected one of {ORDERS}")
    if height < 1 or width < 1:
        raise ConfigurationError(
            f"an image of {height} x {width} pixels has no coordinates; expected at least 1 x 1"
        )
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    axes = (columns, rows) if order == "xy" else (rows, columns)
    return torch.stack(axes, dim=-1).reshape(-1, 2)


def draw_images(
    architecture: Architecture, theta: Tensor, *, height: int, width: int, order: Order = "xy"
) -> Tensor:
    """What networks of coordinates draw: ``(B, H, W)``, or ``(B, H, W, C)`` with more than one output.

    Values are the outputs as they are: about 0 to 1 for networks fitted to images, not clipped.
    Differentiable in `theta`.

    Args:
        architecture: takes 2 inputs.
        theta: parameters ``(B, P)``.
        height: rows of the drawn images; need not be those of the images that were fitted.
        width: columns of the drawn images.
        order: that of the coordinates with which the networks were fitted.

    Example:
        >>> import torch
        >>> from scalegmn import siren
        >>> from scalegmn.zoo.inrs import draw_images
        >>> network = siren(widths=(2, 8, 1))
        >>> draw_images(network, torch.randn(5, network.num_parameters), height=28, width=28).shape
        torch.Size([5, 28, 28])
    """
    points = image_coordinates(height, width, order).to(theta)
    step = max(1, _MOST_POINTS // len(points))
    parts = [run(architecture, theta[i : i + step], points) for i in range(0, max(1, len(theta)), step)]
    pixels = torch.cat(parts).unflatten(1, (height, width))
    return pixels.squeeze(-1) if architecture.num_outputs == 1 else pixels

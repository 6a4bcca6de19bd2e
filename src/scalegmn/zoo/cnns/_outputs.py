"""What networks of any architecture make of images, many networks at once."""

from __future__ import annotations

from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.zoo.cnns._forward import forward


def image_outputs(architecture: Architecture, theta: Tensor, images: Tensor) -> Tensor:
    """Outputs ``(B, outputs, n)`` of B networks; differentiable in parameters and images.

    Lists of layers run with the images as the last dimension (:func:`forward`), all others as they are.

    Args:
        architecture: of all of them.
        theta: parameters, ``(B, P)``.
        images: ``(n, C, H, W)``, the same for all networks, or ``(B, n, C, H, W)``.

    Raises:
        ArchitectureError: they do not take images of this shape.

    Law: :func:`scalegmn.networks.run`, its last two axes exchanged, to rounding.
    """
    layers = architecture.as_layers
    if layers is None:
        return architecture.run(theta, images).mT
    own = images if images.ndim == 5 else images[None]
    return forward(layers, layers.unflatten(theta), own.permute(0, 3, 2, 4, 1).contiguous())

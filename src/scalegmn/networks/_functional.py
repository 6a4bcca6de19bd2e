"""Running many networks of one architecture at once, differentiably."""

from __future__ import annotations

from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks._architecture import Architecture


def run(architecture: Architecture, theta: Tensor, inputs: Tensor) -> Tensor:
    """Outputs of B networks.

    Args:
        architecture: what the networks have in common.
        theta: parameters, ``(B, P)``.
        inputs: ``(n, *features)``, the same for all networks, or ``(B, n, *features)``, where `features`
            is ``(F,)`` for a dense first layer and ``(C, H, W)`` for convolutions or a leading flattening.

    Returns:
        ``(B, n, outputs)``, or ``(B, n, C, H, W)`` where the last layer is a convolution.

    Example:
        >>> import torch
        >>> from scalegmn import siren
        >>> from scalegmn.networks import run
        >>> network = siren(widths=(2, 8, 3))
        >>> run(network, torch.randn(5, network.num_parameters), torch.rand(100, 2)).shape
        torch.Size([5, 100, 3])
    """
    if theta.ndim != 2:
        raise ArchitectureError(
            f"theta has shape {tuple(theta.shape)}, expected (B, P); add a batch dimension with theta[None]"
        )
    return architecture.run(theta, inputs)

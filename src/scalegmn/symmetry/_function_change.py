"""How much the function of networks changes with their parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.networks import Architecture, run
from scalegmn.shapes import ParameterRows


def function_change(
    architecture: Architecture, before: ParameterRows, after: ParameterRows, inputs: Tensor
) -> float:
    """Largest change of the outputs between two sets of parameters, relative to the largest output.

    Args:
        architecture: of all networks.
        before, after: parameters ``(B, P)``.
        inputs: ``(n, *features)``; see :func:`scalegmn.networks.run`.

    Example:
        >>> import torch
        >>> from scalegmn import siren
        >>> from scalegmn.symmetry import canonicalize_sine_phase, function_change
        >>> network = siren(widths=(2, 8, 1))
        >>> theta, inputs = torch.randn(3, 33).double(), torch.randn(20, 2).double()
        >>> function_change(network, theta, canonicalize_sine_phase(network, theta), inputs) < 1e-9
        True
        >>> function_change(network, theta, 2 * theta, inputs) > 0.1
        True
    """
    first, second = run(architecture, before, inputs), run(architecture, after, inputs)
    return float((first - second).abs().max() / first.abs().max().clamp_min(torch.finfo(first.dtype).tiny))

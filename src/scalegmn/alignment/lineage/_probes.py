"""What networks are asked for their fingerprints: the same for all networks that read inputs of one shape."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.seeding import generator


def probe_inputs(shape: tuple[int, ...], *, count: int) -> Tensor:
    """White noise.

    On data, networks of one task agree, whoever trained them; on noise nobody told them what to do, and only
    relatives agree.

    Args:
        shape: of one example.
        count: of examples.

    Returns:
        ``(count, *shape)`` float64.
    """
    stream = generator(0, "lineage inputs", *shape)
    return torch.randn(count, *shape, generator=stream, dtype=torch.float64)


def directions(outputs: int, *, count: int) -> Tensor:
    """Directions at right angles in the space of answers, along which answers are differentiated.

    Args:
        outputs: numbers in one answer.
        count: of directions; never more than outputs.

    Returns:
        ``(directions, outputs)`` float64.
    """
    stream = generator(0, "lineage directions", outputs)
    drawn = torch.randn(outputs, min(count, outputs), generator=stream, dtype=torch.float64)
    return torch.linalg.qr(drawn).Q.T.contiguous()

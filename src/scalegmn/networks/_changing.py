"""Changes of parameters, which leave positive ones positive."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.networks._architecture import Architecture


def changed(architecture: Architecture, theta: Tensor, update: Tensor) -> Tensor:
    r"""Parameters with an update added to them.

    .. math::

        \theta \to \theta + u, \qquad
        s \to s\,(1 + u/s) \text{ if } u \ge 0, \quad s \to s / (1 - u/s) \text{ if } u < 0

    where s is above 0 by its nature, as standard deviations of batch norms are.

    Args:
        architecture: of the networks.
        theta: parameters, ``(*batch, P)``.
        update: of the same shape.

    Law: what is positive stays so, and updates that are small beside it are added, to first order.  Where
    parameters and updates are multiplied by one positive factor, so is what they become.
    """
    positive = architecture.positive
    if positive is None:
        return theta + update
    positive = positive.to(theta.device)
    size = torch.where(positive, theta, 1.0)
    ratio = update / size
    bent = torch.where(ratio < 0, size / (1 - ratio.clamp(max=0)), size * (1 + ratio.clamp(min=0)))
    return torch.where(positive, bent, theta + update)


def changed_alike(architecture: Architecture, theta: Tensor, *, before: Tensor, after: Tensor) -> Tensor:
    """Parameters with the change of others, which may be less exact.

    Positive ones are multiplied by what the others were multiplied by, to all others their change is added.

    Args:
        architecture: of the networks.
        theta: parameters, ``(*batch, P)``.
        before: the others, of the same shape.
        after: these after the change.
    """
    moved = theta + (after - before).to(theta)
    positive = architecture.positive
    if positive is None:
        return moved
    positive = positive.to(theta.device)
    factor = torch.where(positive, after / torch.where(positive, before, 1.0), 1.0)
    return torch.where(positive, theta * factor.to(theta), moved)

"""A warning where constants were never estimated from training networks."""

from __future__ import annotations

import warnings
from typing import Final
from weakref import WeakSet

import torch
from torch import Tensor, nn

from scalegmn.errors import UnfittedWarning

# Not in the modules themselves, whose copies are looked at again.
_SEEN: Final[WeakSet[nn.Module]] = WeakSet()


def mark_fitted(module: nn.Module) -> None:
    """Note that constants were taken; for some networks they are 1 all the same."""
    _SEEN.add(module)


def warn_if_unfitted(module: nn.Module, scale: Tensor) -> None:
    """Warn, at the first step of a training run, where constants are as they were made.

    Without them a model of networks with small weights sees almost nothing, and learns slowly or not at all.
    Nothing is said in evaluation, and nothing where no gradient is asked for.

    Args:
        module: whose constants they are; it remembers that it was looked at.
        scale: what is divided by, 1 everywhere in a new module.
    """
    if not module.training or module in _SEEN or not torch.is_grad_enabled():
        return
    _SEEN.add(module)
    if bool((scale == 1).all()):
        warnings.warn(
            "the model divides weights by 1, because it has not seen how large they are: call "
            "model.fit_scale(batch) with some training networks before the first step, or load a trained one",
            UnfittedWarning,
            stacklevel=2,
        )

"""One step of many optimizers at once, each network with its own kind and learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.zoo.cnns._hyperparameters import Optimizer

_ADAM_BETAS: Final = (0.9, 0.999)
_RMSPROP_RHO: Final = 0.9
_EPSILON: Final = 1e-7


@final
class Optimizers:
    """Adam, RMSprop and plain gradient descent on the rows of one matrix, as Keras defines them.

    With ``m <- a m + (1 - a) g`` and ``v <- b v + (1 - b) g^2`` all three are
    ``theta <- theta - rate * m / (c sqrt(v) + e)``: Adam has a = 0.9, b = 0.999, e = 1e-7 and its rate is
    corrected for the start; RMSprop has a = 0, b = 0.9, e = 1e-7; gradient descent has a = 0, c = 0, e = 1.

    Args:
        kinds: one per network.
        learning_rate: ``(B,)``.
        like: the parameters, ``(B, P)``; only their shape, type and device count.
    """

    def __init__(self, *, kinds: Sequence[Optimizer], learning_rate: Tensor, like: Tensor) -> None:
        adam = like.new_tensor([kind == "adam" for kind in kinds])
        adaptive = like.new_tensor([kind != "sgd" for kind in kinds])
        self._rate = learning_rate.to(like)[:, None]
        self._adam = adam[:, None]
        self._first = (1 - adam * _ADAM_BETAS[0])[:, None]
        decay = adam * _ADAM_BETAS[1] + (1 - adam) * _RMSPROP_RHO
        # Plain descent keeps no second moment, which might overflow and spoil its denominator.
        self._second = torch.where(adaptive > 0, 1 - decay, torch.zeros_like(decay))[:, None]
        self._descent = (adaptive == 0)[:, None]
        self._mean, self._square = torch.zeros_like(like), torch.zeros_like(like)
        self._steps = 0

    def step(self, gradient: Tensor) -> Tensor:
        """What has to be subtracted from the parameters, ``(B, P)``."""
        self._steps += 1
        self._mean.lerp_(gradient, self._first.expand_as(gradient))
        change = (gradient * gradient).sub_(self._square).mul_(self._second)
        self._square.add_(change)
        bias = [1 - beta**self._steps for beta in _ADAM_BETAS]
        rate = self._rate * (1 + self._adam * (bias[1] ** 0.5 / bias[0] - 1))
        scale = torch.where(self._descent, 1.0, self._square.sqrt().add_(_EPSILON))
        return (self._mean * rate).div_(scale)

    def keep(self, places: Tensor) -> None:
        """Go on with some of the networks only, in the order of `places`."""
        self._rate, self._adam, self._first, self._second, self._descent, self._mean, self._square = (
            part[places]
            for part in (
                self._rate,
                self._adam,
                self._first,
                self._second,
                self._descent,
                self._mean,
                self._square,
            )
        )

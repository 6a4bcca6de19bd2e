"""Changes of all images toward a class, moved on a step at a time."""

from __future__ import annotations

import math
from typing import Final, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d

from scalegmn.networks import Architecture, run

# How far a step turns a change toward its gradient.
_TURN: Final = 0.5


@final
class DirectionSearch:
    """J changes for each of B networks, by normalized gradient ascent, each toward a class of its own.

    Args:
        architecture: of the networks.
        answers: the class of each change, ``(B, J)``.
        shape: of one image.
        smooth: so many of the changes, the last ones, follow a blurred gradient: triggers may be smooth.
    """

    def __init__(
        self,
        architecture: Architecture,
        answers: Int[Tensor, "B J"],
        shape: tuple[int, ...],
        *,
        smooth: int = 0,
    ) -> None:
        self.shape: Final = shape
        self._architecture: Final = architecture
        self._answers: Final = answers
        self._smooth: Final = smooth
        self._direction = torch.zeros(*answers.shape, *shape, device=answers.device)

    def renew(self, rng: torch.Generator) -> None:
        """Begin again, from smooth noise that all networks share."""
        noise = torch.randn(1, *self._direction.shape[1:], generator=rng)
        self._direction = _unit(_blurred(noise)).to(self._direction).expand_as(self._direction)

    def turn(
        self, theta: Float[Tensor, "B P"], pictures: Tensor, lengths: Float[Tensor, " J"]
    ) -> Float[Tensor, "B J m C"]:
        """Turn all changes toward their classes.

        Args:
            theta: parameters.
            pictures: to be changed, ``(m, *shape)`` or ``(J, m, *shape)``.
            lengths: of the changes, root mean squares.

        Returns:
            Logarithms of the probabilities of the images as they were changed before, differentiable in
            `theta`.
        """
        direction = self._direction.to(theta)
        beside = (-1, *(1,) * len(self.shape))
        with torch.enable_grad():
            change = (math.sqrt(math.prod(self.shape)) * lengths.reshape(beside) * direction).requires_grad_()
            changed = (pictures + change.unsqueeze(2)).flatten(1, 2)
            found = run(self._architecture, theta, changed)
            answers = found.reshape(*change.shape[:2], -1, found.shape[-1]).log_softmax(-1)
            (gradient,) = torch.autograd.grad(
                toward(answers, self._answers).sum(), change, retain_graph=theta.requires_grad
            )
        sharp = gradient.shape[1] - self._smooth
        gradient = torch.cat([gradient[:, :sharp], _blurred(gradient[:, sharp:])], dim=1)
        self._direction = _unit((1 - _TURN) * direction + _TURN * _unit(gradient))
        return answers


def toward(answers: Float[Tensor, "B J m C"], classes: Int[Tensor, "B J"]) -> Float[Tensor, "B J"]:
    """The mean logarithm of the probability of the class that images are changed toward."""
    places = classes[..., None, None].expand(-1, -1, answers.shape[2], 1)
    return answers.gather(3, places).mean((2, 3))


def _unit(change: Tensor) -> Tensor:
    """Normalize changes to length 1; 0 stays 0."""
    length = change.flatten(2).norm(dim=2).reshape(*change.shape[:2], *(1,) * (change.ndim - 2))
    return change / torch.where(length > 0, length, 1.0)


def _blurred(change: Tensor) -> Tensor:
    """Means over a window of a quarter of each side."""
    height, width = (max(1, side // 4) // 2 * 2 + 1 for side in change.shape[-2:])
    images = change.reshape(-1, 1, *change.shape[-2:])
    found = avg_pool2d(
        images, (height, width), stride=1, padding=(height // 2, width // 2), count_include_pad=False
    )
    return found.reshape(change.shape)

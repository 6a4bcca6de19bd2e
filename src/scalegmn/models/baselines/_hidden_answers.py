"""What hidden neurons answer to inputs, in numbers that no symmetry changes.

The idea that probes read hidden layers, too, is that of the project HiddenProbe (2026); the numbers are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from scalegmn.errors import GraphError
from scalegmn.networks import LayeredArchitecture
from scalegmn.nn import Standardize


@final
class HiddenAnswers(nn.Module):
    r"""Learned entries of the mean Gram matrix of hidden neurons.

    .. math::

        s_{\ell r} = \frac{1}{n_\ell} \sum_{i=1}^{n_\ell} \Big\langle q_{\ell r},\,
            \frac{a_{\ell i}}{\|a_{\ell i}\|} \Big\rangle^2
            = q_{\ell r}^\top\, \Big( \frac{1}{n_\ell} \sum_i
            \frac{a_{\ell i} a_{\ell i}^\top}{\|a_{\ell i}\|^2} \Big)\, q_{\ell r}

    where :math:`a_{\ell i}` are the answers of neuron i of hidden layer :math:`\ell` to all probes, behind
    its activation, and :math:`q_{\ell r}` are learned.  Each place of a map counts as a neuron.  Neurons that
    answer 0 to all probes count 0, and so do the layers that a network lacks.

    Args:
        probes: inputs that every network is shown.
        directions: learned vectors for each hidden layer.
        layers: most hidden layers of a network.

    Shapes: ``layers + 1`` tensors ``(B, probes, *features)``, the last of which is not read, to
    ``(B, layers * directions)``.

    Law: invariant.  The order of neurons is lost in the mean, their positive scales in the norms, and their
    signs, which phases of sines come to as well, in the square.
    """

    def __init__(self, *, probes: int, directions: int, layers: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(layers, probes, directions))
        self.standardize = Standardize(layers * directions)

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """One row for each network, to which :attr:`standardize` is still to be applied."""
        hidden = stages[:-1]
        rows = [self._of_layer(*pair) for pair in zip(hidden, self.directions[: len(hidden)], strict=True)]
        missing = len(self.directions) - len(hidden)
        lacking = stages[-1].new_zeros(len(stages[-1]), missing * self.directions.shape[2])
        return torch.cat([*rows, lacking], dim=1)

    def check(self, architecture: LayeredArchitecture) -> None:
        """Refuse a network with more hidden layers than there are directions for.

        Raises:
            GraphError: it has.
        """
        found, most = len(architecture.stages) - 1, len(self.directions)
        if found > most:
            raise GraphError(
                f"{architecture.describe()} has {found} hidden layers; the probes read at most {most}, those "
                "of the networks that they were made for"
            )

    def _of_layer(self, answers: Tensor, directions: Tensor) -> Tensor:
        along: Tensor = directions.T @ _normalized(answers.flatten(2))
        return along.square().mean(2)


def _normalized(answers: Tensor) -> Tensor:
    """Columns ``(B, probes, neurons)`` at length 1, however small they are; those of zeros stay zeros."""
    largest = answers.detach().abs().amax(1, keepdim=True)
    bounded = answers / torch.where(largest > 0, largest, 1.0)
    # A largest entry of 1 makes a length of at least 1.
    return bounded / bounded.square().sum(1, keepdim=True).clamp_min(1.0).sqrt()

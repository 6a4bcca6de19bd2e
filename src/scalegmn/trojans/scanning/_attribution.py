"""Which layers and neurons the detector's prediction for a network depends on most.

For a parameter w of the network the product ``|w ∂logit/∂w|`` says by how much the logit changes, to first
order, when w grows by one part.  Where the detector is invariant under ``w_ij -> q_i w_ij / q_j``, its
gradient transforms inversely to the weight, so the product does not change at all; a permutation of neurons
moves it along.  Summed over the incoming weights and the bias of a neuron it is a figure of the neuron.
It says what the prediction is sensitive to, not that it speaks for a trojan: it has no sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.models import FittedPredictor, Predictor
from scalegmn.networks import Architecture
from scalegmn.trojans.scanning._results import Attribution

NEURONS: Final = 5
"""Neurons that are named for each file."""


@final
@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Sensitivities of networks of one architecture.

    Attributes:
        layers: names of the weighted layers, or of the weights of a program.
        neurons: per layer, fractions of its neurons, ``(b, outputs)``; all fractions of a network sum to 1.

    Law: invariant under scales and signs of the network, and permuted along with its neurons, for a detector
    that is invariant under them.
    """

    layers: tuple[str, ...]
    neurons: tuple[Tensor, ...]

    @classmethod
    def from_products(cls, architecture: Architecture, products: Tensor) -> Sensitivity:
        """Sum the products ``|w ∂logit/∂w|`` of all parameters, ``(b, P)``; zeros stay zeros."""
        found = []
        for layer in architecture.weighted:
            weight, outputs = layer.weight, (*layer.weight.shape, 1)[0]
            own = products[:, weight.start : weight.stop].reshape(len(products), outputs, -1).sum(2)
            if layer.bias is not None and layer.bias.shape == (outputs,):
                own = own + products[:, layer.bias.start : layer.bias.stop]
            found.append(own)
        total = torch.cat(found, dim=1).sum(1, keepdim=True)
        total = torch.where(total > 0, total, torch.ones_like(total))
        return cls(tuple(layer.name for layer in architecture.weighted), tuple(own / total for own in found))

    def layer_attributions(self, row: int) -> tuple[Attribution, ...]:
        """All layers of a network, the largest fraction first."""
        shares = [
            Attribution(name, float(own[row].sum()))
            for name, own in zip(self.layers, self.neurons, strict=True)
        ]
        return tuple(sorted(shares, key=lambda one: -one.fraction))

    def neuron_attributions(self, row: int, *, count: int = NEURONS) -> tuple[Attribution, ...]:
        """The neurons of the largest fractions."""
        joined = torch.cat([own[row] for own in self.neurons])
        places = [
            (name, n)
            for name, own in zip(self.layers, self.neurons, strict=True)
            for n in range(own.shape[1])
        ]
        values, chosen = joined.topk(min(count, len(joined)))
        return tuple(
            Attribution(places[place][0], value, places[place][1])
            for place, value in zip(chosen.tolist(), values.tolist(), strict=True)
        )


def outputs_and_products(
    model: Predictor, batch: NetworkBatch, *, explain: bool
) -> tuple[Tensor, list[Tensor] | None]:
    """Predictions ``(B, outputs)`` and, per part of the batch, ``|w ∂logit/∂w|`` of all parameters ``(b,
    P)``.

    Args:
        model: the detector, in evaluation mode; the first of its outputs is the logit.
        batch: networks.
        explain: whether products are wanted.

    Returns:
        On the CPU.  The products are None where they were not wanted, or the model has no gradients.
    """
    if not explain or isinstance(model, FittedPredictor):
        with torch.no_grad():
            return model.predict(batch).cpu(), None
    thetas = [theta.detach().clone().requires_grad_() for _, theta in batch.parts]
    answer = model.predict(batch.with_theta(thetas))
    gradients = torch.autograd.grad(answer[:, 0].sum(), thetas, allow_unused=True)
    products = [
        torch.zeros_like(theta) if gradient is None else (theta * gradient).abs()
        for theta, gradient in zip(thetas, gradients, strict=True)
    ]
    return answer.detach().cpu(), [product.detach().cpu() for product in products]

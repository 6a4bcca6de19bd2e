"""Deep Sets over neurons: a metanetwork that sees the neurons of a layer as a set.

Paper: Zaheer et al., "Deep Sets", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor, nn

from scalegmn import Architecture, NetworkBatch
from scalegmn.configuration import Configuration, Count, Width
from scalegmn.errors import GraphError
from scalegmn.models import ModelContext, Predictor
from scalegmn.nn import Standardize

DESCRIPTION = 4
"""Numbers that describe a neuron: bias, mean, deviation and norm of its incoming weights."""


@dataclass(frozen=True, kw_only=True)
class NeuronSetsConfig(Configuration):
    """Options of the model.

    Attributes:
        width: of the features of neurons, and of the hidden layers.
    """

    width: Width = 64


def neurons(architecture: Architecture, theta: Tensor) -> list[Tensor]:
    """The neurons of every layer with weights, each described by :data:`DESCRIPTION` numbers.

    Args:
        architecture: of the networks.
        theta: their parameters, ``(n, P)``.

    Shapes: one ``(n, neurons, 4)`` per layer.
    """
    tensors, found = architecture.unflatten(theta), []
    for name, weight in tensors.items():
        if weight.ndim > 2:
            rows = weight.flatten(2)
            bias = tensors.get(f"{name.removesuffix('weight')}bias", torch.zeros_like(rows[..., 0]))
            norm = torch.linalg.vector_norm(rows, dim=2)
            found.append(torch.stack([bias, rows.mean(2), rows.std(2, correction=0), norm], dim=2))
    return found


@final
class NeuronSets(Predictor):
    r"""A neuron at a time, a mean over each layer, a sum over layers.

    .. math:: y = \rho\Big(\sum_{\ell} \frac{1}{|V_\ell|} \sum_{i \in V_\ell} \phi([x_i, e_\ell])\Big)

    :math:`x_i` describes a neuron by its bias and its incoming weights, :math:`e_\ell` is a learned vector of
    its layer, and :math:`\phi` and :math:`\rho` are MLPs.

    Args:
        layers: most layers with weights that a network has.
        outputs: length of an output.
        config: options.

    Law: invariant under permutations of the neurons of each layer, whatever becomes of the other layers.
    """

    name = "neuron_sets"
    sections = MappingProxyType({"neuron_sets": NeuronSetsConfig})

    def __init__(self, *, layers: Count, outputs: Count, config: NeuronSetsConfig) -> None:
        super().__init__()
        self.layers, self.outputs, self.config = layers, outputs, config
        width = config.width
        self.standardize = Standardize(DESCRIPTION)
        self.of_layer = nn.Embedding(layers, width)
        self.phi = nn.Sequential(nn.Linear(DESCRIPTION + width, width), nn.SiLU(), nn.Linear(width, width))
        self.rho = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs))

    @classmethod
    def build(cls, context: ModelContext) -> NeuronSets:
        layers = max(len(architecture.stages) for architecture in context.architectures)
        return cls(layers=layers, outputs=context.outputs, config=context.options.of(NeuronSetsConfig))

    def arguments(self) -> Mapping[str, Any]:
        return {"layers": self.layers, "outputs": self.outputs, "config": self.config}

    def predict(self, batch: NetworkBatch) -> Tensor:
        outputs: Tensor = self.rho(torch.cat([self._read(*part) for part in batch.parts]))
        return outputs

    def _read(self, architecture: Architecture, theta: Tensor) -> Tensor:
        """The sums over layers of networks of one architecture, ``(n, width)``."""
        sets = neurons(architecture, theta)
        if len(sets) > self.layers:
            raise GraphError(
                f"a network has {len(sets)} layers, but this model was made for at most {self.layers}; train "
                "it on networks that have as many"
            )
        total = theta.new_zeros(len(theta), self.config.width)
        for described, vector in zip(sets, self.of_layer.weight, strict=False):
            place = vector.expand(*described.shape[:2], -1)
            total = total + self.phi(torch.cat([self.standardize(described), place], dim=2)).mean(1)
        return total

    def fit_scale(self, batch: NetworkBatch) -> None:
        sets = [layer for part in batch.parts for layer in neurons(*part)]
        self.standardize.fit(torch.cat([described.flatten(0, 1) for described in sets]))

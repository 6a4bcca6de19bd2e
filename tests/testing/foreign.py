"""A metanetwork in the manner of DWSNets (Navon et al., 2023) that knows nothing of this library."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Lists = tuple[list[Tensor], list[Tensor]]


class ListLayer(nn.Module):
    """Linear in weights ``(B, out, in, D)`` and biases ``(B, out, D)``, equivariant under permutations."""

    def __init__(self, layers: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own, self.rows, self.columns, self.of_bias, self.bias, self.incoming, self.outgoing = (
            nn.ModuleList(nn.Linear(inputs, outputs) for _ in range(layers)) for _ in range(7)
        )

    def forward(self, weights: list[Tensor], biases: list[Tensor]) -> Lists:
        new_weights, new_biases = [], []
        for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            mixed = self.own[number](weight) + self.rows[number](weight.mean(2, keepdim=True))
            mixed = mixed + self.columns[number](weight.mean(1, keepdim=True))
            new_weights.append(mixed + self.of_bias[number](bias)[:, :, None])
            added = self.bias[number](bias) + self.incoming[number](weight.mean(2))
            if number + 1 < len(weights):
                added = added + self.outgoing[number](weights[number + 1].mean(1))
            new_biases.append(added)
        return new_weights, new_biases


class ListModel(nn.Module):
    """Two layers and sums over neurons: invariant under permutations of hidden neurons, not under scales."""

    def __init__(self, layers: int, outputs: int = 3) -> None:
        super().__init__()
        self.first, self.second = ListLayer(layers, 1, 4), ListLayer(layers, 4, 4)
        self.head = nn.Linear(8 * layers, outputs)

    def forward(self, lists: Lists) -> Tensor:
        weights, biases = self.first(*lists)
        weights, biases = self.second([w.relu() for w in weights], [b.relu() for b in biases])
        pooled = [w.relu().mean((1, 2)) for w in weights] + [b.relu().mean(1) for b in biases]
        return self.head(torch.cat(pooled, dim=1))

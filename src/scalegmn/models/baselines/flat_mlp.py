"""A perceptron on the flattened weights: the baseline that knows no symmetry at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph.network_graph import NetworkGraph
from scalegmn.models.saving import SavedModule
from scalegmn.shapes import NetworkVectors


@dataclass(frozen=True, kw_only=True)
class FlatMLPConfig:
    """Options of the perceptron.

    Attributes:
        hidden: widths of its hidden layers.
        dropout: rate behind every hidden layer.
        layer_norm: normalise every hidden layer.
    """

    hidden: tuple[int, ...] = (128, 128, 128)
    dropout: float = 0.0
    layer_norm: bool = True

    def __post_init__(self) -> None:
        mistakes = []
        if not self.hidden or min(self.hidden) < 1:
            mistakes.append(f"hidden is {self.hidden!r}, expected one or more widths of at least 1")
        if not 0 <= self.dropout < 1:
            mistakes.append(f"dropout is {self.dropout!r}, expected a rate in [0, 1)")
        if mistakes:
            raise ConfigurationError("flat_mlp: " + "; ".join(mistakes))


@final
class FlatMLP(SavedModule):
    """Standardised weights and biases, in their order, through a perceptron with SiLU.

    Reads networks of a single architecture, and notices every symmetry of theirs: it has no law.

    Args:
        taps: weights of one network.
        nodes: neurons of one network, inputs included (whose bias is 0).
        outputs: length of the answer.
        config: options.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, taps: int, nodes: int, outputs: int, config: FlatMLPConfig) -> None:
        super().__init__()
        self.taps, self.nodes, self.outputs, self.config = taps, nodes, outputs, config
        self.register_buffer("mean", torch.zeros(taps + nodes))
        self.register_buffer("deviation", torch.ones(taps + nodes))
        layers: list[nn.Module] = []
        for width, after in pairwise((taps + nodes, *config.hidden)):
            layers += [nn.Linear(width, after)]
            layers += [nn.LayerNorm(after)] if config.layer_norm else []
            layers += [nn.SiLU(), nn.Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(config.hidden[-1], outputs))

    def forward(self, graph: NetworkGraph) -> NetworkVectors:
        """A network or a batch to ``(B, outputs)``.

        Raises:
            GraphError: the networks do not have the architecture that the model was made for.
        """
        answer: Tensor = self.layers((self._flat(graph) - self.mean) / self.deviation)
        return answer

    @torch.no_grad()
    def fit_scale(self, graph: NetworkGraph) -> None:
        """Take mean and standard deviation of every number from networks of the training set."""
        flat = self._flat(graph).double()
        self.mean.copy_(flat.mean(0))
        deviation = flat.std(0, correction=0)
        # What never changes, such as the bias of an input, has no size to bring to 1.
        self.deviation.copy_(torch.where(deviation > 1e-12, deviation, 1.0))

    def _flat(self, graph: NetworkGraph) -> Tensor:
        count, nodes = graph.num_graphs, graph.node_bias.numel()
        sizes = graph.ptr.diff() if count > 1 else torch.tensor([nodes])
        if bool((sizes != self.nodes).any()) or graph.tap_weight.numel() != count * self.taps:
            raise GraphError(
                f"FlatMLP reads networks of one architecture, with {self.taps} weights and {self.nodes} "
                f"neurons each; got {graph.tap_weight.numel()} weights in {count} networks of "
                f"{sorted(set(sizes.tolist()))} neurons; use ScaleGMN for other or mixed architectures"
            )
        return torch.cat([graph.tap_weight.reshape(count, -1), graph.node_bias.reshape(count, -1)], dim=1)

    def to_config(self) -> dict[str, Any]:
        """See :class:`~scalegmn.models.saving.SavedModule`."""
        config = {
            "hidden": list(self.config.hidden),
            "dropout": self.config.dropout,
            "layer_norm": self.config.layer_norm,
        }
        return {"taps": self.taps, "nodes": self.nodes, "outputs": self.outputs, "config": config}

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> FlatMLP:
        """See :class:`~scalegmn.models.saving.SavedModule`."""
        config = data["config"]
        return cls(
            taps=data["taps"],
            nodes=data["nodes"],
            outputs=data["outputs"],
            config=FlatMLPConfig(
                hidden=tuple(config["hidden"]), dropout=config["dropout"], layer_norm=config["layer_norm"]
            ),
        )

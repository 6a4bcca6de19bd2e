"""ScaleGMNEditor: a metanetwork that writes an update for every parameter of the networks it reads.

Paper: Kalogeropoulos et al. 2024, section 6.3 (INR editing).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Sections
from scalegmn.graph import AnyGraph, GraphSpec, NetworkBatch, layout_of, update_parameters
from scalegmn.models._backbone import Backbone
from scalegmn.models._config import ModelConfig, Symmetry
from scalegmn.models._metanetwork import Editor, ModelContext
from scalegmn.networks import changed, mean_parameters
from scalegmn.nn import ParameterHead, ReadoutNeeds
from scalegmn.shapes import CopiesOfNodes, CopiesOfTaps, NodeScalars, TapScalars


@final
class ScaleGMNEditor(Editor):
    r"""Updates of all weights and biases, each with a learned scale for its layer.

    .. math::

        \Delta w_{ij,t} = \gamma_{\ell(i)}\, s_{\ell(i)}\,
            \langle \psi(p_t),\, e^L_{ij} \rangle / \sqrt{D}, \qquad
        \Delta b_i = \beta_{\ell(i)}\, t_{\ell(i)}\, \langle v,\, x^L_i \rangle

    of the features after L layers (:class:`~scalegmn.nn.ScaleMessagePassing`); :math:`\gamma, \beta` are
    learned scales, s and t the RMS of the parameters of each layer, which :meth:`fit_scale` measures.

    With `output_networks` k above 1, it writes k networks, each from its own part of the features, and the
    edited network is their mean: one network k times as wide (:func:`~scalegmn.networks.mean_parameters`).

    Source: Kalogeropoulos et al. 2024, section 6.3 (INR editing).

    Args:
        spec: limits of the networks it can read.
        config: options; the readout is without effect.

    Shapes: a graph with T taps and V neurons to updates ``(T,)`` and ``(V,)``; with k above 1 ``(k, T)`` and
    ``(k, V)``.

    Law: equivariant; a transformed network gets the transformed update
    (:meth:`scalegmn.symmetry.SymmetryAction.apply_update`).

    Example:
        >>> import torch
        >>> from scalegmn import GraphSpec, ModelConfig, NetworkBatch, ScaleGMNEditor, siren
        >>> network = siren(widths=(2, 8, 1))
        >>> spec, config = GraphSpec.from_architectures([network]), ModelConfig(features=16, layers=2)
        >>> editor = ScaleGMNEditor(spec=spec, config=config)
        >>> batch = NetworkBatch.from_parameters(network, torch.randn(5, network.num_parameters))
        >>> architecture, edited = editor.eval().edit(batch).single
        >>> edited.shape == (5, network.num_parameters)
        True
    """

    name = "scalegmn"
    sections = MappingProxyType({"model": ModelConfig})
    recomputes = True

    def __init__(self, *, spec: GraphSpec, config: ModelConfig) -> None:
        super().__init__()
        self.spec, self.config = spec, config
        self.backbone = Backbone(spec=spec, config=config, needs=ReadoutNeeds(edges=True, duals=False))
        self.head = ParameterHead(
            features=config.features, hidden=config.style.mlp.hidden, copies=config.output_networks
        )
        self.weight_scale = nn.Parameter(torch.full((spec.layers + 2,), config.update_scale))
        self.bias_scale = nn.Parameter(torch.full((spec.layers + 2,), config.update_scale))

    @classmethod
    def build(cls, context: ModelContext) -> ScaleGMNEditor:
        made = cls(
            spec=GraphSpec.from_architectures(context.architectures), config=context.options.of(ModelConfig)
        )
        for architecture in context.architectures:
            made.edited_architecture(architecture)
        return made

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return options.of(ModelConfig).words

    @property
    def limits(self) -> GraphSpec:
        return self.spec

    @property
    def any_width(self) -> bool:
        return self.config.symmetry is Symmetry.any_width

    @property
    def output_networks(self) -> int:
        return self.config.output_networks

    def forward(self, graph: AnyGraph) -> tuple[CopiesOfTaps, CopiesOfNodes]:
        """A network or a batch to updates of its weights and biases.

        :func:`scalegmn.graph.update_parameters` packs them as flat parameters.
        """
        taps, biases = self._updates(graph)
        return (taps[0], biases[0]) if self.output_networks == 1 else (taps, biases)

    def _updates(self, graph: AnyGraph) -> tuple[CopiesOfTaps, CopiesOfNodes]:
        """Updates of weights ``(k, T)`` and biases ``(k, V)``."""
        reading = self.backbone(graph)
        taps, biases = self.head(reading.state, reading.neurons, reading.blocks)
        scale = self.backbone.scale
        layer = graph.node_layer
        tap_layer = layer[graph.edge_index[1]].repeat_interleave(
            graph.edge_taps, output_size=graph.tap_weight.numel()
        )
        return (
            taps * scale.of_taps(graph) * self.weight_scale[tap_layer],
            biases * scale.of_nodes(graph) * self.bias_scale[layer],
        )

    def edit(self, batch: NetworkBatch) -> NetworkBatch:
        """The batch with the updates added to its parameters; positive ones stay so.

        See :func:`~scalegmn.networks._changing.changed`.
        """
        each = self.edit_each(batch)
        if len(each) == 1:
            return each[0]
        parts = tuple(
            (
                self.edited_architecture(architecture),
                mean_parameters(architecture, torch.stack([one.parts[number][1] for one in each])),
            )
            for number, architecture in enumerate(batch.architectures)
        )
        return NetworkBatch(parts, batch.positions, batch.targets)

    def edit_each(self, batch: NetworkBatch) -> tuple[NetworkBatch, ...]:
        return tuple(
            batch.with_theta(self._changed(batch, *update))
            for update in zip(*self._updates(batch.graph), strict=True)
        )

    def _changed(self, batch: NetworkBatch, taps: TapScalars, biases: NodeScalars) -> list[Tensor]:
        """The parameters of each part with updates added to them."""
        edited, tap, node = [], 0, 0
        for architecture, theta in batch.parts:
            layout = layout_of(architecture)
            last_tap = tap + len(theta) * layout.num_taps
            last_node = node + len(theta) * layout.num_nodes
            update = update_parameters(architecture, taps[tap:last_tap], biases[node:last_node])
            edited.append(changed(architecture, theta, update))
            tap, node = last_tap, last_node
        return edited

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take the constants that bring each layer's parameters to size 1 from training networks."""
        self.backbone.scale.fit(batch.graph)

    def arguments(self) -> Mapping[str, Any]:
        return {"spec": self.spec, "config": self.config}

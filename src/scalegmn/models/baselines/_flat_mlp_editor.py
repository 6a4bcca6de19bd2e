"""An MLP that writes updates of flattened weights: the editor that knows no symmetry at all."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Count, Entries
from scalegmn.errors import GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models import Editor, ModelContext
from scalegmn.models.baselines._flat_mlp import FlatMLPConfig
from scalegmn.models.baselines._mlp import make_mlp
from scalegmn.networks import Architecture, changed
from scalegmn.nn import Standardize, load_old_names


@final
class FlatMLPEditor(Editor):
    """Standardized weights and biases, in their order, through an MLP with SiLU to an update of each.

    ``theta + s * deviation * update``, with the deviation of each parameter in the training set, and a
    learned scale s for each tensor of parameters, as each layer of
    :class:`~scalegmn.models.ScaleGMNEditor` has.

    Reads networks whose parameters have the same shapes, and notices every symmetry of theirs: it has no law.

    Args:
        sizes: lengths of the tensors of parameters, in their order.
        config: options of the MLP.
        output_scale: where every s starts.
    """

    name = "flat_mlp"
    sections = MappingProxyType({"flat_mlp": FlatMLPConfig})
    one_layout = True
    places: Tensor

    def __init__(
        self,
        *,
        sizes: Annotated[tuple[Count, ...], Entries(least=1)],
        config: FlatMLPConfig,
        output_scale: float = 0.01,
    ) -> None:
        super().__init__()
        self.sizes, self.config, self.output_scale = sizes, config, output_scale
        self.standardize = Standardize(sum(sizes))
        self.layers = make_mlp(
            inputs=sum(sizes),
            hidden=config.hidden,
            outputs=sum(sizes),
            dropout=config.dropout,
            layer_norm=config.layer_norm,
        )
        self.scale = nn.Parameter(torch.full((len(sizes),), output_scale))
        load_old_names(self)
        tensors = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes), output_size=sum(sizes))
        self.register_buffer("places", tensors, persistent=False)

    @classmethod
    def build(cls, context: ModelContext) -> FlatMLPEditor:
        cls.check(context)
        return cls.from_architecture(context.architectures[0], config=context.options.of(FlatMLPConfig))

    @classmethod
    def from_architecture(cls, architecture: Architecture, *, config: FlatMLPConfig) -> FlatMLPEditor:
        """An editor of networks whose parameters are those of this architecture."""
        sizes = tuple(parameter.stop - parameter.start for parameter in architecture.parameters)
        return cls(sizes=sizes, config=config)

    def edit(self, batch: NetworkBatch) -> NetworkBatch:
        """The batch with the updates added to its parameters.

        Raises:
            GraphError: the networks do not have the architecture that the model was made for.
        """
        theta = self._flat(batch)
        update = self.layers(self.standardize(theta))
        update = self.scale[self.places] * self.standardize.deviation * update
        own = update.split([len(part) for _, part in batch.parts])
        return batch.with_theta([changed(*part, one) for part, one in zip(batch.parts, own, strict=True)])

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take mean and standard deviation of every parameter from networks of the training set."""
        self.standardize.fit(self._flat(batch))

    def _flat(self, batch: NetworkBatch) -> Tensor:
        theta = batch.theta
        if theta.shape[1] != sum(self.sizes):
            raise GraphError(
                f"FlatMLPEditor edits networks of one layout, with {sum(self.sizes)} parameters each; got "
                f"{batch.architectures[0].describe()}; use ScaleGMNEditor for other or mixed architectures"
            )
        return theta

    def arguments(self) -> Mapping[str, Any]:
        return {"sizes": self.sizes, "config": self.config, "output_scale": self.output_scale}

"""How large the networks are that a metanetwork can read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scalegmn.configuration import Configuration, Count
from scalegmn.errors import GraphError
from scalegmn.graph._layouts import layout_of
from scalegmn.graph._structure import Structure
from scalegmn.networks import Architecture


@dataclass(frozen=True, kw_only=True)
class GraphSpec(Configuration):
    """How large the networks are that a metanetwork can read: upper limits, which size its tables of
    positions.

    Args:
        inputs: input neurons.
        outputs: output neurons.
        layers: hidden layers.
        products: whether neurons may be products of others, as scores of attention are.

    Raises:
        ConfigurationError: a limit below 1.

    Example:
        >>> from scalegmn import GraphSpec, siren
        >>> GraphSpec.from_architectures([siren(widths=(2, 16, 1)), siren(widths=(2, 8, 8, 3))])
        GraphSpec(inputs=2, outputs=3, layers=2, products=False)
    """

    inputs: Count
    outputs: Count
    layers: Count
    products: bool = False

    @classmethod
    def from_architectures(cls, architectures: Iterable[Architecture]) -> GraphSpec:
        """The smallest limits that hold all `architectures`."""
        found = [layout_of(architecture) for architecture in architectures]
        if not found:
            raise GraphError("no architecture to take the limits from")
        return cls(
            inputs=max(layout.inputs for layout in found),
            outputs=max(layout.outputs for layout in found),
            layers=max(1, *(layout.hidden_layers for layout in found)),
            products=any(layout.num_products for layout in found),
        )

    @classmethod
    def common(cls, limits: Sequence[GraphSpec]) -> GraphSpec:
        """The largest limits that are within all of `limits`."""
        return cls(
            inputs=min(entry.inputs for entry in limits),
            outputs=min(entry.outputs for entry in limits),
            layers=min(entry.layers for entry in limits),
            products=all(entry.products for entry in limits),
        )

    def check(self, structure: Structure) -> None:
        """Raise a :class:`GraphError` that says which limit a network of `structure` passes."""
        limits = {"inputs": self.inputs, "outputs": self.outputs, "hidden layers": self.layers}
        for name, limit in limits.items():
            if (found := structure.most[name]) > limit:
                raise GraphError(
                    f"a network has {found} {name}, but this model was made for at most {limit}; "
                    f"make the model with GraphSpec.from_architectures(all architectures)"
                )
        if structure.product_index.shape[1] and not self.products:
            raise GraphError(
                "a network multiplies activations, as attention does, but this model was made for networks "
                "that do not; make the model with GraphSpec.from_architectures(all architectures)"
            )

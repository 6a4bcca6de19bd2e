"""Architectures that are another one with other names or other activations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Activate, Activation, Architecture, Conv, Dense, Layer, LayeredArchitecture

_ALIASES: Final = {
    "swish": "silu",
    "sin": "sine",
    "siren": "sine",
    "leakyrelu": "leaky_relu",
    "atan": "arctan",
}


@final
@dataclass(frozen=True)
class RequestedActivations:
    """Activations of the hidden layers: one for all of them, or one for each.

    Attributes:
        kinds: kind and number; the number is None where any will do.
    """

    kinds: tuple[tuple[str, float | None], ...]

    @classmethod
    def parse(cls, text: str) -> RequestedActivations:
        """Parse text such as ``relu``, ``sine:30`` or ``relu,tanh,relu``.

        Raises:
            ConfigurationError: a part names no activation.
        """
        found = []
        for part in text.split(","):
            name, colon, number = part.strip().partition(":")
            name = _ALIASES.get(name.lower(), name.lower())
            try:
                value = float(number) if colon else None
                Activation(name) if value is None else Activation(name, value)
            except ValueError as error:
                raise ConfigurationError(
                    f"the activation {text[:80]!r} is not understood ({error}); expected such as relu, "
                    "sine:30, or one for each hidden layer as in relu,tanh"
                ) from error
            found.append((name, value))
        return cls(tuple(found))

    def fits(self, architecture: Architecture) -> bool:
        """Whether the hidden layers of a network have these activations."""
        own = architecture.hidden_activations
        if not own:
            # Of programs the kinds are known, and not where they stand or which numbers they have.
            said = self._spread(len(architecture.activation_kinds))
            return said == tuple((kind, None) for kind in architecture.activation_kinds)
        kinds = self._spread(len(own))
        return kinds is not None and all(
            one.kind == kind and value in (None, one.value)
            for one, (kind, value) in zip(own, kinds, strict=True)
        )

    def put_into(self, architecture: Architecture) -> LayeredArchitecture | None:
        """The network with these activations; None where its layers stand in no list, there are not as many
        hidden ones, or slopes are learned."""
        layered = architecture.as_layers
        if layered is None:
            return None
        kinds = self._spread(len(layered.stages) - 1)
        if kinds is None or any(stage.activate.name is not None for stage in layered.stages[:-1]):
            return None
        wanted = [Activation(kind) if value is None else Activation(kind, value) for kind, value in kinds]
        return with_activations(layered, wanted)

    def _spread(self, count: int) -> tuple[tuple[str, float | None], ...] | None:
        if len(self.kinds) == 1:
            return self.kinds * count
        return self.kinds if len(self.kinds) == count else None


def with_activations(
    architecture: LayeredArchitecture, wanted: Sequence[Activation]
) -> LayeredArchitecture | None:
    """The same layers with other activations behind the hidden ones; None where a layer has none."""
    if any(
        not any(isinstance(layer, Activate) for layer in stage.followers)
        for stage in architecture.stages[:-1]
    ):
        return None
    left = iter(wanted)
    count = len(architecture.stages) - 1
    layers: list[Layer] = []
    changed = 0
    for layer in architecture.layers:
        if isinstance(layer, Activate) and changed < count:
            layer, changed = Activate(next(left)), changed + 1
        layers.append(layer)
    return LayeredArchitecture(tuple(layers), architecture.skips)


def rename_parameters(architecture: Architecture, names: Mapping[str, str]) -> LayeredArchitecture | None:
    """The same network whose parameters have other names; None where a layer's would not belong together, or
    its layers stand in no list.

    Args:
        architecture: the network.
        names: of its parameters, and the new ones.
    """

    def stem(layer: str) -> str:
        return names[f"{layer}.weight"].removesuffix(".weight")

    layered = architecture.as_layers
    if layered is None:
        return None
    found = _with_names(layered, stem)
    return (
        found
        if [p.name for p in found.parameters] == [names[p.name] for p in architecture.parameters]
        else None
    )


@lru_cache(maxsize=4096)
def meaning(architecture: Architecture) -> Architecture:
    """The network with names that say nothing: two with the same meaning compute the same from the same
    parameters.  A program stays as it is: by its names its files are read."""
    layered = architecture.as_layers
    if layered is None:
        return architecture
    owners = [p.name.rpartition(".")[0] for p in architecture.parameters if p.name.endswith(".weight")]
    numbers = {owner: str(number) for number, owner in enumerate(dict.fromkeys(owners))}
    return _with_names(layered, lambda name: numbers[name])


def _with_names(architecture: LayeredArchitecture, name_of: Callable[[str], str]) -> LayeredArchitecture:
    layers: list[Layer] = []
    for layer in architecture.layers:
        if isinstance(layer, Dense | Conv) or (isinstance(layer, Activate) and layer.name is not None):
            layer = dataclasses.replace(layer, name=name_of(str(layer.name)))
        layers.append(layer)
    return LayeredArchitecture(tuple(layers), architecture.skips)

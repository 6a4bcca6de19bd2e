"""Networks whose layers stand in a list."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

from torch import Tensor

from scalegmn.configuration import check_arguments, format_value
from scalegmn.errors import ArchitectureError, ConfigurationError
from scalegmn.networks._activations import Activation
from scalegmn.networks._architecture import Architecture
from scalegmn.networks._consistency import check_flow, check_skips, check_stages
from scalegmn.networks._layers import (
    Activate,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Pool,
    Shift,
    Size,
    Skip,
    Weighted,
)
from scalegmn.networks._parameters import Parameter, WeightedParameters, positioned
from scalegmn.networks._running_layers import run_layers
from scalegmn.networks._stages import Stage, stages_of

_LAYER_TYPES: dict[str, type[Layer]] = {
    kind.__name__.lower(): kind for kind in (Dense, Conv, Activate, Pool, Flatten, Dropout, Shift)
}

_NAMES_AND_WIDTHS = frozenset({"name", "inputs", "outputs", "count"})


@final
@dataclass(frozen=True)
class LayeredArchitecture(Architecture):
    """Layers in order, and skip connections between weighted layers.

    Parameters stand in the order of the state dict.  :func:`~scalegmn.networks.mlp`,
    :func:`~scalegmn.networks.siren` and :func:`~scalegmn.networks.cnn` make the common ones, and
    :func:`~scalegmn.networks.modules.read_module` reads one off a PyTorch module.

    Args:
        layers: such as :class:`~scalegmn.networks.Dense`, :class:`~scalegmn.networks.Conv` and
            :class:`~scalegmn.networks.Activate`.
        skips: connections that add the output of one weighted layer to that of a later one.

    Raises:
        ArchitectureError: the layers do not fit together.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, Architecture
        >>> from scalegmn.networks import Activate, Dense, LayeredArchitecture
        >>> layers = (Dense("0", 2, 8), Activate(Activation("tanh")), Dense("2", 8, 1))
        >>> network = LayeredArchitecture(layers)
        >>> network.describe()
        '2-8-1 (tanh), 33 parameters'
        >>> module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> theta = network.flatten(module.state_dict())
        >>> theta.shape
        torch.Size([33])
        >>> list(network.unflatten(theta))
        ['0.weight', '0.bias', '2.weight', '2.bias']
        >>> Architecture.from_dict(network.to_dict()) == network
        True
    """

    kind = "layers"

    layers: tuple[Layer, ...]
    skips: tuple[Skip, ...] = ()

    def __post_init__(self) -> None:
        check_stages(self.stages)
        check_flow(self.layers, self.leading)
        check_skips(self.skips, self.stages)
        names = [parameter.name for parameter in self.parameters]
        if len(set(names)) != len(names):
            raise ArchitectureError(f"two layers own a parameter of the same name: {sorted(names)}")

    def __hash__(self) -> int:
        return hash((self.layers, self.skips))

    @cached_property
    def leading(self) -> tuple[Layer, ...]:
        """Layers before the first weighted one (such as the flattening of an image)."""
        first = next((i for i, layer in enumerate(self.layers) if isinstance(layer, Weighted)), 0)
        return self.layers[:first]

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The weighted layers, each with what follows it."""
        return stages_of(self.layers)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for layer in self.layers:
            if isinstance(layer, Weighted):
                shapes.append((f"{layer.name}.weight", layer.weight_shape))
                if layer.bias:
                    shapes.append((f"{layer.name}.bias", (layer.outputs,)))
            elif isinstance(layer, Activate) and layer.name is not None:
                shapes.append((f"{layer.name}.weight", (layer.count,)))
        return positioned(shapes)

    @cached_property
    def weighted(self) -> tuple[WeightedParameters, ...]:
        layers = [stage.weighted for stage in self.stages]
        return tuple(
            WeightedParameters(
                layer.name,
                self.parameter(f"{layer.name}.weight"),
                self.parameter(f"{layer.name}.bias") if layer.bias else None,
            )
            for layer in layers
        )

    @property
    def num_inputs(self) -> int:
        return self.stages[0].weighted.inputs

    @property
    def num_outputs(self) -> int:
        return self.stages[-1].weighted.outputs

    def example_shape(self, image_size: Size | None) -> tuple[int, ...]:
        flattens = any(isinstance(layer, Flatten) for layer in self.leading)
        reads_images = flattens or isinstance(self.stages[0].weighted, Conv)
        if reads_images != (image_size is not None):
            kind = "images" if reads_images else "vectors"
            raise ArchitectureError(
                f"{self.describe()} reads {kind}, but image_size is {image_size}; expected "
                + ("the height and width of the images" if reads_images else "None")
            )
        if image_size is None:
            return (self.num_inputs,)
        pixels = image_size[0] * image_size[1] if flattens else 1
        return (self.num_inputs // pixels, *image_size)

    def run(self, theta: Tensor, inputs: Tensor) -> Tensor:
        return run_layers(self, theta, inputs)[-1]

    def run_stages(self, theta: Tensor, inputs: Tensor) -> list[Tensor]:
        """What each stage gives to the next, ``(B, n, *features)``, and at the end what :meth:`run` gives.

        Args:
            theta: parameters of B networks, ``(B, P)``.
            inputs: as for :func:`~scalegmn.networks.run`.

        Raises:
            ArchitectureError: the inputs do not fit.
        """
        return run_layers(self, theta, inputs)

    @property
    def as_layers(self) -> LayeredArchitecture:
        return self

    @property
    def hidden_activations(self) -> tuple[Activation, ...]:
        return tuple(stage.activate.activation for stage in self.stages[:-1])

    def read_state(self, state: Mapping[str, Tensor], *, origin: str = "state dict") -> Tensor:
        return self.flatten(state, origin=origin)

    def write_state(self, theta: Tensor, *, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        own = self.unflatten(theta)
        return {name: own[name].to(value.dtype) for name, value in like.items()}

    def to_dict(self) -> dict[str, object]:
        layers = [
            {"type": type(layer).__name__.lower(), **dataclasses.asdict(layer)} for layer in self.layers
        ]
        return {"layers": layers, "skips": [dataclasses.asdict(skip) for skip in self.skips]}

    def without_widths(self) -> dict[str, object]:
        plain = [{"type": type(layer).__name__.lower(), **dataclasses.asdict(layer)} for layer in self.layers]
        return {
            "layers": [{key: one[key] for key in one.keys() - _NAMES_AND_WIDTHS} for one in plain],
            "skips": [{**dataclasses.asdict(skip), "channels": None} for skip in self.skips],
            "ends": [self.num_inputs, self.num_outputs],
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, object]) -> LayeredArchitecture:
        try:
            layers = tuple(_layer_from_dict(entry) for entry in data["layers"])  # type: ignore[attr-defined]
            skips = tuple(
                Skip(**check_arguments(Skip.__init__, entry, origin="skip connection"))
                for entry in data.get("skips", ())  # type: ignore[attr-defined]
            )
        except (KeyError, TypeError, AttributeError, ConfigurationError) as error:
            raise ArchitectureError(
                f"not the description of an architecture: {error} in {format_value(data)}"
            ) from error
        return cls(layers, skips)

    def describe(self) -> str:
        widths = "-".join(map(str, [self.num_inputs, *(s.weighted.outputs for s in self.stages)]))
        notes = [stage.activate.activation.kind for stage in self.stages[:-1]]
        notes += [f"{len(self.skips)} skips"] if self.skips else []
        return f"{widths} ({', '.join(notes) or 'one layer'}), {self.num_parameters} parameters"


def _layer_from_dict(entry: Mapping[str, object]) -> Layer:
    fields = {key: value for key, value in entry.items() if key != "type"}
    kind = entry["type"]
    if not isinstance(kind, str) or kind not in _LAYER_TYPES:
        raise ArchitectureError(f"unknown layer type {format_value(kind)}; known are {sorted(_LAYER_TYPES)}")
    if kind == "activate":
        given = check_arguments(Activation.__init__, fields.get("activation"), origin="activation")
        fields["activation"] = Activation(**given)
    layer = _LAYER_TYPES[kind]
    made: Layer = layer(**check_arguments(layer.__init__, fields, origin=kind))
    return made

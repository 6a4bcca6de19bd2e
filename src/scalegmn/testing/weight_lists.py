"""Networks as lists of weight matrices and biases, the form that DWSNets, NFNs and their kin read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, TypeVar, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.testing.arguments import Model, TensorsArgument
from scalegmn.testing.chains import UNKNOWN, Activations, chain, chosen_elements, described
from scalegmn.testing.elements import Elements, TransformedNetworks
from scalegmn.testing.parameters import random_parameters
from scalegmn.testing.samples import ModelLaw, SampleNetworks, check_values, in_words, owner

T = TypeVar("T")


@dataclass(frozen=True)
class ListLayout:
    """Where networks, neurons and features stand in the tensors of a list.

    Attributes:
        transposed: weights are (inputs, outputs), not (outputs, inputs).
        channels_first: features stand before the neurons, not behind them.
        features: shape of what every weight has; None where features have no dimension at all.
    """

    transposed: bool
    channels_first: bool
    features: tuple[int, ...] | None = None

    def flat(self, tensor: Tensor, neurons: int) -> Tensor:
        """``(n, features, *neurons)`` of a weight (2 dimensions of neurons) or a bias (1)."""
        if not self.channels_first:
            count = tensor.ndim - 1 - neurons
            tensor = tensor.permute(0, *range(1 + neurons, 1 + neurons + count), *range(1, 1 + neurons))
        kept = tensor.shape[tensor.ndim - neurons :]
        tensor = tensor.reshape(tensor.shape[0], -1, *kept)
        return tensor.mT if self.transposed and neurons == 2 else tensor

    def shaped(self, tensor: Tensor, neurons: int) -> Tensor:
        """The inverse of :meth:`flat`."""
        tensor = tensor.mT if self.transposed and neurons == 2 else tensor
        features = self.features or ()
        tensor = tensor.reshape(tensor.shape[0], *features, *tensor.shape[2:])
        if self.channels_first:
            return tensor
        behind = range(1 + len(features), 1 + len(features) + neurons)
        return tensor.permute(0, *behind, *range(1, 1 + len(features)))

    def describe(self, neurons: int) -> str:
        """The shape that is expected, in letters."""
        names = ["inputs", "outputs"] if self.transposed else ["outputs", "inputs"]
        names = names if neurons == 2 else ["outputs"]
        return (
            f"(B, {', '.join(['features...', *names] if self.channels_first else [*names, 'features...'])})"
        )


@final
class WeightLists(SampleNetworks):
    """Fully connected networks that are read as two tuples of tensors: ``model(weights, biases)``.

    Weights are ``(B, outputs, inputs, *features)``, biases ``(B, outputs, *features)``, one of each for every
    layer. Networks have no features or one; layers within a metanetwork may read and write more. Outputs are
    tensors ``(B, ...)``; updates are again two tuples, with the same neurons and any features.

    Which symmetries are tested follows from `activations`. Without them, permutations of hidden neurons alone
    are, and the report says so.

    Args:
        weights: of the layers, first to last.
        biases: of the layers; empty for networks without.
        activations: of the hidden layers, such as ``"relu"`` or ``Activation("sine", 30.0)``: one for each,
            or one for all.
        transposed: weights are ``(B, inputs, outputs, *features)``, as the public code of DWSNets has them.
        channels_first: features come before neurons, ``(B, features, outputs, inputs)``, as NFNs have them.

    Raises:
        SymmetryError: shapes that do not fit together, networks without hidden neurons, values that are no
            finite floating point numbers, or another number of activations.

    >>> import torch
    >>> from scalegmn.testing import PERMUTATIONS, WeightLists, assert_invariant
    >>> networks = WeightLists.random((2, 8, 8, 1), generator=torch.Generator().manual_seed(0))
    >>> norms = lambda weights, biases: torch.stack([w.flatten(1).norm(dim=1) for w in weights], dim=1)
    >>> assert_invariant(norms, networks, elements=PERMUTATIONS, generator=torch.Generator()).elements
    8
    """

    arguments: ClassVar[int] = 2
    called: ClassVar[str] = "model(weights, biases)"

    def __init__(
        self,
        weights: TensorsArgument,
        biases: TensorsArgument = (),
        *,
        activations: Activations = None,
        transposed: bool = False,
        channels_first: bool = False,
    ) -> None:
        layout = ListLayout(transposed, channels_first)
        flat, features = _flat(weights, biases, layout, "")
        self._layout = dataclasses.replace(layout, features=features)
        self._biased = bool(biases)
        self._known = activations is not None
        count = len(weights)
        names = [f"weights[{number}]" for number in range(count)]
        shapes = [(value.shape[2], value.shape[3]) for value in flat[:count]]
        architecture = chain(names, shapes, [self._biased] * count, activations)
        super().__init__(((architecture, self._packed(architecture, flat)),))

    @classmethod
    def random(
        cls,
        widths: Sequence[int],
        *,
        generator: torch.Generator,
        count: int = 8,
        features: int | None = 1,
        activations: Activations = None,
        transposed: bool = False,
        channels_first: bool = False,
        dtype: torch.dtype = torch.float64,
    ) -> WeightLists:
        """Random networks of these widths; inputs and outputs are the first and the last.

        Args:
            widths: of the layers of neurons.
            generator: source of randomness.
            count: networks.
            features: of every weight and bias; None for tensors without that dimension.
            activations, transposed, channels_first: see the class.
            dtype: that of the model.
        """
        shapes = [(after, before) for before, after in pairwise(widths)]
        names = [f"weights[{number}]" for number in range(len(shapes))]
        architecture = chain(names, shapes, [True] * len(shapes), None)
        rows = random_parameters(architecture, count * (features or 1), generator=generator, dtype=dtype)
        theta = rows.reshape(count, features or 1, -1)
        layout = ListLayout(transposed, channels_first, None if features is None else (features,))
        return cls(
            *_lists(architecture, theta, layout),
            activations=activations,
            transposed=transposed,
            channels_first=channels_first,
        )

    @property
    def remark(self) -> str:
        return "" if self._known else UNKNOWN

    def describe(self, architecture: Architecture) -> str:
        return described(architecture, known=self._known)

    def chosen(self, elements: Elements | None) -> Elements:
        found = chosen_elements(elements, known=self._known)
        # A shift of the phase adds a number to a bias, and features of a bias are no numbers.
        return dataclasses.replace(found, shift_phase=found.shift_phase and self._single)

    def outputs(self, model: Model, architecture: Architecture, theta: Tensor) -> object:
        return model(*_lists(architecture, theta, self._layout))

    def laws(self, output: object, theta: Tensor) -> tuple[ModelLaw, ...]:
        if isinstance(output, Tensor):
            return (ModelLaw.invariance,)
        pair = isinstance(output, tuple | list) and len(output) == 2
        return (ModelLaw.equivariance,) if pair else ()

    def updates(self, architecture: Architecture, output: object, theta: Tensor) -> Tensor:
        assert isinstance(output, tuple | list)
        weights, biases = output
        flat, _ = _flat(weights, biases, self._layout, "the model's ")
        expected = [(theta.shape[0], *parameter.shape) for parameter in architecture.parameters]
        found = [(part.shape[0], *part.shape[2:]) for part in flat]
        if _interleaved(found, self._biased) != expected:
            raise SymmetryError(
                f"the model's updates are for networks and neurons {_interleaved(found, self._biased)}, "
                f"those of the networks are {expected}; an update has the shapes of what was read, apart "
                "from features"
            )
        return self._packed(architecture, flat)

    def function_change(self, pair: TransformedNetworks, *, generator: torch.Generator) -> float | None:
        if not self._single:
            return None
        single = dataclasses.replace(pair, theta=pair.theta.squeeze(1))
        return super().function_change(single, generator=generator)

    def position(self, architecture: Architecture, parameter: int) -> str:
        layer, _, kind = owner(architecture, parameter).rpartition(".")
        return layer if kind == "weight" else layer.replace("weights", "biases")

    @property
    def _single(self) -> bool:
        return math.prod(self._layout.features or ()) == 1

    def _packed(self, architecture: Architecture, flat: Sequence[Tensor]) -> Tensor:
        """Flat parameters ``(n, features, P)``."""
        values = [part.flatten(2) for part in flat]
        return torch.cat(_interleaved(values, self._biased), dim=2)


def _interleaved(values: Sequence[T], biased: bool) -> list[T]:
    """Weights, then biases, in the order of an architecture's parameters."""
    if not biased:
        return list(values)
    count = len(values) // 2
    return [value for pair in zip(values[:count], values[count:], strict=True) for value in pair]


def _lists(
    architecture: Architecture, theta: Tensor, layout: ListLayout
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Networks ``(n, features, P)`` as weights and biases."""
    lists: tuple[list[Tensor], list[Tensor]] = ([], [])
    for name, values in architecture.unflatten(theta).items():
        is_weight = name.endswith(".weight")
        lists[0 if is_weight else 1].append(layout.shaped(values, 2 if is_weight else 1))
    return tuple(lists[0]), tuple(lists[1])


def _flat(
    weights: object, biases: object, layout: ListLayout, whose: str
) -> tuple[list[Tensor], tuple[int, ...] | None]:
    """Weights ``(n, features, outputs, inputs)``, then biases ``(n, features, outputs)``; shape of features.

    Raises:
        SymmetryError: no tensors, or of shapes that do not fit together.
    """
    flat: list[Tensor] = []
    features: dict[str, tuple[int, ...]] = {}
    networks: dict[str, int] = {}
    for kind, values, neurons in (("weights", weights, 2), ("biases", biases, 1)):
        for name, tensor in _tensors(values, f"{whose}{kind}"):
            if tensor.ndim < 1 + neurons:
                raise SymmetryError(
                    f"{name} has shape {tuple(tensor.shape)}, expected {layout.describe(neurons)}; networks "
                    "stand in the first dimension (torch.stack puts them there)"
                )
            shape = tuple(tensor.shape)
            features[name] = (
                shape[1 : len(shape) - neurons] if layout.channels_first else shape[1 + neurons :]
            )
            networks[name] = shape[0]
            flat.append(layout.flat(tensor, neurons))
    for what, found in (("features", features), ("networks", networks)):
        if len(set(found.values())) > 1:
            raise SymmetryError(f"{whose}tensors are of different {what}, {found}; give all the same")
    count = sum(part.ndim == 4 for part in flat)
    _check_biases(flat[:count], flat[count:], whose)
    return flat, next(iter(features.values()), ()) or None


def _tensors(values: object, kind: str) -> list[tuple[str, Tensor]]:
    if not isinstance(values, tuple | list):
        raise SymmetryError(f"{kind} are {in_words(values)}, expected a list of tensors, one for each layer")
    for number, value in enumerate(values):
        if not isinstance(value, Tensor):
            raise SymmetryError(f"{kind}[{number}] is {in_words(value)}, expected a tensor")
        if not value.numel():
            raise SymmetryError(
                f"{kind}[{number}] has shape {tuple(value.shape)}, which holds nothing; leave it out"
            )
        check_values(value, f"{kind}[{number}]")
    return [(f"{kind}[{number}]", value) for number, value in enumerate(values)]


def _check_biases(weights: Sequence[Tensor], biases: Sequence[Tensor], whose: str) -> None:
    outputs = [part.shape[2] for part in weights]
    found = [part.shape[2] for part in biases]
    if biases and outputs != found:
        raise SymmetryError(
            f"{whose}biases are of layers with {found} outputs, the weights of layers with {outputs}; give a "
            "bias for every weight, or none"
        )

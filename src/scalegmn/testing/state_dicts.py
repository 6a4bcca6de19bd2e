"""Networks as state dicts and as modules, which are read one by one."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from scalegmn.errors import ScaleGMNError, SymmetryError
from scalegmn.networks import Architecture
from scalegmn.networks.modules import read_module, write_module
from scalegmn.programs import ProgramArchitecture
from scalegmn.testing.arguments import Model, ModulesArgument, StatesArgument
from scalegmn.testing.chains import UNKNOWN, Activations, chain, chosen_elements, described
from scalegmn.testing.elements import Elements, TransformedNetworks
from scalegmn.testing.parameters import random_inputs
from scalegmn.testing.samples import ModelLaw, SampleNetworks, in_words


class _OneByOne(SampleNetworks):
    """Networks that a metanetwork reads one by one, and predictions by a tensor or by named updates."""

    def laws(self, output: object, theta: Tensor) -> tuple[ModelLaw, ...]:
        if isinstance(output, Tensor):
            return (ModelLaw.invariance,)
        assert isinstance(output, list)
        return (ModelLaw.equivariance,) if all(isinstance(one, Mapping | nn.Module) for one in output) else ()

    def updates(self, architecture: Architecture, output: object, theta: Tensor) -> Tensor:
        assert isinstance(output, list)
        states = [one.state_dict() if isinstance(one, nn.Module) else one for one in output]
        return torch.stack([_flattened(architecture, state, "the model's update") for state in states])


@final
class StateDicts(_OneByOne):
    """Networks that are read one by one as state dicts: ``model(state)``.

    Outputs are tensors of one shape; updates are dicts with the same names and shapes.

    Which symmetries are tested follows from `architecture`, or from `activations`. Without either,
    permutations of hidden neurons alone are, and the report says so.

    Args:
        states: at least two, with the same names and shapes.
        architecture: whose parameters they are. Left out, they are those of a fully connected network, with
            the layers in the order of the names.
        activations: of the hidden layers, where the architecture is left out: one for each, or one for all.

    Raises:
        SymmetryError: names or shapes that do not fit, or no hidden neurons.

    >>> import torch
    >>> from torch import nn
    >>> from scalegmn.testing import StateDicts, assert_invariant
    >>> networks = [nn.Sequential(nn.Linear(2, 9), nn.Tanh(), nn.Linear(9, 1)).double() for _ in range(4)]
    >>> states = StateDicts([network.state_dict() for network in networks], activations="tanh")
    >>> biases = lambda state: state["0.bias"].abs().sort().values
    >>> report = assert_invariant(biases, states, generator=torch.Generator().manual_seed(0))
    >>> report.group
    'permutations of 9 hidden neurons, signs of 9'
    """

    called: ClassVar[str] = "model(state)"

    def __init__(
        self,
        states: StatesArgument,
        *,
        architecture: Architecture | None = None,
        activations: Activations = None,
    ) -> None:
        if not isinstance(states, tuple | list) or not all(isinstance(one, Mapping) for one in states):
            raise SymmetryError(f"states are {in_words(states)}, expected a list of state dicts")
        if not states:
            raise SymmetryError("the list of state dicts is empty; give at least 2")
        if architecture is not None and activations is not None:
            raise SymmetryError("an architecture knows its activations; give one of the two")
        self._states = tuple(states)
        self._known = architecture is not None or activations is not None
        found = _chain_of(states[0], activations) if architecture is None else architecture
        rows = [_flattened(found, state, f"states[{number}]") for number, state in enumerate(states)]
        super().__init__(((found, torch.stack(rows)),))

    @property
    def remark(self) -> str:
        return "" if self._known else UNKNOWN

    def describe(self, architecture: Architecture) -> str:
        return described(architecture, known=self._known)

    def chosen(self, elements: Elements | None) -> Elements:
        return chosen_elements(elements, known=self._known)

    def outputs(self, model: Model, architecture: Architecture, theta: Tensor) -> object:
        like = self._states * (len(theta) // len(self._states))
        pairs = zip(theta, like, strict=True)
        return _gathered([model(architecture.write_state(row, like=old)) for row, old in pairs])


@final
class Modules(_OneByOne):
    """Networks that are read one by one as modules: ``model(module)``.

    Outputs are tensors of one shape; updates are modules or state dicts with the same names and shapes. Which
    symmetries are tested follows from the activations of the modules, and that these keep the function is
    seen by running the modules themselves.

    Args:
        modules: at least two of one architecture.
        architecture: what they compute, for classes that :func:`scalegmn.networks.modules.read_module` does
            not know.
        inputs: ``(n, ...)``, to run them with; by default random ones.
        example_inputs: what their forward takes, a tensor or a tuple; with it modules of any class are read,
            whatever their forward does, and `inputs` and the random ones are left out.

    Raises:
        SymmetryError: modules of several architectures.
        ScaleGMNError: a module that cannot be read.

    >>> import torch
    >>> from torch import nn
    >>> from scalegmn.testing import Modules, symmetry_error
    >>> networks = [nn.Sequential(nn.Linear(2, 9), nn.ReLU(), nn.Linear(9, 1)).double() for _ in range(4)]
    >>> norm = lambda module: module[0].weight.norm()  # permutations leave it, scales of ReLU neurons do not
    >>> symmetry_error(norm, Modules(networks), generator=torch.Generator().manual_seed(0)) > 0.1
    True
    """

    called: ClassVar[str] = "model(module)"

    def __init__(
        self,
        modules: ModulesArgument,
        *,
        architecture: Architecture | None = None,
        inputs: Tensor | None = None,
        example_inputs: object | None = None,
    ) -> None:
        if not isinstance(modules, tuple | list) or not all(isinstance(one, nn.Module) for one in modules):
            raise SymmetryError(f"modules are {in_words(modules)}, expected a list of modules")
        if example_inputs is not None and architecture is not None:
            raise SymmetryError("an architecture says what modules compute; give it or an example, not both")
        read = [
            _read(module, architecture, example_inputs, f"modules[{place}]")
            for place, module in enumerate(modules)
        ]
        kinds = {found.fingerprint: found for found, _ in read}
        if len(kinds) != 1:
            words = "; ".join(found.describe() for found in kinds.values()) or "no modules"
            raise SymmetryError(f"expected modules of one architecture, got {words}")
        self._modules, self._inputs, self._traced = tuple(modules), inputs, example_inputs is not None
        super().__init__(((read[0][0], torch.stack([theta for _, theta in read])),))

    def outputs(self, model: Model, architecture: Architecture, theta: Tensor) -> object:
        like = self._modules * (len(theta) // len(self._modules))
        return _gathered(
            [model(self._written(architecture, row, old)) for row, old in zip(theta, like, strict=True)]
        )

    def _written(self, architecture: Architecture, theta: Tensor, like: nn.Module) -> nn.Module:
        if not self._traced:
            return write_module(architecture, theta, like=like)
        written = copy.deepcopy(like)
        written.load_state_dict(architecture.write_state(theta, like=like.state_dict()))
        return written

    def function_change(self, pair: TransformedNetworks, *, generator: torch.Generator) -> float | None:
        if self._traced:
            return super().function_change(pair, generator=generator)
        like = copy.deepcopy(self._modules[0]).double().eval()
        inputs = self._inputs
        if inputs is None:
            inputs = random_inputs(pair.architecture, 5, generator=generator)
        theta = pair.theta.double()
        inputs = inputs.to(theta)
        before, after = (
            torch.stack([write_module(pair.architecture, row, like=like)(inputs) for row in rows])
            for rows in (theta, pair.apply(theta))
        )
        return float(
            (before - after).abs().max() / before.abs().max().clamp_min(torch.finfo(before.dtype).tiny)
        )


def _gathered(outputs: list[object]) -> object:
    """Tensors of one shape as one tensor; anything else as it is."""
    tensors = [output for output in outputs if isinstance(output, Tensor)]
    if len(tensors) < len(outputs):
        return outputs
    shapes = sorted({tuple(tensor.shape) for tensor in tensors})
    if len(shapes) > 1:
        raise SymmetryError(f"the model's outputs for different networks have different shapes, {shapes}")
    return torch.stack(tensors)


def _read(
    module: nn.Module, architecture: Architecture | None, example_inputs: Any, origin: str
) -> tuple[Architecture, Tensor]:
    if example_inputs is not None:
        traced = ProgramArchitecture.from_module(module, example_inputs)
        return traced, traced.read_state(module.state_dict(), origin=origin)
    if architecture is None:
        return read_module(module)
    return architecture, _flattened(architecture, module.state_dict(), origin)


def _flattened(architecture: Architecture, state: object, origin: str) -> Tensor:
    if not isinstance(state, Mapping):
        raise SymmetryError(f"{origin} is {in_words(state)}, expected a state dict")
    try:
        return architecture.read_state(state, origin=origin)
    except ScaleGMNError as error:
        raise SymmetryError(str(error)) from error


def _chain_of(state: Mapping[str, Tensor], activations: Activations) -> Architecture:
    """The fully connected network whose weights are the matrices of a state dict."""
    weights = {
        name.removesuffix(".weight"): value for name, value in state.items() if name.endswith(".weight")
    }
    biases = {name.removesuffix(".bias") for name in state if name.endswith(".bias")}
    others = set(state) - {f"{name}.weight" for name in weights} - {f"{name}.bias" for name in weights}
    odd = [name for name, value in weights.items() if value.ndim != 2]
    if others or odd:
        named = sorted(others) or [f"{name}.weight of shape {tuple(weights[name].shape)}" for name in odd]
        raise SymmetryError(
            f"states[0] holds {', '.join(named[:3])}, which is no weight or bias of a fully connected "
            "network; describe such networks by architecture="
        )
    shapes = [(value.shape[0], value.shape[1]) for value in weights.values()]
    return chain(list(weights), shapes, [name in biases for name in weights], activations)

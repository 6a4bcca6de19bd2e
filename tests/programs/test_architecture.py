"""Any module as an architecture: what it computes, how it is written, and what is refused."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from scalegmn import Architecture, siren
from scalegmn.errors import ArchitectureError, ScaleGMNError
from scalegmn.networks import run
from scalegmn.programs import Program, ProgramArchitecture, ValueType
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_sine_phase


def normalized() -> nn.Module:
    """A residual convolutional network with batch norm."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x + self.norm(self.conv(x)))

    return nn.Sequential(nn.Conv2d(1, 3, 3), Block(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 4))


def reparametrized() -> nn.Module:
    return nn.Sequential(weight_norm(nn.Linear(3, 5)), nn.Tanh(), nn.Linear(5, 2))


class Recurrent(nn.Module):
    """An operation that several networks cannot do at once."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRU(2, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.head(self.cell(x)[0][:, -1])
        return answer


MODULES = [(normalized, (1, 6, 6)), (reparametrized, (3,)), (Recurrent, (4, 2))]


def made(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A module in float64 whose parameters and statistics are random."""
    module, numbers = build().double().eval(), generator(seed)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.is_floating_point():
                drawn = torch.randn(value.shape, generator=numbers, dtype=torch.float64)
                value.copy_(drawn.abs() + 0.5 if name.endswith(("var", "original0")) else drawn)
    return module


@functools.cache
def traced(build: Callable[[], nn.Module], shape: tuple[int, ...], *, batch: int = 1) -> ProgramArchitecture:
    return ProgramArchitecture.from_module(made(build), torch.zeros(batch, *shape, dtype=torch.float64))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("build", "shape"), MODULES)
def test_networks_answer_as_their_modules(
    build: Callable[[], nn.Module], shape: tuple[int, ...], batch: int
) -> None:
    architecture = traced(build, shape, batch=batch)
    modules = [made(build, seed) for seed in range(2)]
    theta = torch.stack([architecture.read_state(module.state_dict()) for module in modules])
    assert theta.shape == (2, architecture.num_parameters)
    # Seven examples do not fill three blocks of three.
    inputs = torch.randn(2, 7, *shape, generator=generator(1), dtype=torch.float64)
    with torch.no_grad():
        shared = torch.stack([module(inputs[0]) for module in modules])
        own = torch.stack([module(x) for module, x in zip(modules, inputs, strict=True)])
    assert not torch.allclose(shared[0], shared[1])
    torch.testing.assert_close(run(architecture, theta, inputs[0]), shared, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(run(architecture, theta, inputs), own, rtol=1e-12, atol=1e-12)
    assert run(architecture, theta, inputs[0, :0]).shape == (2, 0, architecture.num_outputs)
    assert run(architecture, theta[:0], inputs[0]).shape == (0, 7, architecture.num_outputs)


def test_running_is_differentiable_in_parameters_and_inputs() -> None:
    architecture = traced(normalized, (1, 6, 6))
    theta = architecture.read_state(made(normalized).state_dict())[None].requires_grad_()
    inputs = torch.randn(3, 1, 6, 6, generator=generator(2), dtype=torch.float64).requires_grad_()
    answer = architecture.run(theta, inputs).square().sum()
    slopes = torch.autograd.grad(answer, [theta, inputs])
    assert all(bool((slope != 0).any()) for slope in slopes)


@pytest.mark.slow
@pytest.mark.parametrize(("build", "shape"), MODULES)
def test_it_is_a_value_that_comes_back_from_json(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    architecture = traced(build, shape)
    text = json.dumps(architecture.to_dict(), allow_nan=False)
    back = Architecture.from_dict(json.loads(text))
    assert back == architecture
    assert hash(back) == hash(architecture)
    assert back.fingerprint == architecture.fingerprint
    assert back.describe() == architecture.describe()
    assert back.parameters == architecture.parameters
    other = traced(build, shape, batch=2)
    assert other != architecture
    assert other.fingerprint != architecture.fingerprint


def test_a_list_of_layers_is_another_architecture() -> None:
    assert "kind" not in siren().to_dict()
    assert Architecture.from_dict({"kind": "layers", **siren().to_dict()}) == siren()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize(("build", "shape"), MODULES)
def test_a_file_that_nobody_changed_comes_back_bit_by_bit(
    build: Callable[[], nn.Module], shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    architecture = traced(build, shape)
    state = made(build).to(dtype).state_dict()
    back = architecture.write_state(architecture.read_state(state), like=state)
    assert list(back) == list(state)
    for name, value in state.items():
        assert back[name].dtype == value.dtype
        assert torch.equal(back[name], value), name


@pytest.mark.parametrize(("build", "shape"), MODULES)
def test_other_parameters_are_read_back_from_what_was_written(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    architecture = traced(build, shape)
    state, theta = made(build).state_dict(), architecture.read_state(made(build, 1).state_dict())
    written = architecture.write_state(theta, like=state)
    torch.testing.assert_close(architecture.read_state(written), theta, rtol=1e-14, atol=0)
    module = made(build)
    module.load_state_dict(written)
    inputs = torch.randn(3, *shape, generator=generator(3), dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(architecture.run(theta[None], inputs)[0], module(inputs))


def test_a_file_that_does_not_fit_is_named() -> None:
    architecture, state = traced(normalized, (1, 6, 6)), made(normalized).state_dict()
    del state["1.norm.running_var"]
    with pytest.raises(ScaleGMNError, match=r"a\.pt: .*lacks 1\.norm\.running_var"):
        architecture.read_state(state, origin="a.pt")
    broken = {**made(normalized).state_dict(), "0.bias": torch.full((3,), torch.nan)}
    with pytest.raises(ScaleGMNError, match=r"a\.pt: '0\.bias' holds 3 values that are NaN"):
        architecture.read_state(broken, origin="a.pt")


def test_whole_numbers_are_no_parameters() -> None:
    program = traced(reparametrized, (3,)).program
    counted = dataclasses.replace(program.parameters[0], type=ValueType((5,), "int64"))
    with pytest.raises(ArchitectureError, match=r"0\.bias has dtype int64, expected real numbers"):
        ProgramArchitecture(dataclasses.replace(program, parameters=(counted, *program.parameters[1:])))


class Gated(nn.Module):
    """A single number among its parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.layer = nn.Parameter(torch.tensor(0.5)), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = self.gate * self.layer(x)
        return gated


def test_a_single_number_is_a_parameter() -> None:
    module = Gated()
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 3))
    theta = architecture.read_state(module.state_dict())
    assert architecture.unflatten(theta)["gate"].shape == ()
    assert architecture.unflatten(theta.expand(4, -1))["gate"].shape == (4,)
    assert torch.equal(architecture.unflatten(theta)["gate"], module.gate)


def test_a_network_without_parameters_is_refused() -> None:
    empty = Program(inputs=(), parameters=(), constants=(), instructions=(), outputs=())
    with pytest.raises(ArchitectureError, match="has no parameters; expected at least one"):
        ProgramArchitecture(empty)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        answer: Tensor = self.linear(x + y)
        return answer


class Averaged(Two):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        answer: Tensor = self.linear(x).mean(0)
        return answer


def test_networks_of_several_inputs_are_not_asked() -> None:
    architecture = ProgramArchitecture.from_module(Two(), (torch.zeros(1, 3), torch.zeros(1, 3)))
    with pytest.raises(ArchitectureError, match=r"inputs of shapes \[\(1, 3\), \(1, 3\)\], expected one"):
        architecture.run(torch.zeros(1, architecture.num_parameters), torch.zeros(1, 3))


def test_networks_that_do_not_answer_each_example_are_not_asked() -> None:
    architecture = ProgramArchitecture.from_module(Averaged(), torch.zeros(4, 3))
    with pytest.raises(ArchitectureError, match=r"the answer to 4 examples has shape \(2,\), expected one"):
        architecture.run(torch.zeros(1, architecture.num_parameters), torch.zeros(4, 3))


@pytest.mark.parametrize("shape", [(3,), (5, 4), (5, 1, 3), (2, 1, 5, 3), ()])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    architecture = traced(reparametrized, (3,))
    with pytest.raises(ArchitectureError, match=r"for 2 networks .*with the features \(3,\) of its trace"):
        architecture.run(torch.zeros(2, architecture.num_parameters), torch.zeros(shape))


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "program"}
    for _ in range(depth):
        found = {"kind": "program", "program": [found]}
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.pop("program"), r"has \['kind'\], expected kind and program"),
        (lambda data: data.update(more=1), "expected kind and program"),
        (lambda data: data.update(kind="graph"), "unknown kind of architecture 'graph', expected one of"),
        (lambda data: data.update(kind=["program"]), r"unknown kind of architecture \['program'\]"),
        (lambda data: data.update(program=None), "not the description of an architecture"),
        (lambda data: data["program"].pop("outputs"), "not the description of an architecture"),
        (lambda data: data["program"].update(outputs=[10**9]), "not the description of an architecture"),
        (lambda data: data["program"]["parameters"][0].update(shape=[2**40, 3]), "not the description"),
        (lambda data: data["program"]["instructions"][0].update(operation="os.system"), "os.system"),
        (lambda data: data["program"].update(inputs=nested(5000)), "not the description of an architecture"),
        (lambda data: data.update(nested(5000)), "not the description of an architecture"),
        (
            lambda data: data["program"]["instructions"][0].update(arguments=[nested(5000)]),
            "not the description of an architecture",
        ),
    ],
)
def test_a_damaged_description_is_refused_in_a_sentence(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    data = json.loads(json.dumps(traced(reparametrized, (3,)).to_dict()))
    change(data)
    with pytest.raises(ArchitectureError, match=words) as refused:
        Architecture.from_dict(data)
    assert len(str(refused.value)) < 2000
    assert "\n" not in str(refused.value)


def test_what_reads_lists_of_layers_says_so() -> None:
    architecture = traced(reparametrized, (3,))
    with pytest.raises(ArchitectureError, match="nfn reads networks whose layers stand in a list"):
        architecture.layered(reader="nfn")
    assert architecture.as_layers is None
    assert siren().layered(reader="nfn") == siren().as_layers == siren()


def test_a_program_has_no_phases() -> None:
    class Wave(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 4), nn.Linear(4, 1)

        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = self.second(torch.sin(30 * self.first(x)))
            return answer

    architecture = traced(Wave, (2,))
    theta = torch.randn(5, architecture.num_parameters, generator=generator(4), dtype=torch.float64)
    assert torch.equal(canonicalize_sine_phase(architecture, theta), theta)

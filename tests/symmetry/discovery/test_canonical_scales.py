"""One representative for all rescalings of a network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.programs import Program, ProgramArchitecture, run_program
from scalegmn.programs.foldings import fold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_scale
from scalegmn.symmetry.discovery import canonical_scales, symmetry_group


class Block(nn.Module):
    """A residual block with batch norm: scales of channels on both sides of norms."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3)
        self.conv, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        x = torch.relu(x + self.conv(x))
        answer: Tensor = self.head(x.mean((2, 3)))
        return answer


NETWORKS = {
    "mlp": (nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)), (2, 3)),
    "norm": (Block(), (2, 1, 6, 6)),
    "encoder": (nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, activation="relu"), (2, 3, 4)),
    "tanh": (nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), (2, 3)),
}


def network_of(name: str) -> tuple[Program, dict[str, Tensor], Tensor]:
    module, shape = NETWORKS[name]
    module = module.double().eval()
    x = torch.randn(shape, generator=generator(0), dtype=torch.float64)
    state = {
        key: torch.rand(value.shape, generator=generator(1, key), dtype=torch.float64) + 0.1
        if value.is_floating_point()
        else value
        for key, value in module.state_dict().items()
    }
    program = trace(module, x)
    return program, fold(program, state), x


@pytest.mark.slow
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_rescaled_networks_have_one_representative(name: str, zeros: bool) -> None:
    program, parameters, x = network_of(name)
    if zeros:
        # A dead channel, and every third number.
        for value in parameters.values():
            value.reshape(-1)[::3] = 0
            value[0] = value[0] * 0 if value.ndim > 1 else value[0]
        parameters = {key: v + 1 if "deviation" in key else v for key, v in parameters.items()}
    group = symmetry_group(program)
    canonical = canonical_scales(program, parameters).apply(parameters)
    for seed in range(3):
        element = group.random(generator(seed), spread=2.0)
        scales = {key: factor.abs() for key, factor in element.factors.items()}
        moved = {key: value * scales.get(key, torch.tensor(1.0)) for key, value in parameters.items()}
        again = canonical_scales(program, moved).apply(moved)
        for key, value in canonical.items():
            torch.testing.assert_close(again[key], value, rtol=1e-9, atol=1e-12)
        assert group.scales.dimension == 0 or any(
            not torch.allclose(moved[key], parameters[key]) for key in parameters
        )
    before, after = (run_program(program, own, [x])[0] for own in (parameters, canonical))
    torch.testing.assert_close(after, before, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "norm"])
def test_it_is_idempotent_and_commutes_with_the_rest_of_the_group(name: str) -> None:
    program, parameters, _ = network_of(name)
    element = symmetry_group(program).random(generator(5), spread=0.0)
    canonical = canonical_scales(program, parameters).apply(parameters)
    once_more = canonical_scales(program, canonical).apply(canonical)
    moved = element.apply(parameters)
    first, second = canonical_scales(program, moved).apply(moved), element.apply(canonical)
    for key, value in canonical.items():
        torch.testing.assert_close(once_more[key], value, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(first[key], second[key], rtol=1e-9, atol=1e-12)
    assert any(not torch.allclose(canonical[key], value) for key, value in parameters.items())


def test_a_perceptron_is_balanced() -> None:
    """By hand: a neuron's log-weights, incoming and minus outgoing, sum to 0."""
    program, parameters, _ = network_of("mlp")
    canonical = canonical_scales(program, parameters).apply(parameters)
    logs = {key: value.abs().log() for key, value in canonical.items()}
    balance = logs["0.weight"].sum(1) + logs["0.bias"] - logs["2.weight"].sum(0)
    torch.testing.assert_close(balance, torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-10)


def test_programs_as_architectures_have_them() -> None:
    program, parameters, x = network_of("norm")
    architecture = ProgramArchitecture(program)
    theta = architecture.flatten(parameters)
    canonical = canonicalize_scale(architecture, theta)
    assert not torch.allclose(canonical, theta)
    torch.testing.assert_close(canonicalize_scale(architecture, canonical), canonical)
    before, after = (architecture.run(own[None], x) for own in (theta, canonical))
    torch.testing.assert_close(after, before, rtol=1e-10, atol=1e-10)

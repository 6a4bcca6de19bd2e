"""No scale is missed: the group found is as large as the Jacobian of the function allows.

A scale that keeps the function for all weights is a vector ``l`` with ``J(theta) diag(theta) l = 0`` at
every ``theta``, and conversely.  So the null space of these matrices, stacked for random weights and inputs,
has the dimension of the scales.  It is computed without any rule of any operation.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import jacrev

from scalegmn.programs import Program, run_program
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import check_function, symmetry_group

Forward = Callable[[nn.ModuleDict, Tensor], Tensor]


class Net(nn.Module):
    """Layers by name, and a function of them."""

    def __init__(self, layers: dict[str, nn.Module], forward: Forward) -> None:
        super().__init__()
        self.layers, self._function = nn.ModuleDict(layers), forward

    def forward(self, x: Tensor) -> Tensor:
        return self._function(self.layers, x)


def gated(layers: nn.ModuleDict, x: Tensor) -> Tensor:
    value, gate = layers["a"](x).chunk(2, dim=1)
    out: Tensor = layers["b"](value * torch.sigmoid(gate))
    return out


def skipping(layers: nn.ModuleDict, x: Tensor) -> Tensor:
    first = F.relu(layers["a"](x))
    second = F.relu(layers["c"](torch.cat([x, first], dim=1)))
    out: Tensor = layers["b"](torch.cat([first, second], dim=1))
    return out


def exciting(layers: nn.ModuleDict, x: Tensor) -> Tensor:
    maps = F.relu(layers["c"](x))
    gates = torch.sigmoid(layers["b"](F.relu(layers["a"](maps.mean((2, 3))))))
    out: Tensor = layers["d"]((maps * gates[:, :, None, None]).amax((2, 3)))
    return out


def generating(layers: nn.ModuleDict, x: Tensor) -> Tensor:
    weights = layers["a"](x).view(-1, 2, 4)
    out: Tensor = layers["b"](torch.bmm(weights, F.relu(layers["c"](x)).unsqueeze(2)).squeeze(2))
    return out


NETS: dict[str, tuple[Callable[[], Net], tuple[int, ...], int]] = {
    "concatenated relus": (
        lambda: Net(
            {"a": nn.Linear(3, 4), "b": nn.Linear(8, 2)},
            lambda n, x: n["b"](torch.cat([F.relu(n["a"](x)), F.relu(-n["a"](x))], dim=1)),
        ),
        (4, 3),
        4,
    ),
    "x |x|": (
        lambda: Net(
            {"a": nn.Linear(3, 4), "b": nn.Linear(4, 2)}, lambda n, x: n["b"](n["a"](x) * n["a"](x).abs())
        ),
        (4, 3),
        4,
    ),
    "a polynomial": (
        lambda: Net(
            {"a": nn.Linear(3, 4), "b": nn.Linear(4, 2)}, lambda n, x: n["b"](2 * n["a"](x) ** 2 - 1)
        ),
        (4, 3),
        0,
    ),
    "gates": (lambda: Net({"a": nn.Linear(3, 8), "b": nn.Linear(4, 2)}, gated), (4, 3), 4),
    "skips by concatenation": (
        lambda: Net({"a": nn.Linear(3, 4), "c": nn.Linear(7, 5), "b": nn.Linear(9, 2)}, skipping),
        (4, 3),
        9,
    ),
    "squeeze and excitation": (
        lambda: Net(
            {"c": nn.Conv2d(2, 4, 3), "a": nn.Linear(4, 2), "b": nn.Linear(2, 4), "d": nn.Linear(4, 2)},
            exciting,
        ),
        (2, 2, 6, 6),
        6,
    ),
    "weights made by a network": (
        lambda: Net({"a": nn.Linear(3, 8), "c": nn.Linear(3, 4), "b": nn.Linear(2, 2)}, generating),
        (4, 3),
        6,
    ),
    "groups of channels": (
        lambda: Net(
            {"c": nn.Conv2d(2, 4, 3, groups=2), "e": nn.Conv2d(4, 4, 3, groups=4), "d": nn.Linear(4, 2)},
            lambda n, x: n["d"](F.relu(n["e"](F.relu(n["c"](x)))).mean((2, 3))),
        ),
        (2, 2, 7, 7),
        8,
    ),
    "a dilated convolution, flattened": (
        lambda: Net(
            {"c": nn.Conv2d(2, 3, 3, padding=2, dilation=2, stride=2), "d": nn.Linear(48, 2)},
            lambda n, x: n["d"](F.relu(n["c"](x)).flatten(1)),
        ),
        (2, 2, 8, 8),
        3,
    ),
    "a layer used twice": (
        lambda: Net(
            {"a": nn.Linear(3, 4), "b": nn.Linear(4, 4), "c": nn.Linear(4, 2)},
            lambda n, x: n["c"](F.relu(n["b"](F.relu(n["b"](F.relu(n["a"](x))))))),
        ),
        (4, 3),
        4,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_as_many_scales_as_the_jacobian_allows(name: str) -> None:
    build, shape, expected = NETS[name]
    x = torch.randn(shape, generator=generator(0), dtype=torch.float64)
    program = trace(build().double(), (x,))
    group = symmetry_group(program)
    assert group.scales.dimension == expected
    assert diagonal_nullity(program) == expected
    parameters = random_parameters(program, seed=1)
    check = check_function(group, parameters=parameters, inputs=[x], generator=generator(2), elements=2)
    assert check.passed, str(check)


def random_parameters(program: Program, *, seed: int) -> dict[str, Tensor]:
    numbers = generator(seed, "parameters")
    return {
        parameter.name: torch.randn(parameter.type.shape, generator=numbers, dtype=torch.float64)
        for parameter in program.parameters
    }


def diagonal_nullity(program: Program) -> int:
    """Dimension of all log-scales that keep the function to first order, at random weights and inputs."""
    numbers = generator(3, "inputs")
    rows: list[Tensor] = []
    total = sum(torch.Size(parameter.type.shape).numel() for parameter in program.parameters)
    while sum(len(part) for part in rows) < 2 * total + 20:
        theta = random_parameters(program, seed=len(rows))
        shapes = [given.type.shape for given in program.inputs]
        inputs = [torch.randn(shape, generator=numbers, dtype=torch.float64) for shape in shapes]

        def function(values: dict[str, Tensor], inputs: list[Tensor] = inputs) -> Tensor:
            return torch.cat([output.reshape(-1) for output in run_program(program, values, inputs)])

        jacobian = jacrev(function)(theta)
        parts = [(jacobian[name] * theta[name]).flatten(1) for name in theta]
        rows.append(torch.cat([part.reshape(len(part), -1) for part in parts], dim=1))
    matrix = torch.cat(rows)
    singular = torch.linalg.svdvals(matrix / matrix.norm(dim=1, keepdim=True).clamp(min=1e-300))
    kept = int((singular > 1e-8 * singular[0]).sum())
    # A clear gap, so that no rounding decides.
    assert kept == len(singular) or singular[kept] < 1e-11 * singular[0]
    return total - kept

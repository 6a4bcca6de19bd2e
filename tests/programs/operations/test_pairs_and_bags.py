"""Complex numbers, bilinear layers, bags of rows, norms of computed statistics: in whole networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import UnsupportedOperationError
from scalegmn.programs import run_program
from scalegmn.programs.foldings import fold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import check_function, symmetry_group


class Rotary(nn.Module):
    """Pairs of channels, turned by an angle that grows with the position, as complex numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 6)
        self.outer = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(self.inner(x).reshape(*x.shape[:-1], 3, 2))
        angles = torch.outer(
            torch.arange(x.shape[1], dtype=x.dtype), torch.tensor([1.0, 0.5, 0.2]).to(x.dtype)
        )
        turned = pairs * torch.polar(torch.ones_like(angles), angles)
        return self.outer(torch.view_as_real(turned).flatten(2))


class Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(3, 5)
        self.both = nn.Bilinear(4, 5, 6)
        self.out = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.both(torch.relu(self.left(x)), self.right(x)))


class Bags(nn.Module):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(7, 4, mode=mode)
        self.out = nn.Linear(4, 2)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.out(self.bag(numbers))


class Instances(nn.Module):
    """Its statistics are repeated for each example before they are used."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.InstanceNorm2d(3, affine=True, track_running_stats=True)
        self.out = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.norm(self.conv(x))))


def dimensions(module: nn.Module, x: Tensor) -> tuple[int, int]:
    """Of scales and signs; the program answers as the module does, and random elements keep it."""
    module = module.double().eval()
    numbers = generator(5, "values")
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            drawn = 0.7 * torch.randn(value.shape, generator=numbers, dtype=value.dtype)
            value.copy_(drawn.abs() if name.endswith("running_var") else drawn)
    program = trace(module, (x,))
    parameters = fold(program, {name: value.detach() for name, value in module.state_dict().items()})
    with torch.no_grad():
        torch.testing.assert_close(run_program(program, parameters, [x])[0], module(x), rtol=1e-9, atol=1e-11)
    group = symmetry_group(program)
    assert check_function(group, parameters=parameters, inputs=[x], generator=numbers).passed
    return group.scales.dimension, group.signs.dimension


class ChosenByZeros(nn.Module):
    """Which row of a table is read stands in a table of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds = nn.Embedding(2, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, numbers: Tensor) -> Tensor:
        kinds = torch.zeros(1, 9, dtype=torch.int64).expand(len(numbers), 9).gather(1, numbers)
        return self.out(torch.tanh(self.kinds(kinds)))


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=generator(3, "input"), dtype=torch.float64)


@pytest.mark.slow
def test_a_pair_that_is_turned_has_one_scale_and_one_sign() -> None:
    assert dimensions(Rotary(), normal(2, 4, 3)) == (3, 3)


@pytest.mark.slow
def test_bilinear_layers_let_both_factors_through() -> None:
    assert dimensions(Bilinear(), normal(5, 3)) == (4 + 5 + 6, 5 + 6)


@pytest.mark.parametrize(("mode", "signs"), [("mean", 4), ("sum", 4), ("max", 0)])
def test_bags_have_one_scale_per_column(mode: str, signs: int) -> None:
    numbers = torch.randint(7, (3, 4), generator=generator(3, "numbers"))
    assert dimensions(Bags(mode), numbers) == (4, signs)


def test_rows_that_zeros_choose_are_not_zeros() -> None:
    assert dimensions(ChosenByZeros(), torch.tensor([[1, 2], [3, 4]])) == (0, 4)


def test_weighed_bags_are_refused() -> None:
    class Weighed(Bags):
        def forward(self, numbers: Tensor) -> Tensor:
            weights = torch.ones(numbers.shape, dtype=self.bag.weight.dtype)
            return self.out(self.bag(numbers, per_sample_weights=weights * 0.5))

    with pytest.raises(UnsupportedOperationError, match="weights for each number"):
        dimensions(Weighed("sum"), torch.tensor([[1, 2], [3, 4]]))


def test_a_variance_that_is_repeated_is_still_a_variance() -> None:
    # The convolution against its mean, gain and bias, and relu; the variance itself has to stay.
    assert dimensions(Instances(), normal(2, 2, 5, 5)) == (3 + 3, 3)

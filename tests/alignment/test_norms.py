"""Where channels can be scaled and shifted by parameters of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scalegmn.alignment._norms import LinearPlace, NormPlace, places_of
from scalegmn.programs import run_examples
from scalegmn.programs.foldings import fold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator


def test_places_are_norms_and_linear_maps_before_no_norm_and_no_answer() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 6, bias=False),
        nn.Tanh(),
        nn.Linear(6, 2),
    )
    norm, convolution, linear = places_of(trace(module, torch.zeros(1, 1, 6, 6)))
    assert isinstance(norm, NormPlace) and norm.deviation == "1.running_deviation"
    assert isinstance(convolution, LinearPlace) and convolution.bias == "3.bias"
    assert isinstance(linear, LinearPlace) and linear.weight == "6.weight" and linear.bias is None


def test_parameters_that_are_used_twice_are_no_places() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.last(torch.relu(self.inner(torch.relu(self.inner(x)))))
            return found

    assert not places_of(trace(Twice(), torch.zeros(1, 4)))


def test_what_parameters_absorb_is_what_values_become() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(48, 5),
        nn.Tanh(),
        nn.Linear(5, 2),
    ).double()
    program = trace(module, torch.zeros(1, 1, 6, 6, dtype=torch.float64))
    state = fold(program, {name: value.detach() for name, value in module.state_dict().items()})
    random = generator(0, "changes")
    examples = torch.randn(7, 1, 1, 6, 6, generator=random, dtype=torch.float64)
    places = places_of(program)
    assert len(places) == 2
    for place in places:
        seen: list[Tensor] = []

        def touch(index: int, value: Tensor) -> Tensor:
            if index == place.value:  # noqa: B023
                seen.append(value)  # noqa: B023
            return value

        run_examples(program, state, examples, touch=touch)
        count = seen[0].shape[1 + place.axis]
        factors = 0.5 + torch.rand(count, generator=random, dtype=torch.float64)
        shifts = torch.randn(count, generator=random, dtype=torch.float64)
        changed = dict(state)
        made = place.absorb(changed, factors, shifts)
        run_examples(program, changed, examples, touch=touch)
        beside = [-1 if axis == 1 + place.axis else 1 for axis in range(seen[0].dim())]
        torch.testing.assert_close(seen[1], seen[0] * made[0].reshape(beside) + made[1].reshape(beside))
        assert torch.equal(made[1], shifts)

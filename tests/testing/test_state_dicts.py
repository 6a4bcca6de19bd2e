"""Models that read state dicts, or modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import SymmetryError, UnsupportedLayerError
from scalegmn.networks import Activation, cnn
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.testing import (
    PERMUTATIONS,
    Modules,
    StateDicts,
    assert_equivariant,
    assert_invariant,
    random_parameters,
    symmetry_error,
)


def modules(count: int = 4, activation: type[nn.Module] = nn.ReLU) -> list[nn.Module]:
    made: list[nn.Module] = []
    for seed in range(count):
        module = nn.Sequential(nn.Linear(2, 6), activation(), nn.Linear(6, 3)).double()
        for weight in module.parameters():
            weight.data = torch.randn(weight.shape, generator=generator(seed), dtype=torch.float64)
        made.append(module)
    return made


def states(count: int = 4) -> list[dict[str, Tensor]]:
    return [dict(module.state_dict()) for module in modules(count)]


def paths(state: dict[str, Tensor]) -> Tensor:
    return state["2.weight"].abs() @ state["0.weight"].abs()


def test_state_dicts() -> None:
    report = assert_invariant(paths, StateDicts(states(), activations="relu"), generator=generator(1))
    assert report.group == "permutations of 6 hidden neurons, positive scales of 6"
    with pytest.raises(AssertionError, match="invariance"):
        assert_invariant(
            lambda state: state["0.weight"].norm(),
            StateDicts(states(), activations="relu"),
            generator=generator(1),
        )


def test_state_dicts_alone_have_permutations() -> None:
    with pytest.warns(UserWarning, match="no activations were given"):
        report = assert_invariant(
            lambda state: state["0.weight"].norm(), StateDicts(states()), generator=generator(1)
        )
    assert report.group == "permutations of 6 hidden neurons"


def test_updates_by_name() -> None:
    def own(state: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: 3 * value for name, value in state.items()}

    given = StateDicts(states(), activations="relu")
    assert_equivariant(own, given, generator=generator(1))
    with pytest.raises(AssertionError, match=r"equivariance.*parameter '0\.bias' of network"):
        assert_equivariant(
            lambda state: {**state, "0.bias": state["0.bias"] + 1}, given, generator=generator(1)
        )
    with pytest.raises(SymmetryError, match=r"the model's update.*missing.*bias"):
        assert_equivariant(
            lambda state: {name: state[name] for name in state if "bias" not in name},
            given,
            generator=generator(1),
        )


def test_any_architecture() -> None:
    architecture = cnn(channels=(1, 3, 4), classes=2, activations=[Activation("tanh")] * 2)
    theta = random_parameters(architecture, 3, generator=generator(0))
    given = StateDicts([architecture.unflatten(row) for row in theta], architecture=architecture)
    report = assert_invariant(
        lambda state: state["conv.0.bias"].abs().sum(), given, generator=generator(1), draws=4
    )
    assert report.group == "permutations of 7 hidden neurons, signs of 7"
    assert report.function_change is not None


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([], {}, "the list of state dicts is empty"),
        ([3], {}, "states are a list of 1, expected a list of state dicts"),
        ([{"0.weight": torch.ones(2, 2, 3, 3)}], {}, r"0.weight of shape \(2, 2, 3, 3\).*architecture="),
        ([{"0.running_mean": torch.ones(2)}], {}, "0.running_mean, which is no weight or bias"),
        ([states(1)[0], {}], {"activations": "relu"}, r"states\[1\]"),
        (
            states(1),
            {"activations": "relu", "architecture": cnn(activations=[Activation("relu")] * 3)},
            "give one of the two",
        ),
        (states(1), {"architecture": cnn(activations=[Activation("relu")] * 3)}, r"states\[0\]"),
    ],
)
def test_arguments_that_do_not_fit(given: list[object], options: dict[str, object], message: str) -> None:
    with pytest.raises(SymmetryError, match=message):
        StateDicts(given, **options)  # type: ignore[arg-type]


def test_modules() -> None:
    def read(module: nn.Module) -> Tensor:
        return paths(dict(module.state_dict()))

    report = assert_invariant(read, Modules(modules()), generator=generator(1))
    assert report.group == "permutations of 6 hidden neurons, positive scales of 6"
    assert report.function_change is not None and report.function_change < 1e-10
    assert (
        symmetry_error(lambda module: module[0].weight.norm(), Modules(modules()), generator=generator(1))
        > 0.1
    )
    assert_equivariant(lambda module: module, Modules(modules()), generator=generator(1))
    with pytest.raises(SymmetryError, match="have different shapes"):
        assert_invariant(
            lambda module: torch.ones(int(module[0].bias[0] > 0)), Modules(modules()), generator=generator(1)
        )


def test_modules_are_run_to_see_that_their_function_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        SymmetryAction, "_edge_factor", lambda self, element: element.scale[self.topology.target]
    )
    with pytest.raises(AssertionError, match="the action itself is wrong"):
        assert_invariant(lambda module: module[0].weight.norm(), Modules(modules()), generator=generator(1))


class Odd(nn.Module):
    """Says that it is a ReLU network, and is none."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 4).double(), nn.Linear(4, 1).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.sigmoid(self.first(x)))


def test_modules_that_are_not_what_they_are_said_to_be() -> None:
    ours = StateDicts([Odd().state_dict() for _ in range(2)], activations="relu").parts[0][0]
    with pytest.raises(UnsupportedLayerError):
        Modules([Odd(), Odd()])
    given = Modules([Odd(), Odd()], architecture=ours, inputs=torch.ones(3, 2))
    with pytest.raises(AssertionError, match="not what they are said to be"):
        assert_invariant(lambda module: module.last.weight.norm(), given, generator=generator(1))
    report = assert_invariant(
        lambda module: module.last.weight.norm(), given, generator=generator(1), elements=PERMUTATIONS
    )
    assert report.group == "permutations of 4 hidden neurons"


def test_modules_of_several_architectures_are_refused() -> None:
    with pytest.raises(SymmetryError, match=r"one architecture, got 2-6-3 \(relu\).*; 2-6-3 \(tanh\)"):
        Modules([*modules(1), *modules(1, nn.Tanh)])
    with pytest.raises(SymmetryError, match="got no modules"):
        Modules([])
    with pytest.raises(SymmetryError, match="expected a list of modules"):
        Modules(modules()[0])  # type: ignore[arg-type]

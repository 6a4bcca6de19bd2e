"""Networks as people write them: their groups have the dimensions that were derived by hand, and are exact.

The networks are those of `benchmarks.any_network`; the whole list takes minutes, these here take seconds.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from benchmarks.any_network.models import Entry, list_models
from torch import Tensor, nn

from scalegmn.programs import Behavior, Program
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.operations import OPERATIONS
from scalegmn.programs.operations._pointwise import Pointwise
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import (
    GroupElement,
    NetworkSymmetries,
    SymmetryGroup,
    symmetries,
    symmetry_group,
)

FAMILIES = (
    "mlp_relu",
    "mlp_tanh",
    "tied_residual",
    "low_rank_adapters",
    "deep_sets",
    "siren",
    "conv_batch_norm",
    "lenet",
    "resnet_basic",
    "attention",
    "encoder_norm_first",
    "convnext",
    "lstm",
)
ENTRIES = {entry.name: entry for entry in list_models()}


@pytest.fixture(scope="module", params=FAMILIES)
def found(request: pytest.FixtureRequest) -> tuple[Entry, nn.Module, NetworkSymmetries]:
    entry = ENTRIES[request.param]
    module = entry.build().double()
    first, second = (tuple(_double(value) for value in example) for example in entry.examples())
    return entry, module, symmetries(module, first, second_example=second)


@pytest.mark.slow
def test_the_dimensions_are_those_derived_by_hand(found: tuple[Entry, nn.Module, NetworkSymmetries]) -> None:
    entry, _, group = found
    assert entry.expected is not None
    assert group.group.scales.dimension == entry.expected.scales
    assert group.group.signs.dimension == entry.expected.signs


def test_random_elements_keep_the_function(found: tuple[Entry, nn.Module, NetworkSymmetries]) -> None:
    _, module, group = found
    check = group.check(module.state_dict(), generator=generator(0), elements=2)
    assert check.passed, str(check)
    if group.group.scales.dimension or group.group.signs.dimension:
        assert min(check.moved) > 0.1


def test_the_module_itself_computes_the_same(found: tuple[Entry, nn.Module, NetworkSymmetries]) -> None:
    entry, module, group = found
    element = group.random(generator(1), spread=0.5)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    moved = group.apply(element, state)
    for example in entry.examples():
        inputs = tuple(_double(value) for value in example)
        before = _answer(module, state, inputs)
        after = _answer(module, moved, inputs)
        assert (after - before).abs().max() <= 1e-10 * before.abs().max()


def test_an_inverse_takes_back_and_a_product_is_both(
    found: tuple[Entry, nn.Module, NetworkSymmetries],
) -> None:
    _, module, group = found
    effective = fold(group.program, module.state_dict())
    first, second = group.random(generator(2)), group.random(generator(3))
    _same(first.inverse().apply(first.apply(effective)), effective)
    _same(second.after(first).apply(effective), second.apply(first.apply(effective)))


def test_the_state_dict_keeps_names_shapes_and_dtypes(
    found: tuple[Entry, nn.Module, NetworkSymmetries],
) -> None:
    _, module, group = found
    state = module.float().state_dict()
    moved = unfold(group.program, group.random(generator(4)).apply(fold(group.program, state)), like=state)
    module.double()
    assert list(moved) == list(state)
    for name, value in state.items():
        assert (moved[name].shape, moved[name].dtype) == (value.shape, value.dtype)


def test_a_wrong_rule_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Pointwise("aten.tanh.default", Behavior(degree=Fraction(1)))
    monkeypatch.setitem(OPERATIONS._entries, "aten.tanh.default", wrong)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    group = symmetries(module, (torch.randn(5, 3, dtype=torch.float64, generator=generator(0)),))
    assert group.group.scales.dimension == 4
    assert not group.check(module.state_dict(), generator=generator(1)).passed


@pytest.mark.slow
def test_what_holds_at_one_size_only_is_not_counted() -> None:
    # A map of one pixel: a padded convolution reads the middle of its kernel, and the rest is unread.
    module = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 2, 1))
    one, more = torch.zeros(1, 2, 1, 1), torch.zeros(1, 2, 5, 5)
    both = symmetries(module, (one,), second_example=(more,))
    assert both.group.scales.dimension == symmetries(module, (more,)).group.scales.dimension
    assert both.single is not None
    assert both.check(module.state_dict(), generator=generator(0)).passed


def test_a_parameter_that_nothing_reads_is_named() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)
            self.spare = nn.Parameter(torch.ones(5))

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.last(torch.relu(self.first(x)))
            return output

    group = symmetry_group(trace(Spare(), (torch.zeros(2, 3),)))
    assert group.unread == ("spare",)
    assert isinstance(group, SymmetryGroup) and isinstance(group.program, Program)


def test_a_group_element_leaves_other_tensors_alone() -> None:
    element = GroupElement(factors={"a": torch.tensor([2.0, 3.0])})
    values = {"a": torch.ones(2), "b": torch.ones(3)}
    moved = element.apply(values)
    assert moved["a"].tolist() == [2.0, 3.0]
    assert moved["b"] is values["b"]


def _double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def _answer(module: nn.Module, state: dict[str, Tensor], inputs: tuple[Tensor, ...]) -> Tensor:
    with torch.no_grad():
        answer = torch.func.functional_call(module, state, inputs)
    while not isinstance(answer, Tensor):
        answer = answer[0]
    return answer


def _same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert list(first) == list(second)
    for name, value in first.items():
        assert torch.allclose(value, second[name], rtol=1e-12, atol=1e-13)


def test_what_moves_nothing_proves_nothing() -> None:
    module = nn.Sequential(nn.Linear(3, 2)).double()
    check = symmetries(module).check(module.state_dict(), generator=generator(0))
    assert str(check) == "nothing was checked, since the group moves no parameter"

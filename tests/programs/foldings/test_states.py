"""What does not fit between a state dict and a program is said in a sentence."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import Program
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import trace


@pytest.fixture(scope="module")
def network() -> tuple[Program, dict[str, Tensor]]:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval()
    return trace(module, (torch.zeros(2, 3),)), module.state_dict()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "net.encoder."])
def test_a_prefix_of_all_names_is_told(network: tuple[Program, dict[str, Tensor]], prefix: str) -> None:
    program, state = network
    with pytest.raises(ProgramError, match=rf"has it behind {prefix}; take that off"):
        fold(program, {prefix + name: value for name, value in state.items()})


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64])
def test_weights_that_are_no_real_numbers_are_refused(
    network: tuple[Program, dict[str, Tensor]], dtype: torch.dtype
) -> None:
    program, state = network
    with pytest.raises(ProgramError, match=r"0\.weight has dtype .* expected real numbers"):
        fold(program, {**state, "0.weight": state["0.weight"].to(dtype)})


@pytest.mark.parametrize("name", ["0.weight", "1.running_deviation"])
def test_effective_parameters_that_are_missing_are_not_taken_from_the_file(
    network: tuple[Program, dict[str, Tensor]], name: str
) -> None:
    program, state = network
    effective = fold(program, state)
    del effective[name]
    with pytest.raises(ProgramError, match=f"the set of effective parameters lacks {name}"):
        unfold(program, effective, like=state)


def test_a_variance_below_0_is_refused(network: tuple[Program, dict[str, Tensor]]) -> None:
    program, state = network
    with pytest.raises(ProgramError, match=r"1\.running_var has a value of -1, expected at least 0"):
        fold(program, {**state, "1.running_var": -torch.ones(4)})
    # The module computes with this one, and so does the program.
    effective = fold(program, {**state, "1.running_var": torch.full((4,), -1e-6)})
    assert not effective["1.running_deviation"].isnan().any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_comes_back_bit_by_bit(
    network: tuple[Program, dict[str, Tensor]], dtype: torch.dtype
) -> None:
    program, state = network
    half = {name: v.to(dtype) if v.is_floating_point() else v for name, v in state.items()}
    # Computed in float64, as the check does.
    effective = fold(program, {n: v.double() if v.is_floating_point() else v for n, v in half.items()})
    written = unfold(program, effective, like=half)
    assert list(written) == list(half)
    assert all(torch.equal(written[n], half[n]) and written[n].dtype == half[n].dtype for n in half)

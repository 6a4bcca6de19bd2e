"""A batch norm's deviation: exact both ways, and what a variance cannot say is said by the gain."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.errors import ProgramError
from scalegmn.programs import run_program
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import trace


def normed(*, affine: bool = True) -> nn.Sequential:
    """A batch norm whose statistics are not those of a new one."""
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, affine=affine), nn.ReLU(), nn.Linear(4, 2))
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            values = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(0.1 + values if name.endswith("var") else 2 * values - 1)
    return network.double().eval()


@pytest.mark.parametrize("affine", [True, False])
def test_the_program_of_folded_parameters_is_the_module(affine: bool) -> None:
    network = normed(affine=affine)
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    program = trace(network, (x,))
    (y,) = run_program(program, fold(program, network.state_dict()), [x])
    assert torch.allclose(y, network(x), rtol=1e-13, atol=1e-13)


def test_unfolding_takes_folding_back() -> None:
    network = normed()
    program = trace(network, (torch.zeros(2, 3, dtype=torch.float64),))
    state = network.state_dict()
    back = unfold(program, fold(program, state), like=state)
    assert list(back) == list(state)
    for name, value in state.items():
        if name.endswith("running_var"):
            assert torch.allclose(back[name], value, rtol=1e-14)
        else:
            assert torch.equal(back[name], value)


@pytest.mark.slow
def test_a_deviation_below_the_root_of_eps_goes_into_the_gain() -> None:
    network = normed()
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    program = trace(network, (x,))
    state = network.state_dict()
    effective = fold(program, state)
    deviation = effective["1.running_deviation"]
    # s and gain change together: the function stays.
    effective |= {"1.running_deviation": deviation * 1e-6, "1.weight": effective["1.weight"] * 1e-6}
    written = unfold(program, effective, like=state)
    assert not written["1.running_var"].any()
    before = network(x)
    network.load_state_dict(written)
    assert torch.allclose(network(x), before, rtol=1e-10)


def test_without_a_gain_it_is_refused() -> None:
    network = normed(affine=False)
    program = trace(network, (torch.zeros(2, 3, dtype=torch.float64),))
    state = network.state_dict()
    effective = fold(program, state)
    effective["1.running_deviation"] = effective["1.running_deviation"] * 1e-6
    with pytest.raises(ProgramError, match=r"1\.running_deviation has a value of .*no gain"):
        unfold(program, effective, like=state)


def test_a_missing_statistic_is_named() -> None:
    network = normed()
    program = trace(network, (torch.zeros(2, 3, dtype=torch.float64),))
    state = {name: value for name, value in network.state_dict().items() if not name.endswith("var")}
    with pytest.raises(ProgramError, match=r"1\.running_var"):
        fold(program, state)

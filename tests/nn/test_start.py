"""Features of neurons before the first layer."""

from __future__ import annotations

import pytest
import torch

from scalegmn.errors import GraphError
from scalegmn.nn._start import start_dual, start_primal
from scalegmn.symmetry import Law
from tests.nn.cases import WIDTH, assert_equal, case_of


@pytest.mark.parametrize("seed", range(4))
def test_biases_times_encodings_are_primal(seed: int) -> None:
    case = case_of(seed)
    x, z, neurons = case.random_nodes(), case.random_nodes(), case.at.neurons
    before = start_primal(x, z, neurons, multiply=True)
    moved_x, moved_z = case.move_nodes(x, Law.primal), case.move_nodes(z, Law.invariant)
    after = start_primal(moved_x, moved_z, case.moved_at.neurons, multiply=True)
    assert_equal(after, case.move_nodes(before, Law.primal))
    assert torch.equal(before[neurons.hidden], (x * z)[neurons.hidden])
    assert torch.equal(before[neurons.outputs], (x + z)[neurons.outputs])
    assert torch.equal(start_primal(x, z, neurons, multiply=False), x + z)


@pytest.mark.parametrize("seed", range(4))
def test_dual_features_are_dual(seed: int) -> None:
    case = case_of(seed)
    x, z, neurons = case.random_nodes(), case.random_nodes(), case.at.neurons
    ends = torch.randn(2, WIDTH, dtype=torch.float64)
    before = start_dual(x, z, ends, neurons)
    moved_x, moved_z = case.move_nodes(x, Law.primal), case.move_nodes(z, Law.invariant)
    after = start_dual(moved_x, moved_z, ends, case.moved_at.neurons)
    assert_equal(after, case.move_nodes(before, Law.dual))
    assert torch.equal(before[neurons.inputs], z[neurons.inputs] * ends[0])
    assert torch.equal(before[neurons.outputs], z[neurons.outputs] * ends[1])
    assert (before[case.at.scaled] == 0).all()


def test_shapes_must_agree() -> None:
    with pytest.raises(GraphError, match="differ in shape"):
        start_primal(torch.ones(11, 2), torch.ones(11, 3), case_of(0).at.neurons, multiply=True)

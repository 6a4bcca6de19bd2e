"""Maps of input and output neurons, and updates of all nodes."""

from __future__ import annotations

import itertools

import pytest
import torch

from scalegmn.nn._equivariant import IOMap, IOMaps
from scalegmn.nn._scale_layer import NodeUpdate
from scalegmn.nn.fast._execute import node_update
from scalegmn.seeding import generator
from scalegmn.symmetry import Law
from scalegmn.testing.parameters import randomize
from tests.nn.cases import WIDTH, assert_equal, case_of, style_of


def test_plain_or_multiplied() -> None:
    x = torch.randn(3, 4)
    plain = IOMap(4, WIDTH, style=style_of(plain_io=True))
    assert torch.equal(plain(x), plain.mlp(x))
    multiplied = IOMap(4, WIDTH, style=style_of(plain_io=False))
    assert multiplied.linear is not None
    assert torch.equal(multiplied(x), multiplied.linear(x) * multiplied.mlp(x))
    assert (multiplied(torch.zeros(1, 4)) == 0).all()


def test_separate_or_common() -> None:
    separate = IOMaps(4, WIDTH, style=style_of(separate_io=True))
    common = IOMaps(4, WIDTH, style=style_of(separate_io=False))
    assert separate.of_inputs is not separate.of_outputs
    assert common.of_inputs is common.of_outputs
    count = len(list(IOMap(4, WIDTH, style=style_of()).parameters()))
    assert len(list(common.parameters())) == count and len(list(separate.parameters())) == 2 * count


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("law", "extras"), list(itertools.product([Law.primal, Law.dual], [True, False])))
def test_node_update_keeps_the_law(seed: int, law: Law, extras: bool) -> None:
    case = case_of(seed)
    update = NodeUpdate(WIDTH, style=style_of(), extras=WIDTH if extras else 0)
    update = randomize(update, generator=generator(seed)).double()
    x, z = case.random_nodes(), case.random_nodes()
    before = update([x], case.at.neurons, [z] if extras else [])
    moved_x, moved_z = case.move_nodes(x, law), case.move_nodes(z, Law.invariant)
    found = update([moved_x], case.moved_at.neurons, [moved_z] if extras else [])
    assert_equal(found, case.move_nodes(before, law))
    assert_equal(node_update(update, x, case.at.neurons, [z] if extras else []), before)

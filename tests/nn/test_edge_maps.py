"""The maps of edges by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.nn._edge_maps import EdgeMaps


@pytest.mark.parametrize(("backward", "update"), [(True, True), (True, False), (False, True), (False, False)])
def test_names_are_views_of_one_matrix(backward: bool, update: bool) -> None:
    torch.manual_seed(0)
    maps = EdgeMaps(4, 3, backward=backward, update=update)
    named = maps.by_name()
    joined = torch.cat([named.forward, named.backward, named.update])
    assert torch.equal(joined, maps.weight) and maps.weight.shape == (3 * (1 + backward + update), 4)
    assert [len(x) for x in (named.forward, named.backward, named.update)] == [3, 3 * backward, 3 * update]
    named.forward.sum().backward()
    assert maps.weight.grad is not None and maps.weight.grad.sum() == 12
    # It starts as any linear map does.
    torch.manual_seed(0)
    assert torch.equal(nn.Linear(4, len(maps.weight), bias=False).weight, maps.weight)

"""MLPs."""

from __future__ import annotations

import pytest
import torch

from scalegmn.nn._mlp import MLP, MLPStyle


def test_parts_make_the_whole() -> None:
    mlp = MLP(3, 2, style=MLPStyle(hidden=5))
    x = torch.randn(4, 3)
    assert mlp(x).shape == (4, 2)
    assert torch.equal(mlp.rest(mlp.first(x)), mlp(x))
    assert torch.equal(mlp.last(mlp.activate(mlp.first(x))), mlp(x))


def test_style() -> None:
    kinds = [type(part) for part in MLP(3, 2, style=MLPStyle(hidden=5, dropout=0.5)).activate]
    assert [kind.__name__ for kind in kinds] == ["LayerNorm", "_SiLU", "Dropout"]
    bare = MLP(3, 2, style=MLPStyle(hidden=5, layer_norm=False))
    assert [type(part).__name__ for part in bare.activate] == ["_SiLU"]


def test_no_rows() -> None:
    assert MLP(3, 2, style=MLPStyle(hidden=5))(torch.zeros(0, 3)).shape == (0, 2)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_arguments_are_left_alone(layer_norm: bool) -> None:
    """Without gradients SiLU works in place, on its own numbers only."""
    mlp, x = MLP(3, 2, style=MLPStyle(hidden=5, layer_norm=layer_norm)), torch.randn(4, 5)
    before = x.clone()
    with torch.no_grad():
        found = mlp.rest(x)
    assert torch.equal(x, before)
    torch.testing.assert_close(found, mlp.rest(x))

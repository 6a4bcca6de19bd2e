"""Perceptrons."""

from __future__ import annotations

import torch
from torch import nn

from scalegmn.nn.mlp import MLP, MLPStyle


def test_parts_make_the_whole() -> None:
    mlp = MLP(3, 2, style=MLPStyle(hidden=5))
    x = torch.randn(4, 3)
    assert mlp(x).shape == (4, 2)
    assert torch.equal(mlp.rest(mlp.first(x)), mlp(x))
    assert torch.equal(mlp.last(mlp.activate(mlp.first(x))), mlp(x))


def test_style() -> None:
    kinds = [type(part) for part in MLP(3, 2, style=MLPStyle(hidden=5, dropout=0.5)).activate]
    assert kinds == [nn.LayerNorm, nn.SiLU, nn.Dropout]
    assert [type(p) for p in MLP(3, 2, style=MLPStyle(hidden=5, layer_norm=False)).activate] == [nn.SiLU]


def test_no_rows() -> None:
    assert MLP(3, 2, style=MLPStyle(hidden=5))(torch.zeros(0, 3)).shape == (0, 2)

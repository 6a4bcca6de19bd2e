from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.networks import Activation, mlp
from scalegmn.programs import ProgramArchitecture


class Gate(nn.Module):
    """A product with the sigmoid of something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(2 * x)


@pytest.mark.parametrize(
    ("layers", "kinds"),
    [
        ((nn.ReLU(), nn.Tanh()), ("relu", "tanh")),
        ((nn.GELU(), nn.LeakyReLU(0.1)), ("gelu", "leaky_relu")),
        ((nn.SiLU(), nn.Sigmoid()), ("silu", "sigmoid")),
        ((Gate(), nn.SiLU()), ("sigmoid", "silu")),
        ((nn.Identity(), nn.Identity()), ()),
    ],
)
def test_kinds_are_found_in_their_order(layers: tuple[nn.Module, ...], kinds: tuple[str, ...]) -> None:
    first, second = layers
    module = nn.Sequential(nn.Linear(3, 4), first, nn.Linear(4, 4), second, nn.Linear(4, 2))
    assert ProgramArchitecture.from_module(module, torch.zeros(1, 3)).activation_kinds == kinds


def test_lists_of_layers_say_the_same() -> None:
    network = mlp(widths=(3, 4, 4, 2), activations=[Activation("relu"), Activation("sine")])
    assert network.activation_kinds == ("relu", "sine")

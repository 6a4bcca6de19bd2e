"""Networks of the tests of rewriting."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scalegmn.networks import (
    Activate,
    Activation,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    cnn,
    mlp,
    siren,
)
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator

FLAT = LayeredArchitecture(
    (
        Conv("a", 1, 4, (3, 3)),
        Activate(Activation("relu")),
        Pool("max", (2, 2)),
        Flatten((2, 2)),
        Dense("b", 16, 6, bias=False),
        Activate(Activation("prelu"), name="c", count=6),
        Dense("d", 6, 3),
    )
)
PADDED = LayeredArchitecture(
    (
        Conv("a", 1, 4, (3, 3), padding=(1, 1)),
        Activate(Activation("tanh")),
        Pool("max", (2, 2)),
        Conv("b", 4, 5, (3, 3), padding=(1, 1)),
        Activate(Activation("gelu")),
        Pool("average"),
        Flatten((1, 1)),
        Dense("c", 5, 3),
    )
)
NETWORKS: dict[str, tuple[LayeredArchitecture, tuple[int, ...]]] = {
    "relu": (mlp(widths=(3, 5, 6, 2), activations=[Activation("relu")] * 2), (3,)),
    "tanh": (mlp(widths=(3, 5, 6, 2), activations=[Activation("tanh")] * 2), (3,)),
    "squares": (mlp(widths=(3, 5, 6, 2), activations=[Activation("relu_squared")] * 2), (3,)),
    "linear": (mlp(widths=(3, 4, 2), activations=[Activation("identity")]), (3,)),
    "sigmoid": (mlp(widths=(3, 5, 6, 2), activations=[Activation("sigmoid")] * 2), (3,)),
    "sine": (siren(widths=(2, 5, 5, 1), frequency=3.0), (2,)),
    "convolutions": (cnn(channels=(1, 4, 5), activations=[Activation("relu")] * 2), (1, 9, 9)),
    "flattened": (FLAT, (1, 6, 6)),
    "padded": (PADDED, (1, 8, 8)),
}


def drawn(name: str) -> tuple[LayeredArchitecture, Tensor, Tensor]:
    """An architecture, parameters ``(P,)`` and inputs."""
    architecture, shape = NETWORKS[name]
    random = generator(3, name)
    theta = torch.randn(architecture.num_parameters, generator=random, dtype=torch.float64)
    return architecture, theta, torch.randn(7, *shape, generator=random, dtype=torch.float64)


def apart(
    before: tuple[LayeredArchitecture, Tensor], after: tuple[LayeredArchitecture, Tensor], inputs: Tensor
) -> float:
    """The largest difference of answers by the largest answer."""
    first, second = (network.run(theta[None], inputs) for network, theta in (before, after))
    return float((first - second).abs().max() / first.abs().max())


def normed() -> tuple[ProgramArchitecture, Tensor]:
    """A program with a batch norm and a layer norm, and its parameters."""
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 6),
        nn.LayerNorm(6),
        nn.Linear(6, 3),
    )
    random = generator(5, "normed")
    state = {
        name: torch.rand(value.shape, generator=random, dtype=torch.float64) + 0.5
        if value.is_floating_point()
        else value
        for name, value in module.state_dict().items()
    }
    architecture = ProgramArchitecture.from_module(module.double(), torch.zeros(1, 1, 4, 4).double())
    return architecture, architecture.read_state(state)

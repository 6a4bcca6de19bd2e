"""Small networks of many families, with random parameters that hide nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import GroupElement, SymmetryGroup, symmetry_group


class Residual(nn.Module):
    """A block of convolutions and batch norms beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.first, self.first_norm = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.second, self.second_norm = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x)).relu()
        inner = self.first_norm(self.first(x)).relu()
        x = (x + self.second_norm(self.second(inner))).relu()
        return self.head(x.mean((2, 3)))


class Dense(nn.Module):
    """Every convolution reads all maps so far."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv2d(3 + 2 * n, 2, 3, padding=1) for n in range(2))
        self.head = nn.Conv2d(7, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        for layer in self.layers:
            x = torch.cat([x, layer(x).relu()], 1)
        return self.head(x).mean((2, 3))


class Encoder(nn.Module):
    """A block of a transformer with layer norms: two heads of two channels."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.position = nn.Linear(3, 4), nn.Parameter(torch.randn(1, 3, 4))
        self.norm, self.norm2 = nn.LayerNorm(4), nn.LayerNorm(4)
        self.query, self.key = nn.Linear(4, 4), nn.Linear(4, 4)
        self.value, self.out = nn.Linear(4, 4), nn.Linear(4, 4)
        self.up, self.down = nn.Linear(4, 5), nn.Linear(5, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.position
        h = self.norm(x)
        q, k, v = (f(h).unflatten(-1, (2, 2)).transpose(1, 2) for f in (self.query, self.key, self.value))
        h = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.out(h)
        x = x + self.down(functional.gelu(self.up(self.norm2(x))))
        return self.head(x.mean(1))


class Llama(nn.Module):
    """RMS norms, rotary positions, a gated MLP, tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(6, 4)
        self.norm, self.norm2 = nn.RMSNorm(4), nn.RMSNorm(4)
        self.query, self.key = nn.Linear(4, 8, bias=False), nn.Linear(4, 8, bias=False)
        self.value, self.out = nn.Linear(4, 8, bias=False), nn.Linear(8, 4, bias=False)
        self.gate, self.up = nn.Linear(4, 5, bias=False), nn.Linear(4, 5, bias=False)
        self.down, self.head = nn.Linear(5, 4, bias=False), nn.Linear(4, 6, bias=False)
        angles = torch.arange(3.0)[:, None] * torch.tensor([1.0, 0.1])
        self.register_buffer("cos", angles.cos().repeat(1, 2), persistent=False)
        self.register_buffer("sin", angles.sin().repeat(1, 2), persistent=False)

    def turned(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, -1)
        return x * self.cos + torch.cat([-b, a], -1) * self.sin

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        h = self.norm(x)
        q, k, v = (f(h).unflatten(-1, (2, 4)).transpose(1, 2) for f in (self.query, self.key, self.value))
        h = functional.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=True)
        x = x + self.out(h.transpose(1, 2).flatten(2))
        h = self.norm2(x)
        x = x + self.down(functional.silu(self.gate(h)) * self.up(h))
        return self.head(x)


class Mixer(nn.Module):
    """Dense layers over channels, and over positions."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 4)
        self.norm, self.norm2 = nn.LayerNorm(4), nn.LayerNorm(4)
        self.mix, self.unmix = nn.Linear(4, 5), nn.Linear(5, 4)
        self.up, self.down = nn.Linear(4, 5), nn.Linear(5, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        x = x + self.unmix(self.mix(self.norm(x).transpose(1, 2)).relu()).transpose(1, 2)
        x = x + self.down(self.up(self.norm2(x)).relu())
        return self.head(x.mean(1))


class Recurrent(nn.Module):
    """An LSTM whose last state is read."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Tied(nn.Module):
    """The table of tokens is the last layer too."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.up, self.down = nn.Linear(4, 6), nn.Linear(6, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)
        return functional.linear(x + self.down(self.up(x).relu()), self.table.weight)


class Adapted(nn.Module):
    """A matrix plus one of low rank."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 5), nn.Linear(5, 2)
        self.a, self.b = nn.Parameter(torch.randn(2, 3)), nn.Parameter(torch.randn(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(functional.linear(x, self.first.weight + self.b @ self.a, self.first.bias).relu())


class UNet(nn.Module):
    """Down, and up again by a transposed convolution, beside the maps from before."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.down = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 2, stride=2)
        self.up, self.last = nn.ConvTranspose2d(4, 3, 2, stride=2), nn.Conv2d(6, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skipped = self.first(x).relu()
        return self.last(torch.cat([self.up(self.down(skipped).relu()).relu(), skipped], 1))


class Sine(nn.Module):
    """Sines of a fixed frequency."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 5), nn.Linear(5, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last((30 * self.second((30 * self.first(x)).sin())).sin())


def relu_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))


def tanh_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))


def grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 1),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 2),
    )


IMAGE: Final = torch.zeros(1, 2, 5, 5)
TOKENS: Final = torch.tensor([[1, 0, 2]])
FAMILIES: Final[Mapping[str, tuple[Callable[[], nn.Module], Tensor]]] = {
    "relu": (relu_mlp, torch.zeros(1, 3)),
    "tanh": (tanh_mlp, torch.zeros(1, 3)),
    "residual": (Residual, IMAGE),
    "grouped": (grouped, IMAGE),
    "dense": (Dense, IMAGE),
    "encoder": (Encoder, torch.zeros(1, 3, 3)),
    "llama": (Llama, TOKENS),
    "mixer": (Mixer, torch.zeros(1, 4, 3)),
    "lstm": (Recurrent, torch.zeros(1, 3, 2)),
    "tied": (Tied, TOKENS),
    "adapted": (Adapted, torch.zeros(1, 3)),
    "unet": (UNet, torch.zeros(1, 1, 4, 4)),
    "sine": (Sine, torch.zeros(1, 2)),
}


@dataclass(frozen=True, eq=False)
class Network:
    """A network of a family.

    Attributes:
        module: of it.
        architecture: that was traced.
        theta: random parameters, ``(P,)`` float64.
        group: of the program.
    """

    module: nn.Module
    architecture: ProgramArchitecture
    theta: Tensor
    group: SymmetryGroup

    def moved(self, theta: Tensor, element: GroupElement) -> Tensor:
        """Parameters ``(P,)`` after an element of the group."""
        moved = element.apply(self.architecture.unflatten(theta))
        return torch.cat([moved[one.name].reshape(-1) for one in self.architecture.parameters])

    def elements(self, count: int, *, seed: int = 0) -> list[GroupElement]:
        """Random ones, of scales, signs and permutations at once."""
        numbers = generator(seed, "elements")
        return [self.group.random(numbers) for _ in range(count)]

    def rows(self, count: int, *, seed: int = 0) -> Tensor:
        """Parameters of other networks of the architecture, ``(count, P)``."""
        shape = (count, self.architecture.num_parameters)
        return positive(
            self.architecture,
            self.theta + 0.5 * torch.randn(shape, generator=generator(seed, "rows"), dtype=torch.float64),
        )


def positive(architecture: ProgramArchitecture, theta: Tensor) -> Tensor:
    """The same, with variances and their like made positive."""
    for place, described in zip(architecture.parameters, architecture.program.parameters, strict=True):
        if described.positive:
            theta[..., place.start : place.stop] = theta[..., place.start : place.stop].abs() + 0.1
    return theta


def network_of(module: nn.Module, example: object) -> Network:
    """Traced, with random parameters near those of the module."""
    module = module.eval().double()
    architecture = ProgramArchitecture.from_module(module, in_double(example))  # type: ignore[arg-type]
    theta = architecture.read_state(module.state_dict())
    # Gains of 1, biases of 0 and variances of 1 hide mistakes.
    noise = torch.randn(theta.shape, generator=generator(0, "theta"), dtype=torch.float64)
    theta = positive(architecture, theta + 0.3 * noise)
    return Network(module, architecture, theta, symmetry_group(architecture.program))


def in_double(example: object) -> object:
    """Its real tensors in double precision."""
    if isinstance(example, tuple):
        return tuple(in_double(one) for one in example)
    return example.double() if isinstance(example, Tensor) and example.is_floating_point() else example


@lru_cache(maxsize=32)
def family(name: str) -> Network:
    """The same network at every call."""
    build, example = FAMILIES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = build()
    return network_of(module, example)

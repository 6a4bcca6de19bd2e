"""Networks of coordinates: sines, sines with modulation, Fourier features, a field with a view direction."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._entry import Entry, normals, seeded


class SineLayer(nn.Module):
    def __init__(self, inputs: int, outputs: int, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = omega
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.omega * self.linear(x))


class Siren(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(SineLayer(2, 6, 3.0), SineLayer(6, 5, 2.0), nn.Linear(5, 3))

    def forward(self, coordinates: Tensor) -> Tensor:
        return self.net(coordinates)


class FilmSiren(nn.Module):
    """A latent code gives frequency and phase of every sine."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.Linear(6, 2 * (5 + 5)))
        self.layer1 = nn.Linear(2, 5)
        self.layer2 = nn.Linear(5, 5)
        self.out = nn.Linear(5, 1)

    def forward(self, coordinates: Tensor, code: Tensor) -> Tensor:
        frequencies, phases = self.mapping(code).unsqueeze(1).chunk(2, dim=-1)
        frequencies = frequencies * 1.5 + 3.0
        x = torch.sin(frequencies[..., :5] * self.layer1(coordinates) + phases[..., :5])
        x = torch.sin(frequencies[..., 5:] * self.layer2(x) + phases[..., 5:])
        return self.out(x)


class FourierFeatures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.B: Tensor
        self.register_buffer("B", torch.randn(2, 4))
        self.fc1 = nn.Linear(8, 6)
        self.fc2 = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        projected = 2 * math.pi * x @ self.B
        features = torch.cat([torch.sin(projected), torch.cos(projected)], dim=-1)
        return torch.sigmoid(self.fc2(F.relu(self.fc1(features))))


class RadianceField(nn.Module):
    """Positional encoding, a skip that concatenates the input, density and color."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(12, 6)
        self.fc2 = nn.Linear(6 + 12, 6)
        self.density = nn.Linear(6, 1)
        self.feature = nn.Linear(6, 5)
        self.view = nn.Linear(5 + 3, 4)
        self.color = nn.Linear(4, 3)

    def forward(self, position: Tensor, direction: Tensor) -> Tensor:
        bands = 2.0 ** torch.arange(2, dtype=position.dtype, device=position.device)
        angles = (position.unsqueeze(-1) * bands).flatten(-2)
        x = torch.cat([angles.sin(), angles.cos()], -1)
        h = F.relu(self.fc1(x))
        h = F.relu(self.fc2(torch.cat([h, x], -1)))
        density = F.relu(self.density(h))
        v = F.relu(self.view(torch.cat([self.feature(h), direction], -1)))
        return torch.cat([torch.sigmoid(self.color(v)), density], -1)


class PhysicsNet(nn.Module):
    """As physics-informed networks are written: tanh throughout, a list of layers."""

    def __init__(self, widths: tuple[int, ...] = (2, 5, 5, 5, 1)) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        h = torch.cat((x, t), dim=1)
        for layer in self.layers[:-1]:
            h = torch.tanh(layer(h))
        return self.layers[-1](h)


ENTRIES = (
    Entry("siren", "siren", seeded(Siren), normals((2, 2), (5, 2))),
    Entry(
        "film_siren",
        "film-siren",
        seeded(FilmSiren),
        normals(((2, 5, 2), (2, 4)), ((1, 7, 2), (1, 4))),
    ),
    Entry("fourier_features", "fourier features", seeded(FourierFeatures), normals((2, 2), (5, 2))),
    Entry(
        "radiance_field",
        "radiance field",
        seeded(RadianceField),
        normals(((2, 3), (2, 3)), ((5, 3), (5, 3))),
    ),
    Entry(
        "physics_net",
        "physics-informed mlp",
        seeded(PhysicsNet),
        normals(((2, 1), (2, 1)), ((5, 1), (5, 1))),
    ),
)

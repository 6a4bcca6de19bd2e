"""Networks of linear layers, as people write them: classifiers, mixers, sets, adapters, auto-encoders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._entry import Entry, Example, normals, seeded


class MLP(nn.Module):
    def __init__(self, activation: str = "relu") -> None:
        super().__init__()
        self.fc1 = nn.Linear(3, 5)
        self.fc2 = nn.Linear(5, 4)
        self.fc3 = nn.Linear(4, 2)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        act = getattr(torch, self.activation)
        x = act(self.fc1(x))
        x = act(self.fc2(x))
        return self.fc3(x)


class TiedResidual(nn.Module):
    """`h = relu(A x); h = h + relu(B h); C h`: the neurons of both sums are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(3, 6)
        self.b = nn.Linear(6, 6)
        self.c = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.a(x))
        h = h + F.relu(self.b(h))
        return self.c(h)


class QuickStart(nn.Module):
    """A stack of linear layers behind a flattened picture."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.stack = nn.Sequential(
            nn.Linear(4 * 4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 5)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.stack(self.flatten(x))


class ResidualBlock(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(F.gelu(self.up(self.norm(x))))


class ResidualMLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(3, 6)
        self.blocks = nn.ModuleList([ResidualBlock(6, 8) for _ in range(2)])
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class BatchNormMLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 6, bias=False),
            nn.BatchNorm1d(6),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Linear(6, 5),
        )
        self.bn = nn.BatchNorm1d(5, affine=False)
        self.out = nn.Linear(5, 3)
        self.slope = nn.PReLU(5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.slope(self.bn(self.layers(x)))
        return F.log_softmax(self.out(x), dim=-1)


class GatedMLP(nn.Module):
    """SwiGLU and a bilinear layer: products of two activations."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(4, 6, bias=False)
        self.up = nn.Linear(4, 6, bias=False)
        self.down = nn.Linear(6, 4, bias=False)
        self.left = nn.Linear(4, 5)
        self.right = nn.Linear(4, 5)
        self.out = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.down(F.silu(self.gate(x)) * self.up(x))
        return self.out(self.left(x) * self.right(x))


class MixerBlock(nn.Module):
    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(patches, 5), nn.GELU(), nn.Linear(5, patches))
        self.norm2 = nn.LayerNorm(width)
        self.channels = nn.Sequential(nn.Linear(width, 7), nn.GELU(), nn.Linear(7, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class MLPMixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, kernel_size=2, stride=2)
        self.blocks = nn.Sequential(MixerBlock(4, 6), MixerBlock(4, 6))
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = self.norm(self.blocks(x))
        return self.head(x.mean(dim=1))


class DeepSets(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.rho(self.phi(x).sum(dim=1))


class PointNet(nn.Module):
    """Points by the same convolutions of width one, and the largest of all points."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(3, 5, 1)
        self.bn1 = nn.BatchNorm1d(5)
        self.conv2 = nn.Conv1d(5, 6, 1)
        self.head = nn.Linear(6, 4)

    def forward(self, points: Tensor) -> Tensor:
        x = points.transpose(2, 1)
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.conv2(x)
        x = torch.max(x, 2, keepdim=True)[0].view(-1, 6)
        return self.head(x)


class LowRankLinear(nn.Module):
    """A layer with a low-rank adapter: `W x + s B A x`."""

    def __init__(self, inputs: int, outputs: int, rank: int, alpha: float = 3.0) -> None:
        super().__init__()
        self.base = nn.Linear(inputs, outputs)
        self.A = nn.Parameter(torch.zeros(rank, inputs))
        self.B = nn.Parameter(torch.zeros(outputs, rank))
        self.scaling = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + (x @ self.A.T @ self.B.T) * self.scaling


class LowRankAdapters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = LowRankLinear(4, 6, rank=2)
        self.second = LowRankLinear(6, 3, rank=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.relu(self.first(x)))


class TiedAutoencoder(nn.Module):
    """The decoder's matrix is the encoder's, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(6, 4)
        self.decoder_bias = nn.Parameter(torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        code = torch.sigmoid(self.encoder(x))
        return F.linear(code, self.encoder.weight.t(), self.decoder_bias)


class VariationalAutoencoder(nn.Module):
    """One hidden layer, two heads; the noise is an input."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(6, 5)
        self.mean = nn.Linear(5, 2)
        self.log_variance = nn.Linear(5, 2)
        self.fc3 = nn.Linear(2, 5)
        self.fc4 = nn.Linear(5, 6)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.fc1(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + noise * torch.exp(0.5 * log_variance)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mean, log_variance


class GraphConvolution(nn.Module):
    """Two graph convolutions with a dense adjacency matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.weight1 = nn.Parameter(torch.zeros(3, 6))
        self.bias1 = nn.Parameter(torch.zeros(6))
        self.lin2 = nn.Linear(6, 2)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        degree = adjacency.sum(dim=-1, keepdim=True).clamp(min=1)
        h = torch.matmul(adjacency, torch.matmul(x, self.weight1)) / degree + self.bias1
        return torch.matmul(adjacency, self.lin2(F.elu(h))) / degree


class SoftExperts(nn.Module):
    """A mixture of experts with dense gates; the experts' matrices are stacked."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(4, 3)
        self.w1 = nn.Parameter(torch.zeros(3, 4, 5))
        self.w2 = nn.Parameter(torch.zeros(3, 5, 2))

    def forward(self, x: Tensor) -> Tensor:
        gates = self.gate(x).softmax(dim=-1)
        hidden = torch.einsum("bi,eih->beh", x, self.w1).relu()
        out = torch.einsum("beh,eho->beo", hidden, self.w2)
        return (gates.unsqueeze(-1) * out).sum(dim=1)


class WeightNormMLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.utils.parametrizations.weight_norm(nn.Linear(3, 5))
        self.fc2 = nn.utils.parametrizations.weight_norm(nn.Linear(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.softplus(self.fc1(x)))


def _graphs() -> tuple[Example, Example]:
    """Features of nodes, and which nodes are joined."""
    first, second = ((x, (links > 0).to(x.dtype)) for x, links in GRAPHS())
    return first, second


GRAPHS = normals(((2, 4, 3), (2, 4, 4)), ((1, 5, 3), (1, 5, 5)))

ENTRIES = (
    Entry("mlp_relu", "mlp", seeded(MLP), normals((2, 3), (5, 3))),
    Entry("mlp_tanh", "mlp", seeded(lambda: MLP("tanh")), normals((2, 3), (5, 3))),
    Entry("tied_residual", "residual mlp", seeded(TiedResidual), normals((2, 3), (5, 3))),
    Entry("quick_start", "mlp", seeded(QuickStart), normals((2, 1, 4, 4), (3, 1, 4, 4))),
    Entry("residual_mlp", "residual mlp", seeded(ResidualMLP), normals((2, 3), (5, 3))),
    Entry("batch_norm_mlp", "mlp with batch norm", seeded(BatchNormMLP), normals((2, 4), (5, 4))),
    Entry("gated_mlp", "gated mlp", seeded(GatedMLP), normals((2, 4), (5, 4))),
    Entry("mlp_mixer", "mlp-mixer", seeded(MLPMixer), normals((2, 3, 4, 4), (3, 3, 4, 4))),
    Entry("deep_sets", "deep sets", seeded(DeepSets), normals((2, 4, 3), (1, 6, 3))),
    Entry("point_net", "point net", seeded(PointNet), normals((2, 5, 3), (1, 7, 3))),
    Entry("low_rank_adapters", "low-rank adapters", seeded(LowRankAdapters), normals((2, 4), (5, 4))),
    Entry("tied_autoencoder", "autoencoder", seeded(TiedAutoencoder), normals((2, 6), (3, 6))),
    Entry(
        "variational_autoencoder",
        "autoencoder",
        seeded(VariationalAutoencoder),
        normals(((2, 6), (2, 2)), ((3, 6), (3, 2))),
    ),
    Entry("graph_convolution", "graph network", seeded(GraphConvolution), _graphs),
    Entry("soft_experts", "mixture of experts", seeded(SoftExperts), normals((2, 4), (5, 4))),
    Entry("weight_norm_mlp", "weight norm", seeded(WeightNormMLP), normals((2, 3), (5, 3))),
)

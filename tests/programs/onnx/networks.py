"""Networks twice: as ONNX files, written node by node, and as modules of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .graphs import Graph


@final
@dataclass(frozen=True)
class Twins:
    """One network in two forms.

    Attributes:
        graph: writes the file.
        module: of the same shapes.
        shape: of the input.
        dtype: of its numbers.
    """

    graph: Callable[[], Graph]
    module: Callable[[], nn.Module]
    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32


def _mlp() -> Graph:
    graph = Graph()
    x = graph.input("x", ("batch", 3))
    for number, (inner, outer) in enumerate(((3, 5), (5, 4), (4, 2))):
        given = [graph.weight(f"{number}.weight", (outer, inner)), graph.weight(f"{number}.bias", (outer,))]
        x = graph.node("Gemm", [x, *given], transB=1)
        x = graph.node("Relu", [x]) if number < 2 else x
    graph.output(x)
    return graph


def _mlp_module() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))


def _transposed_mlp() -> Graph:
    """Weights as the older exporter writes them: transposed, under new names, and a bias of one number."""
    graph = Graph()
    x = graph.node("MatMul", [graph.input("x", (2, 7, 3)), graph.weight("onnx::MatMul_12", (3, 5))])
    x = graph.node("Tanh", [graph.node("Add", [graph.weight("first.bias", (5,)), x])])
    x = graph.node("MatMul", [x, graph.weight("onnx::MatMul_13", (5, 1))])
    x = graph.node("Add", [graph.weight("second.bias", (1,)), x])
    x = graph.node("Tanh", [x])
    graph.output(graph.node("MatMul", [x, graph.weight("onnx::MatMul_14", (1, 2))]))
    return graph


def _transposed_mlp_module() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1), nn.Tanh(), nn.Linear(1, 2, bias=False))


def _norm(graph: Graph, x: str, name: str, channels: int) -> str:
    given = [graph.weight(f"{name}.weight", (channels,)), graph.weight(f"{name}.bias", (channels,))]
    mean = graph.weight(f"{name}.running_mean", (channels,))
    variance = graph.weight(f"{name}.running_var", (channels,), positive=True)
    return graph.node("BatchNormalization", [x, *given, mean, variance])


def _cnn() -> Graph:
    graph = Graph()
    x = graph.input("x", ("N", 3, 12, 12))
    for number, (inner, outer) in enumerate(((3, 4), (4, 5))):
        given = [
            graph.weight(f"{number}.weight", (outer, inner, 3, 3)),
            graph.weight(f"{number}.bias", (outer,)),
        ]
        x = graph.node("Conv", [x, *given], kernel_shape=[3, 3])
        x = graph.node("Relu", [_norm(graph, x, f"bn{number}", outer)])
    x = graph.node("Flatten", [graph.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])])
    given = [graph.weight("fc.weight", (2, 80)), graph.weight("fc.bias", (2,))]
    graph.output(graph.node("Gemm", [x, *given], transB=1))
    return graph


def _cnn_module() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(80, 2)),
    )


def _resnet() -> Graph:
    graph = Graph()
    x = graph.node("Conv", [graph.input("x", (1, 3, 8, 8)), graph.weight("stem.weight", (4, 3, 3, 3))])
    x = graph.node("Relu", [_norm(graph, x, "stem_bn", 4)])
    y = graph.node("Conv", [x, graph.weight("conv1.weight", (4, 4, 3, 3))], pads=[1, 1, 1, 1])
    y = graph.node("Relu", [_norm(graph, y, "bn1", 4)])
    y = graph.node("Conv", [y, graph.weight("conv2.weight", (4, 4, 3, 3))], pads=[1, 1, 1, 1])
    x = graph.node("Relu", [graph.node("Add", [_norm(graph, y, "bn2", 4), x])])
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    given = [graph.weight("fc.weight", (2, 4)), graph.weight("fc.bias", (2,))]
    graph.output(graph.node("Gemm", [x, *given], transB=1))
    return graph


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem_bn(self.stem(x)))
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return self.fc(F.relu(x + y).mean(dim=(2, 3)))


def _layer_norm(graph: Graph, x: str, name: str, *, taken_apart: bool) -> str:
    given = [graph.weight(f"{name}.weight", (8,)), graph.weight(f"{name}.bias", (8,))]
    if not taken_apart:
        return graph.node("LayerNormalization", [x, *given], axis=-1)
    # As files before version 17 have it.
    axes = graph.tensor(f"{name}.axes", np.array([-1]))
    centered = graph.node("Sub", [x, graph.node("ReduceMean", [x, axes])])
    square = graph.node("Pow", [centered, graph.tensor(f"{name}.two", np.float64(2.0))])
    variance = graph.node("ReduceMean", [square, axes])
    root = graph.node("Sqrt", [graph.node("Add", [variance, graph.tensor(f"{name}.eps", np.float64(1e-5))])])
    y = graph.node("Mul", [graph.node("Div", [centered, root]), given[0]])
    return graph.node("Add", [y, given[1]])


def _affine(graph: Graph, x: str, name: str, inner: int, outer: int) -> str:
    product = graph.node("MatMul", [x, graph.weight(f"{name}.weight", (inner, outer))])
    return graph.node("Add", [product, graph.weight(f"{name}.bias", (outer,))])


def _heads(graph: Graph, x: str, name: str, tokens: int, *, keys: bool = False) -> str:
    parts = graph.node("Reshape", [x, graph.tensor(f"{name}.heads", np.array([0, tokens, 2, 4]))])
    return graph.node("Transpose", [parts], perm=[0, 2, 3, 1] if keys else [0, 2, 1, 3])


def _block(graph: Graph, x: str, tokens: int, *, taken_apart: bool) -> str:
    """A block of a transformer, 8 wide, with 2 heads; the scores are divided by a number of the code."""
    y = _layer_norm(graph, x, "norm1", taken_apart=taken_apart)
    q, k, v = (_affine(graph, y, name, 8, 8) for name in ("q", "k", "v"))
    scores = graph.node("MatMul", [_heads(graph, q, "q", tokens), _heads(graph, k, "k", tokens, keys=True)])
    scores = graph.node("Div", [scores, graph.tensor("root", np.float64(2.0))])
    mixed = graph.node("MatMul", [graph.node("Softmax", [scores]), _heads(graph, v, "v", tokens)])
    mixed = graph.node("Transpose", [mixed], perm=[0, 2, 1, 3])
    mixed = graph.node("Reshape", [mixed, graph.tensor("joined", np.array([0, 0, -1]))])
    x = graph.node("Add", [x, _affine(graph, mixed, "out", 8, 8)])
    y = _affine(graph, _layer_norm(graph, x, "norm2", taken_apart=taken_apart), "up", 8, 12)
    # relu, so that the hidden channels have scales.
    return graph.node("Add", [x, _affine(graph, graph.node("Relu", [y]), "down", 12, 8)])


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        q, k, v = (m(y).unflatten(-1, (2, 4)).transpose(1, 2) for m in (self.q, self.k, self.v))
        scores = q @ k.transpose(2, 3) / 2.0
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
        return x + self.down(F.relu(self.up(self.norm2(x))))


def _vit() -> Graph:
    graph = Graph()
    x = graph.input("x", ("batch", 3, 8, 8))
    given = [graph.weight("patch.weight", (8, 3, 4, 4)), graph.weight("patch.bias", (8,))]
    x = graph.node("Conv", [x, *given], strides=[4, 4])
    x = graph.node("Reshape", [x, graph.tensor("flat", np.array([0, 8, -1]))])
    x = graph.node("Transpose", [x], perm=[0, 2, 1])
    x = graph.node("Concat", [graph.weight("token", (1, 1, 8)), x], axis=1)
    x = graph.node("Add", [x, graph.weight("positions", (1, 5, 8))])
    x = _block(graph, x, 5, taken_apart=False)
    x = graph.node("Gather", [x, graph.tensor("first", np.array(0))], axis=1)
    given = [graph.weight("head.weight", (2, 8)), graph.weight("head.bias", (2,))]
    graph.output(graph.node("Gemm", [x, *given], transB=1))
    return graph


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.block, self.head = nn.Conv2d(3, 8, 4, stride=4), Block(), nn.Linear(8, 2)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 5, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token, x], dim=1) + self.positions
        return self.head(self.block(x)[:, 0])


def _language_model() -> Graph:
    """Tokens in, a causal mask that is a constant of infinities, norms taken apart."""
    graph = Graph()
    x = graph.node("Gather", [graph.weight("embedding.weight", (11, 8)), graph.input("x", (1, 6), "int64")])
    x = _block(graph, x, 6, taken_apart=True)
    x = _layer_norm(graph, x, "norm", taken_apart=True)
    graph.output(graph.node("MatMul", [x, graph.weight("onnx::MatMul_99", (8, 11))]))
    return graph


class LanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.block, self.norm = nn.Embedding(11, 8), Block(), nn.LayerNorm(8)
        self.head = nn.Linear(8, 11, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.block(self.embedding(x))))


def _autoencoder() -> Graph:
    graph = Graph()
    x = graph.input("x", (1, 1, 8, 8))
    given = [graph.weight("down.weight", (4, 1, 3, 3)), graph.weight("down.bias", (4,))]
    x = graph.node(
        "LeakyRelu", [graph.node("Conv", [x, *given], strides=[2, 2], pads=[1, 1, 1, 1])], alpha=0.1
    )
    given = [graph.weight("up.weight", (4, 3, 4, 4)), graph.weight("up.bias", (3,))]
    x = graph.node("Relu", [graph.node("ConvTranspose", [x, *given], strides=[2, 2], pads=[1, 1, 1, 1])])
    scales = graph.tensor("scales", np.array([1.0, 1.0, 2.0, 2.0], dtype="float32"))
    x = graph.node("Resize", [x, "", scales], mode="linear", coordinate_transformation_mode="half_pixel")
    given = [graph.weight("last.weight", (1, 3, 3, 3)), graph.weight("last.bias", (1,))]
    graph.output(graph.node("Sigmoid", [graph.node("Conv", [x, *given])]))
    return graph


def _autoencoder_module() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.LeakyReLU(0.1)),
        *(nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), nn.ReLU()),
        *(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(3, 1, 3), nn.Sigmoid()),
    )


def _siren() -> Graph:
    graph = Graph()
    x = graph.input("x", ("n", 2))
    omega = graph.tensor("omega", np.float64(30.0))
    for number, (inner, outer) in enumerate(((2, 6), (6, 5))):
        given = [graph.weight(f"{number}.weight", (outer, inner)), graph.weight(f"{number}.bias", (outer,))]
        x = graph.node("Sin", [graph.node("Mul", [omega, graph.node("Gemm", [x, *given], transB=1)])])
    graph.output(
        graph.node("Gemm", [x, graph.weight("2.weight", (1, 5)), graph.weight("2.bias", (1,))], transB=1)
    )
    return graph


class Siren(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 6), nn.Linear(6, 5), nn.Linear(5, 1)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.sin(30.0 * layer(x))
        return self.layers[-1](x)


NETWORKS = {
    "perceptron": Twins(_mlp, _mlp_module, (1, 3)),
    "transposed weights": Twins(_transposed_mlp, _transposed_mlp_module, (2, 7, 3)),
    "convolutions with batch norm": Twins(_cnn, _cnn_module, (1, 3, 12, 12)),
    "residual block": Twins(_resnet, ResNet, (1, 3, 8, 8)),
    "vision transformer": Twins(_vit, ViT, (1, 3, 8, 8)),
    "language model": Twins(_language_model, LanguageModel, (1, 6), torch.int64),
    "autoencoder": Twins(_autoencoder, _autoencoder_module, (1, 1, 8, 8)),
    "sine network": Twins(_siren, Siren, (1, 2)),
}

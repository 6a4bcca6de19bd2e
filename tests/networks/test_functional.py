"""Running many networks at once gives what PyTorch gives one by one."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    Skip,
    activation_kinds,
    mlp,
    run,
    siren,
)
from scalegmn.networks.modules import ShiftModule, Sine, read_module

VECTORS, IMAGES = (6, 3), (6, 3, 11, 11)

MODULES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear": (nn.Sequential(nn.Linear(3, 2)), VECTORS),
    "mlp": (nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4, bias=False), nn.Tanh()), VECTORS),
    "siren": (nn.Sequential(nn.Linear(3, 5), Sine(3.0), nn.Linear(5, 1), ShiftModule(0.5)), VECTORS),
    "prelu": (
        nn.Sequential(nn.Linear(3, 5), nn.PReLU(5), nn.Linear(5, 4), nn.PReLU(), nn.Linear(4, 2)),
        VECTORS,
    ),
    "softmax": (
        nn.Sequential(nn.Linear(3, 5), nn.Softmax(dim=1), nn.Linear(5, 4), nn.LogSoftmax(-1)),
        VECTORS,
    ),
    "flattened": (nn.Sequential(nn.Flatten(), nn.Linear(363, 2)), IMAGES),
    "conv": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 2, (2, 3), bias=False)), IMAGES),
    "conv options": (
        nn.Sequential(
            nn.Conv2d(3, 6, 3, stride=(2, 1), padding=(1, 2)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(6, 6, 3, padding="same", dilation=2, groups=3),
            nn.PReLU(6),
            nn.Conv2d(6, 4, 1, groups=2, padding="valid"),
        ),
        IMAGES,
    ),
    "depthwise": (nn.Sequential(nn.Conv2d(3, 9, 3, groups=3), nn.ReLU(), nn.Conv2d(9, 2, 1)), IMAGES),
    "max pool": (
        nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 4, 2), nn.GELU(), nn.MaxPool2d(3, 1, padding=1)),
        IMAGES,
    ),
    "average pool": (
        nn.Sequential(nn.Conv2d(3, 4, 2), nn.ELU(), nn.AvgPool2d((3, 2), (1, 2), padding=1)),
        IMAGES,
    ),
    "classifier": (
        nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, stride=2), nn.ReLU(), nn.Dropout2d(0.5)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Sequential(nn.Linear(4, 5), nn.Softsign(), nn.Dropout(0.5), nn.Linear(5, 3)),
        ),
        IMAGES,
    ),
    "flattened maps": (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 5)),
        IMAGES,
    ),
    "whole map": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveMaxPool2d((1, 1)), nn.Flatten()), IMAGES),
    "softmax of maps": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softmax(dim=1), nn.Conv2d(4, 2, 1)), IMAGES),
}


def several(module: nn.Module, count: int = 3) -> list[nn.Module]:
    """Copies with other parameters, in float64 and as trained networks run."""
    copies = [copy.deepcopy(module).double().eval() for _ in range(count)]
    for copied in copies:
        for parameter in copied.parameters():
            nn.init.normal_(parameter, std=0.5)
    return copies


def packed(modules: list[nn.Module]) -> tuple[Architecture, Tensor]:
    read = [read_module(module) for module in modules]
    assert len({architecture for architecture, _ in read}) == 1
    return read[0][0], torch.stack([theta for _, theta in read])


@pytest.mark.parametrize("name", MODULES)
def test_same_as_pytorch(name: str) -> None:
    module, shape = MODULES[name]
    modules = several(module)
    architecture, theta = packed(modules)
    shared = torch.randn(*shape, dtype=torch.float64)
    own = torch.randn(len(modules), *shape, dtype=torch.float64)
    outputs = run(architecture, theta, shared)
    torch.testing.assert_close(outputs, torch.stack([m(shared) for m in modules]), rtol=1e-12, atol=1e-12)
    outputs = run(architecture, theta, own)
    expected = torch.stack([m(x) for m, x in zip(modules, own, strict=True)])
    torch.testing.assert_close(outputs, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MODULES)
def test_batch_is_the_same_as_one_by_one(name: str) -> None:
    module, shape = MODULES[name]
    architecture, theta = packed(several(module))
    x = torch.randn(*shape, dtype=torch.float64)
    alone = torch.cat([run(architecture, row[None], x) for row in theta])
    torch.testing.assert_close(run(architecture, theta, x), alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["mlp", "siren", "prelu", "conv options", "flattened maps"])
def test_gradients_are_those_of_pytorch(name: str) -> None:
    module, shape = MODULES[name]
    modules = several(module)
    architecture, theta = packed(modules)
    theta.requires_grad_()
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    run(architecture, theta, x).square().sum().backward()
    y = x.detach().clone().requires_grad_()
    sum(m(y).square().sum() for m in modules).backward()  # type: ignore[union-attr]
    torch.testing.assert_close(x.grad, y.grad)
    state = [{name: p.grad for name, p in m.named_parameters()} for m in modules]
    expected = torch.stack([architecture.flatten(grads) for grads in state])  # type: ignore[arg-type]
    torch.testing.assert_close(theta.grad, expected)


@pytest.mark.parametrize("kind", [kind.name for kind in activation_kinds()])
def test_every_activation(kind: str) -> None:
    architecture = mlp(widths=(2, 4, 1), activations=[Activation(kind)])
    # Double precision: sines of large frequency magnify how sums are rounded.
    theta = torch.randn(3, architecture.num_parameters, dtype=torch.float64)
    x = torch.randn(5, 2, dtype=torch.float64)
    outputs = run(architecture, theta, x)
    for row, output in zip(theta, outputs, strict=True):
        w0, b0, w1, b1 = architecture.unflatten(row).values()
        torch.testing.assert_close(output, F.linear(Activation(kind)(F.linear(x, w0, b0)), w1, b1))


def test_skips_of_vectors() -> None:
    architecture = LayeredArchitecture(
        (
            Dense("a", 2, 4),
            Activate(Activation("tanh")),
            Dense("b", 4, 4),
            Activate(Activation("relu")),
            Dense("c", 4, 3),
        ),
        (Skip(0, 1, 4), Skip(0, 2, 2), Skip(1, 2, 1)),
    )
    theta = torch.randn(2, architecture.num_parameters, dtype=torch.float64)
    x = torch.randn(5, 2, dtype=torch.float64)
    for row, output in zip(theta, run(architecture, theta, x), strict=True):
        wa, ba, wb, bb, wc, bc = architecture.unflatten(row).values()
        a = torch.tanh(x @ wa.T + ba)
        b = torch.relu(a @ wb.T + bb + a)
        c = b @ wc.T + bc
        c[:, :2] += a[:, :2]
        c[:, :1] += b[:, :1]
        torch.testing.assert_close(output, c)


def test_skips_of_maps() -> None:
    layers = (
        Conv("a", 1, 4, (3, 3), padding=(1, 1)),
        Activate(Activation("relu")),
        Conv("b", 4, 6, (3, 3), padding=(1, 1)),
        Pool("average"),
        Flatten((1, 1)),
        Dense("c", 6, 6),
    )
    architecture = LayeredArchitecture(layers, (Skip(0, 1, 4), Skip(1, 2, 5)))
    theta = torch.randn(2, architecture.num_parameters, dtype=torch.float64)
    x = torch.randn(5, 1, 7, 7, dtype=torch.float64)
    for row, output in zip(theta, run(architecture, theta, x), strict=True):
        wa, ba, wb, bb, wc, bc = architecture.unflatten(row).values()
        a = torch.relu(F.conv2d(x, wa, ba, padding=1))
        b = F.conv2d(a, wb, bb, padding=1)
        b[:, :4] += a
        b = b.mean(dim=(2, 3))
        c = b @ wc.T + bc
        c[:, :5] += b[:, :5]
        torch.testing.assert_close(output, c)


def test_skip_between_maps_of_different_sizes() -> None:
    layers = (Conv("a", 1, 2, (3, 3)), Conv("b", 2, 2, (3, 3)))
    architecture = LayeredArchitecture(layers, (Skip(0, 1, 2),))
    with pytest.raises(ArchitectureError, match=r"maps of sizes \(5, 5\) and \(3, 3\)"):
        run(architecture, torch.zeros(1, architecture.num_parameters), torch.zeros(1, 1, 7, 7))


@pytest.mark.parametrize(
    ("theta", "inputs", "message"),
    [
        ((1185,), (5, 2), r"theta has shape \(1185,\), expected \(B, P\)"),
        ((4, 1184), (5, 2), "a vector of 1184 parameters does not fit 2-32-32-1"),
        ((4, 1185), (2,), r"inputs of shape \(2,\) for 4 networks 2-32-32-1"),
        ((4, 1185), (3, 5, 2), r"inputs of shape \(3, 5, 2\) for 4 networks"),
        ((4, 1185), (1, 4, 5, 2), r"inputs of shape \(1, 4, 5, 2\) for 4 networks"),
        ((4, 1185), (5, 3), "3 features or channels, but layer 'seq.0' takes 2"),
    ],
)
def test_shapes_that_do_not_fit(theta: tuple[int, ...], inputs: tuple[int, ...], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        run(siren(), torch.zeros(theta), torch.zeros(inputs))


def test_wrong_number_of_channels() -> None:
    architecture = LayeredArchitecture((Conv("a", 3, 4, (3, 3)),))
    with pytest.raises(ArchitectureError, match="1 features or channels, but layer 'a' takes 3"):
        run(architecture, torch.zeros(1, architecture.num_parameters), torch.zeros(2, 1, 5, 5))

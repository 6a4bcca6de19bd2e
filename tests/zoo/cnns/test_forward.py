from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    cnn,
    run,
)
from scalegmn.testing.architectures import (
    IMAGE,
    random_cnn,
    random_mlp,
    random_residual_cnn,
    random_residual_mlp,
)
from scalegmn.zoo.cnns import forward


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inputs_of(architecture: Architecture, networks: int, dice: torch.Generator) -> Tensor:
    """Random inputs ``(B, n, *features)``."""
    convolutional = isinstance(architecture.stages[0].weighted, Conv)
    size = (architecture.num_inputs, *IMAGE) if convolutional else (architecture.num_inputs,)
    return torch.randn(networks, 4, *size, generator=dice, dtype=torch.float64)


def as_maps(x: Tensor) -> Tensor:
    """From ``(B, n, C, H, W)`` to ``(B, H, C, W, n)``, or from ``(B, n, F)`` to ``(B, F, n)``."""
    return (x.permute(0, 3, 2, 4, 1) if x.ndim == 5 else x.mT).contiguous()


def outputs_of(x: Tensor) -> Tensor:
    """The way back."""
    return x.permute(0, 4, 2, 1, 3) if x.ndim == 5 else x.mT


def check(architecture: Architecture, theta: Tensor, x: Tensor) -> None:
    """Values and gradients are those of `run`, for own and for common inputs."""
    theta.requires_grad_()
    for own, common in ((x, as_maps(x)), (x[0], as_maps(x[:1]))):
        wanted = run(architecture, theta, own)
        found = outputs_of(forward(architecture, architecture.unflatten(theta), common))
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
        weights = torch.randn(wanted.shape, generator=generator(1), dtype=torch.float64)
        gradients = [torch.autograd.grad((y * weights).sum(), theta)[0] for y in (found, wanted)]
        torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("make", [random_mlp, random_residual_mlp, random_cnn, random_residual_cnn])
@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_function_of_the_networks(make: Callable[..., Architecture], seed: int) -> None:
    dice = generator(seed)
    architecture = make(generator=dice)
    theta = 0.4 * torch.randn(3, architecture.num_parameters, generator=dice, dtype=torch.float64)
    check(architecture, theta, inputs_of(architecture, 3, dice))


@pytest.mark.parametrize("make", [random_residual_mlp, random_residual_cnn])
@pytest.mark.parametrize("seed", range(8))
def test_without_gradients_the_function_is_the_same(make: Callable[..., Architecture], seed: int) -> None:
    dice = generator(seed)
    architecture = make(generator=dice)
    theta = 0.4 * torch.randn(3, architecture.num_parameters, generator=dice, dtype=torch.float64)
    state, inputs = architecture.unflatten(theta), as_maps(inputs_of(architecture, 3, dice))
    before = inputs.clone()
    wanted = forward(architecture, state, inputs)
    with torch.no_grad():
        assert torch.equal(forward(architecture, state, inputs), wanted)
    assert torch.equal(inputs, before)


# Channels on both sides of the number from which convolutions need no copies.
@pytest.mark.parametrize("inputs", [1, 3, 8])
@pytest.mark.parametrize(
    "sizes",
    [
        ((3, 3), (2, 2), (0, 0), (1, 1), 1),
        ((3, 3), (2, 2), (1, 1), (1, 1), 1),
        ((5, 5), (1, 1), (2, 2), (1, 1), 1),
        ((7, 7), (1, 1), (3, 3), (1, 1), 1),
        ((2, 5), (3, 2), (1, 0), (1, 1), 1),
        ((3, 2), (1, 3), (2, 1), (2, 1), 1),
        ((1, 1), (2, 1), (1, 2), (1, 1), 1),
        ((3, 3), (1, 2), (1, 1), (1, 1), 2),
    ],
)
def test_every_shape_of_convolution(inputs: int, sizes: tuple[tuple[int, int], ...]) -> None:
    kernel, stride, padding, dilation, groups = sizes
    layers = (
        # Something before it, so that its gradient by the map matters.
        Conv("before", 2, 2 * inputs, (1, 1)),
        Activate(Activation("tanh")),
        Conv("it", 2 * inputs, 4, kernel, stride, padding, dilation, int(groups), bias=inputs > 1),  # type: ignore[call-overload]
    )
    architecture = LayeredArchitecture(layers)
    dice = generator(0)
    theta = torch.randn(2, architecture.num_parameters, generator=dice, dtype=torch.float64)
    check(architecture, theta, torch.randn(2, 3, 2, 8, 9, generator=dice, dtype=torch.float64))


def test_flattened_images() -> None:
    layers = (Flatten(), Dense("a", 2 * 3 * 4, 5), Activate(Activation("relu")), Dense("b", 5, 2))
    architecture = LayeredArchitecture(layers)
    dice = generator(0)
    theta = torch.randn(2, architecture.num_parameters, generator=dice, dtype=torch.float64)
    check(architecture, theta, torch.randn(2, 5, 2, 3, 4, generator=dice, dtype=torch.float64))


def test_a_part_of_a_larger_tensor_is_read_at_its_place() -> None:
    architecture = cnn(channels=(8, 4), classes=3, activations=[Activation("relu")])
    dice = generator(0)
    theta = torch.randn(2, architecture.num_parameters, generator=dice, dtype=torch.float64)
    x = torch.randn(5, 3, 8, 7, 7, generator=dice, dtype=torch.float64)
    state = architecture.unflatten(theta)
    found = forward(architecture, state, as_maps(x)[3:])
    torch.testing.assert_close(outputs_of(found), run(architecture, theta, x[3:]))


def test_masks_stand_behind_hidden_activations() -> None:
    architecture = cnn(channels=(1, 2, 3), classes=4, activations=[Activation("relu"), Activation("tanh")])
    theta = torch.randn(2, architecture.num_parameters, generator=generator(0))
    seen: list[tuple[int, ...]] = []

    def drop(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape))
        return torch.zeros_like(x)

    y = forward(architecture, architecture.unflatten(theta), torch.randn(2, 9, 1, 9, 5), drop=drop)
    assert seen == [(2, 4, 2, 4, 5), (2, 1, 3, 1, 5)]
    bias = architecture.unflatten(theta)["dense.bias"]
    torch.testing.assert_close(y, bias[:, :, None].expand(2, 4, 5))


def test_a_map_that_is_too_small_is_an_error() -> None:
    architecture = cnn(channels=(1, 2, 2), activations=[Activation("relu")] * 2)
    state = architecture.unflatten(torch.zeros(1, architecture.num_parameters))
    with pytest.raises(ArchitectureError, match=r"conv\.1.*2 x 2"):
        forward(architecture, state, torch.zeros(1, 5, 1, 5, 2))

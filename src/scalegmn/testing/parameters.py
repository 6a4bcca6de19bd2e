"""Random parameters of networks, random inputs for them, and random weights of metanetworks."""

from __future__ import annotations

import itertools
from typing import TypeVar

import torch
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    CONSTANT,
    Architecture,
    Dense,
    Flatten,
    LayeredArchitecture,
    Role,
    run,
    topology_of,
)
from scalegmn.testing.architectures import ELEMENTWISE, random_architecture

M = TypeVar("M", bound=nn.Module)


def random_parameters(
    architecture: Architecture,
    count: int,
    *,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float64,
    zeros: float = 0.0,
    zero_biases: float = 0.0,
    dead: float = 0.0,
) -> Tensor:
    """Parameters of `count` networks, ``(count, P)``: normal, weights divided by the root of their number.

    Args:
        architecture: of all networks.
        count: how many.
        generator: source of randomness.
        dtype: of the result; the values are drawn in float64 and do not depend on it.
        zeros: fraction of the weights that are exactly 0.
        zero_biases: fraction of the biases that are exactly 0.
        dead: fraction of the hidden neurons whose incoming weights and bias are all 0.
    """
    top = topology_of(architecture)
    shape = (count, architecture.num_parameters)
    theta = torch.randn(shape, generator=generator, dtype=torch.float64)
    taps = top.tap_parameter != CONSTANT
    places, target = top.tap_parameter[taps], top.target[top.tap_edge[taps]]
    fan_in = torch.bincount(target, minlength=top.num_nodes).double()
    theta[:, places] /= fan_in[target].sqrt()

    def chosen(probability: float, size: int) -> Tensor:
        return torch.rand(count, size, generator=generator) < probability

    theta[:, places] = theta[:, places].masked_fill(chosen(zeros, places.numel()), 0)
    biased = top.bias_parameter != CONSTANT
    biases = top.bias_parameter[biased]
    theta[:, biases] = theta[:, biases].masked_fill(chosen(zero_biases, biases.numel()), 0)
    neurons = chosen(dead, top.num_nodes) & (top.node_role == int(Role.hidden))
    theta[:, places] = theta[:, places].masked_fill(neurons[:, target], 0)
    theta[:, biases] = theta[:, biases].masked_fill(neurons[:, biased], 0)
    return theta.to(dtype)


def random_networks(
    *,
    generator: torch.Generator,
    architectures: int,
    count: int = 3,
    dtype: torch.dtype = torch.float64,
    kinds: tuple[str, ...] = ELEMENTWISE,
) -> list[tuple[LayeredArchitecture, Tensor]]:
    """`count` networks of each of several random architectures, some with zeros and dead neurons."""
    networks = []
    for number in range(architectures):
        architecture = random_architecture(generator=generator, kinds=kinds)
        fraction = 0.0 if number % 2 == 0 else 0.2
        theta = random_parameters(
            architecture,
            count,
            generator=generator,
            dtype=dtype,
            zeros=fraction,
            zero_biases=fraction,
            dead=fraction,
        )
        networks.append((architecture, theta))
    return networks


def input_shape(architecture: Architecture) -> tuple[int, ...]:
    """Features of one input: ``(F,)`` for dense networks, ``(C, H, W)`` with square maps for others.

    Raises:
        ArchitectureError: no square map up to 64 x 64 fits.
    """
    channels = architecture.num_inputs
    layered = architecture.layered(reader="random_inputs")
    if isinstance(layered.stages[0].weighted, Dense):
        flattens = any(isinstance(layer, Flatten) for layer in layered.leading)
        return (1, 1, channels) if flattens else (channels,)
    theta = torch.zeros(1, architecture.num_parameters)
    # Small maps cost little; very small ones would make padding and pooling trivial.
    for size in itertools.chain((9, 12, 16, 28, 32), range(1, 65)):
        try:
            run(architecture, theta, torch.zeros(1, channels, size, size))
        except RuntimeError:
            continue
        return (channels, size, size)
    raise ArchitectureError(f"no square images fit {architecture.describe()}; pass inputs of the right size")


def random_inputs(
    architecture: Architecture,
    count: int,
    *,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Normal inputs ``(count, *input_shape(architecture))``."""
    shape = (count, *input_shape(architecture))
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


@torch.no_grad()
def randomize(module: M, *, generator: torch.Generator) -> M:
    """Give a metanetwork weights like those of a trained one, in place, and return it.

    A fresh metanetwork is nearly constant, which hides errors.  Matrices become normal, divided by the
    root of their number of columns; vectors (biases, scales) normal around 0, or around 1 for the
    scales of a LayerNorm.  The values do not depend on the dtype of the module.
    """
    scales = {id(part.weight) for part in module.modules() if isinstance(part, nn.LayerNorm)}
    for parameter in module.parameters():
        drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        if parameter.ndim > 1:
            drawn = drawn / parameter.shape[-1] ** 0.5
        else:
            drawn = 0.3 * drawn + (1.0 if id(parameter) in scales else 0.0)
        parameter.copy_(drawn)
    return module

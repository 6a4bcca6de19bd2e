"""Initial parameters of small networks, in the distributions that Keras gives these names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from scalegmn.networks import Activate, LayeredArchitecture, Weighted
from scalegmn.seeding import numpy_generator
from scalegmn.zoo.cnns._hyperparameters import Hyperparameters, WeightInit

# Truncated normal distributions end at this many standard deviations ...
_LIMIT: Final = 2.0
# ... which makes the standard deviation smaller by this factor; glorot and he make up for it.
_TRUNCATED_STD: Final = 0.87962566103423978


def initial_parameters(architecture: LayeredArchitecture, networks: Sequence[Hyperparameters]) -> Tensor:
    """Parameters ``(B, P)``, float32; each network depends on its own hyper-parameters only.

    Weights as `w_init` says, biases zero, learned slopes as their activation states them.
    ``glorot_normal`` and ``he_normal`` are truncated normal distributions of standard deviation
    ``sqrt(2 / (fan_in + fan_out))`` and ``sqrt(2 / fan_in)``.  ``orthogonal`` has orthonormal rows or
    columns, whichever are fewer, in the matrix of all weights of a unit by units.  ``normal`` and
    ``truncated_normal`` have the standard deviation `init_std` (before truncation).
    """
    return torch.stack([_start(architecture, hyper) for hyper in networks])


def _start(architecture: LayeredArchitecture, hyper: Hyperparameters) -> Tensor:
    theta = torch.zeros(architecture.num_parameters)
    generator = numpy_generator(hyper.seed, "start")
    for layer in architecture.layers:
        if isinstance(layer, Weighted):
            place = architecture.parameter(f"{layer.name}.weight")
            theta[place.start : place.stop] = torch.from_numpy(
                initial_weights(
                    layer.weight_shape, w_init=hyper.w_init, std=hyper.init_std, generator=generator
                )
                .astype(np.float32)
                .ravel()
            )
        elif isinstance(layer, Activate) and layer.name is not None:
            place = architecture.parameter(f"{layer.name}.weight")
            theta[place.start : place.stop] = layer.activation.value
    return theta


def initial_weights(
    full_shape: Sequence[int], *, w_init: WeightInit, std: float, generator: np.random.Generator
) -> np.ndarray:
    """The weights of a layer, ``(out, in * taps)``.

    Args:
        full_shape: of the weights, ``(out, in, *kernel)``.
        w_init: their distribution.
        std: read where `w_init` does not get it from the shape.
        generator: source of randomness.
    """
    shape = (full_shape[0], math.prod(full_shape[1:]))
    taps = math.prod(full_shape[2:])
    fan_in, fan_out = shape[1], shape[0] * taps
    match w_init:
        case "normal":
            return std * generator.standard_normal(shape)
        case "truncated_normal":
            return std * _truncated(generator, shape)
        case "glorot_normal":
            return math.sqrt(2 / (fan_in + fan_out)) / _TRUNCATED_STD * _truncated(generator, shape)
        case "he_normal":
            return math.sqrt(2 / fan_in) / _TRUNCATED_STD * _truncated(generator, shape)
        case "orthogonal":
            return _orthogonal(generator, shape)


def _truncated(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Standard normal numbers, of which those beyond the limit are left out."""
    edge = math.erf(_LIMIT / math.sqrt(2))
    uniform = torch.from_numpy(generator.uniform(-edge, edge, shape))
    return (math.sqrt(2) * torch.erfinv(uniform)).numpy()


def _orthogonal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    tall = generator.standard_normal((max(shape), min(shape)))
    basis, triangle = np.linalg.qr(tall)
    # The signs make the distribution uniform over all such matrices.
    basis = basis * np.sign(np.diagonal(triangle))
    return basis if shape[0] >= shape[1] else basis.T

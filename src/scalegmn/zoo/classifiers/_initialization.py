"""Where the training of a classifier starts."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from scalegmn.seeding import numpy_generator
from scalegmn.zoo.cnns import initial_weights

from ._recipe import ClassifierHyper

# Standard deviation of learned positions and class tokens, as Dosovitskiy et al. 2021 have it.
_POSITION_STD: Final = 0.02


def is_map(name: str, tensor: Tensor) -> bool:
    """Whether a parameter is the weight of a linear map or a convolution."""
    return tensor.ndim > 1 and name.endswith("weight")


def initial_state(module: nn.Module, hyper: ClassifierHyper) -> dict[str, Tensor]:
    """The state dict of a network before its first step, float32; depends on its hyper-parameters only.

    Weights of maps as `w_init` says, times `init_scale`; biases zero; norms as identities; positions and
    class tokens normal.
    """
    generator = numpy_generator(hyper.seed, "start")
    state = {name: torch.zeros_like(tensor) for name, tensor in module.state_dict().items()}
    for prefix, part in module.named_modules():
        own = {
            f"{prefix}.{name}".lstrip("."): tensor for name, tensor in part.named_parameters(recurse=False)
        }
        for name, tensor in own.items():
            if is_map(name, tensor):
                drawn = initial_weights(tensor.shape, w_init=hyper.w_init, std=0.0, generator=generator)
                state[name] = _values(drawn * hyper.init_scale, tensor)
            elif tensor.ndim > 1:
                state[name] = _values(generator.standard_normal(tensor.shape) * _POSITION_STD, tensor)
            elif name.endswith("weight"):
                state[name] = torch.ones_like(tensor)
        for name, tensor in part.named_buffers(recurse=False):
            if name == "running_var":
                state[f"{prefix}.{name}".lstrip(".")] = torch.ones_like(tensor)
    return {name: tensor.detach() for name, tensor in state.items()}


def _values(drawn: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(drawn.astype(np.float32)).reshape(like.shape)

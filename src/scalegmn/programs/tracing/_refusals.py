"""What makes a module compute something else than its class says, and tensors that are no numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError, UnsupportedLayerError
from scalegmn.networks.modules import check_forward, check_global_hooks, check_values

from ._places import place


def check_traceable(module: nn.Module) -> None:
    """Refuse a module whose program would not be that of its class and its parameters.

    Raises:
        ProgramError: says where, what, and what to do.
    """
    try:
        check_global_hooks()
        for path, part in module.named_modules():
            where = place(path, type(part).__name__)
            _check_script(part, where)
            check_values(part, where)
            check_forward(part, where)
    except UnsupportedLayerError as error:
        raise ProgramError(str(error)) from error
    for name, value in _tensors(module):
        if value.is_complex() or value.is_quantized:
            raise ProgramError(
                f"{name} of {type(module).__name__} holds numbers of the kind {value.dtype}, expected real "
                "ones; hold real and imaginary parts apart, or read the network from before it was quantized"
            )
    if not any(True for _ in module.parameters()):
        raise ProgramError(
            f"{type(module).__name__} has no parameters, expected a network with weights; pass the module "
            "that holds them"
        )


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _check_script(part: nn.Module, where: str) -> None:
    if isinstance(part, torch.jit.ScriptModule):
        raise ProgramError(f"{where} is compiled (TorchScript); pass the module that it was made from")
    if "quantized" in type(part).__module__:
        raise ProgramError(
            f"{where} is quantized and has no ordinary weights; pass the network from before it was quantized"
        )

"""The arguments of a network's forward that an example stands for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from scalegmn.errors import ProgramError
from scalegmn.printable import printable

_EXPECTED = "expected a tensor, or a list of the positional arguments of the forward"


def arguments_of(example: object) -> tuple[Any, ...]:
    """The positional arguments that an example stands for: a bare tensor is the only one.

    Raises:
        ProgramError: it is neither a tensor nor a sequence, or it holds arrays that are no tensors.
    """
    if example is None:
        return ()
    if isinstance(example, Tensor):
        return (example,)
    if isinstance(example, Mapping):
        raise ProgramError(f"example_inputs has names, {_EXPECTED}; named ones are example_kwargs")
    if isinstance(example, str) or not isinstance(example, Sequence):
        raise ProgramError(
            f"example_inputs is of the class {type(example).__name__}, {_EXPECTED}; make one with "
            "torch.zeros(1, 3, 32, 32) or torch.as_tensor"
        )
    return tuple(example)


def check_call(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that the forward of a module does not take, before PyTorch does in its own words.

    Raises:
        ProgramError: says what the forward takes.
    """
    for leaf in tree_leaves((tuple(args), dict(kwargs))):
        if isinstance(leaf, np.ndarray):
            raise ProgramError(
                f"the example holds a NumPy array of shape {leaf.shape}, expected tensors; make one of it "
                "with torch.as_tensor"
            )
        if isinstance(leaf, Tensor) and leaf.is_meta:
            raise ProgramError(
                f"the example holds a tensor of shape {tuple(leaf.shape)} on the device 'meta', which has no "
                "values; make it with torch.zeros on the device of the network"
            )
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        count = len(args) + len(kwargs)
        given = f"{count or 'no'} argument{'' if count < 2 else 's'}"
        raise ProgramError(
            f"the example has {given}, but {type(module).__name__}.forward takes "
            f"{printable(str(signature))}: {printable(str(error))}; give an example of each as "
            "example_inputs=[...], and of those with names as example_kwargs={...}"
        ) from error

"""Weights that were saved under names of before: they are loaded under the names of today.

A table for all building blocks.  Names of tensors in a file are paths of attributes; where an attribute was
renamed, the old name is replaced while the weights are loaded, wherever they come from:
``model.safetensors``, a checkpoint of a training run, or a plain state dict.  Names decide, not version
numbers, which safetensors do not keep.  The order of the parameters is the old one, so that optimizers go
on, too.
"""

from __future__ import annotations

from typing import Any, Final

from torch import Tensor, nn

OLD_NAMES: Final = {
    "labelled": "io",
    "perceptron": "mlp",
    "sender": "rescale.sender",
    "standardise": "standardize",
}
"""Attributes of building blocks: the name of before, the name of today."""


def load_old_names(module: nn.Module) -> None:
    """Let `module` load weights whose names start with an old name of one of its attributes."""
    module.register_load_state_dict_pre_hook(_rename)


def _rename(module: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Replace the first part of names that belong to `module`, in place."""
    children = dict(module.named_children())
    for name in [name for name in state_dict if name.startswith(prefix)]:
        first, _dot, rest = name.removeprefix(prefix).partition(".")
        if first in OLD_NAMES and first not in children:
            state_dict[f"{prefix}{OLD_NAMES[first]}.{rest}"] = state_dict.pop(name)

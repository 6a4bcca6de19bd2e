"""What wrappers wrap."""

from __future__ import annotations

from typing import Final

from torch import nn

from scalegmn.errors import ProgramError
from scalegmn.networks.modules import ModuleArgument, no_module

_WRAPPERS: Final = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "AveragedModel": "module",
    "_FabricModule": "_original_module",
}
_THEIRS: Final = ("torch.", "lightning.fabric.", "lightning_fabric.")
"""Packages whose classes these are; others may have classes of the same names."""


def unwrap(module: ModuleArgument) -> nn.Module:
    """The network inside wrappers that compute the same.

    ``torch.compile``, ``DataParallel``, ``DistributedDataParallel``, ``AveragedModel`` and what Lightning
    Fabric sets up are taken off, however many there are; a ``LightningModule`` is a network as it is.  Names
    of parameters are those of the state dict of what is inside.

    Args:
        module: a network, wrapped or not.

    Raises:
        ProgramError: it is no module.

    Example:
        >>> from torch import nn
        >>> from scalegmn.programs.tracing import unwrap
        >>> unwrap(nn.DataParallel(nn.Linear(2, 3)))
        Linear(in_features=2, out_features=3, bias=True)
    """
    if not isinstance(module, nn.Module):
        raise ProgramError(str(no_module(module)))
    while (attribute := _inside(module)) is not None:
        module = getattr(module, attribute)
    return module


def _inside(module: nn.Module) -> str | None:
    kind = type(module)
    return _WRAPPERS.get(kind.__name__) if kind.__module__.startswith(_THEIRS) else None

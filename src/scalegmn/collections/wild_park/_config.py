"""What the configuration in a checkpoint of the CNN Wild Park says about its network.

It was an object of OmegaConf 2, which keeps the entries of its dicts and lists under ``_content`` and other
values under ``_val``.  A plain dict and a data class are understood too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from scalegmn.checkpoints import ForeignCheckpoint, StandIn
from scalegmn.errors import ArchitectureError, CheckpointError
from scalegmn.networks import ACTIVATIONS, WildLayout

_INPUTS: Final = 3
_LISTS: Final = ("channels", "kernel_size", "stride", "padding", "residual")
# Far beyond the published networks, whose numbers go up to 64.
_MOST: Final = 4096


def layout_of(checkpoint: ForeignCheckpoint) -> tuple[WildLayout, int]:
    """What was chosen for the convolutions, and the number of outputs.

    Raises:
        CheckpointError: the configuration is missing or contradicts itself, or describes what the published
            networks are not: strides other than 1, other paddings than half of the kernel, images that do
            not have 3 channels, an unknown activation, a residual that does not come from an earlier layer.
    """
    where = f"{checkpoint.origin}: the configuration"
    config = _contents(checkpoint.entries.get("config"))
    if not isinstance(config, dict):
        raise CheckpointError(f"{where} is missing, or no object with attributes; expected that of a network")
    depth = _number(config.get("n_layers"), f"{where}: n_layers")
    outputs = _number(config.get("n_classes"), f"{where}: n_classes")
    lists = {name: _numbers(config.get(name), f"{where}: {name}") for name in _LISTS}
    activations = _names(config.get("activation"), f"{where}: activation")
    lengths = {name: len(values) for name, values in lists.items()} | {"activation": len(activations)}
    expected = {name: depth + (name == "channels") for name in lengths}
    if lengths != expected:
        raise CheckpointError(
            f"{where}: for n_layers {depth} its lists have the lengths {lengths}, expected {expected}"
        )
    kernels, strides, paddings = lists["kernel_size"], lists["stride"], lists["padding"]
    inputs, *channels = lists["channels"]
    if inputs != _INPUTS or set(strides) != {1} or paddings != [size // 2 for size in kernels]:
        raise CheckpointError(
            f"{where} says {inputs} input channels, strides {strides}, paddings {paddings} and kernels "
            f"{kernels}; expected {_INPUTS} input channels, strides of 1 and paddings of half the kernel"
        )
    try:
        layout = WildLayout(
            channels=tuple(channels),
            kernels=tuple(kernels),
            activations=tuple(activations),
            residuals=tuple(lists["residual"]),
        )
    except ArchitectureError as error:
        raise CheckpointError(f"{where}: {error}") from error
    return layout, outputs


def _contents(value: object) -> object:
    """The entries or the value of an object that was not made; other values as they are."""
    if not isinstance(value, StandIn):
        return value
    state = value.state
    if not isinstance(state, dict):
        return None
    return state.get("_content", state.get("_val", state))


def _number(value: object, where: str) -> int:
    number = _contents(value)
    if not isinstance(number, int) or not 1 <= number <= _MOST:
        raise CheckpointError(f"{where} is no whole number from 1 to {_MOST}")
    return number


def _numbers(value: object, where: str) -> list[int]:
    numbers = []
    for number in _list(value, where):
        if not isinstance(number, int) or not -1 <= number <= _MOST:
            raise CheckpointError(f"{where} holds something else than whole numbers from -1 to {_MOST}")
        numbers.append(number)
    return numbers


def _names(value: object, where: str) -> list[str]:
    names = []
    for name in _list(value, where):
        if not isinstance(name, str) or name not in ACTIVATIONS:
            shown = repr(name[:40]) if isinstance(name, str) else f"a {type(name).__name__}"
            raise CheckpointError(f"{where} holds {shown}, expected names out of {ACTIVATIONS}")
        names.append(name)
    return names


def _list(value: object, where: str) -> Sequence[object]:
    values = _contents(value)
    if not isinstance(values, list | tuple) or len(values) > _MOST:
        raise CheckpointError(f"{where} is missing, or no list")
    return [_contents(entry) for entry in values]

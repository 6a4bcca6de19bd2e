"""Where numbers are computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from scalegmn.errors import ConfigurationError


def usable_device(device: str | torch.device) -> torch.device:
    """The device of this name.

    Raises:
        ConfigurationError: there is no such device, or not on this machine.
    """
    with _explained(device):
        found = torch.device(device)
        torch.empty(0, device=found)
        return found


def device_of_work(device: str | torch.device, *, cluster: str | None) -> torch.device:
    """The device of this name, which those have to have that do the work: this machine, or a cluster.

    Raises:
        ConfigurationError: there is no such device; processes of a cluster find out by themselves.
    """
    if cluster is None:
        return usable_device(device)
    with _explained(device):
        return torch.device(device)


@contextlib.contextmanager
def _explained(device: str | torch.device) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        # PyTorch's message goes on for many lines.
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"device {str(device)!r} cannot be used: {reason}; try cpu") from error

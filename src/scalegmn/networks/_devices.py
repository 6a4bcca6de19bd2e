"""Where numbers are computed."""

from __future__ import annotations

import torch

from scalegmn.errors import ConfigurationError


def usable_device(device: str | torch.device) -> torch.device:
    """The device of this name.

    Raises:
        ConfigurationError: there is no such device, or not on this machine.
    """
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        # PyTorch's message goes on for many lines.
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"device {str(device)!r} cannot be used: {reason}; try cpu") from error
    return found

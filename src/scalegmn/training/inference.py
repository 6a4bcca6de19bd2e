"""What a trained metanetwork says about networks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from scalegmn.errors import ConfigurationError
from scalegmn.graph.convert import batch_graphs
from scalegmn.networks.architecture import Architecture
from scalegmn.training.data import Networks


def device_called(name: str | None) -> torch.device:
    """The device of this name; None is a GPU if there is one.

    Raises:
        ConfigurationError: there is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        # PyTorch's message goes on for many lines.
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"device {name!r} cannot be used: {reason}; try cpu") from error
    return device


@torch.no_grad()
def outputs_of(
    model: nn.Module, architecture: Architecture, theta: Tensor, *, batch_size: int = 256
) -> Tensor:
    """Answers ``(N, outputs)`` about networks ``theta (N, P)`` of one architecture, on the CPU.

    `theta` is read as it is: canonicalise sine networks first if the model was trained so.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        parts = [model(batch_graphs(architecture, part.to(device))).cpu() for part in theta.split(batch_size)]
    finally:
        model.train(training)
    return torch.cat(parts)


def outputs_on(model: nn.Module, networks: Networks, *, batch_size: int = 256) -> tuple[Tensor, Tensor]:
    """Answers ``(n, outputs)`` and targets ``(n, ...)`` of all networks of a set, in its order."""
    outputs: list[Tensor] = []
    places: list[Tensor] = []
    for start in range(0, len(networks), batch_size):
        positions = np.arange(start, min(start + batch_size, len(networks)))
        for architecture, chosen, theta in networks.read(positions):
            outputs.append(outputs_of(model, architecture, theta, batch_size=batch_size))
            places.append(chosen)
    order = torch.cat(places).argsort()
    return torch.cat(outputs)[order], networks.targets

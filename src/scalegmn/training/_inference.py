"""What a trained metanetwork says about networks."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scalegmn.graph import NetworkBatch, Records, join
from scalegmn.models import Metanetwork, Predictor
from scalegmn.networks import Architecture
from scalegmn.training._data import NetworkDataset
from scalegmn.training._memory import kept_memory
from scalegmn.training._task import AnyTask
from scalegmn.workers import usable_device


def device_called(name: str | None) -> torch.device:
    """The device of this name; None is a GPU if there is one.

    Raises:
        ConfigurationError: there is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return usable_device(name)


def outputs_of(
    model: Predictor, architecture: Architecture, theta: Tensor, *, batch_size: int = 256
) -> Tensor:
    """Predictions ``(N, outputs)`` about networks ``theta (N, P)`` of one architecture, on the CPU.

    `theta` is read as it is: canonicalize sine networks first if the model was trained so.
    """
    device = device_of(model)
    with kept_memory(), evaluating(model):
        parts = [
            model.predict(NetworkBatch.from_parameters(architecture, part.to(device))).cpu()
            for part in theta.split(batch_size)
        ]
    return torch.cat(parts)


def outputs_on(
    task: AnyTask, model: Metanetwork, networks: NetworkDataset, *, batch_size: int = 256
) -> tuple[Any, Any]:
    """Outputs and targets of all networks of a set, as the task has them, in the order of the set."""
    device = device_of(model)
    outputs: list[Tensor | Records] = []
    places: list[Tensor] = []
    with kept_memory(), evaluating(model):
        for start in range(0, len(networks), batch_size):
            batch = networks[np.arange(start, min(start + batch_size, len(networks)))]
            outputs.append(task.predict_for_report(model, batch.to(device)).cpu())
            places.append(batch.positions)
    order = torch.cat(places).argsort()
    return join(outputs)[order], networks.targets


def device_of(model: nn.Module) -> torch.device:
    """Where the numbers of a module are; the CPU for one that has none."""
    for tensor in itertools.chain(model.parameters(), model.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode, without gradients, and restore its mode afterward."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)

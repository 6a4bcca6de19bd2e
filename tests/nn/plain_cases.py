"""What models compute when every layer calls its own forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from scalegmn.graph import NetworkGraph
from scalegmn.models import ScaleGMN, ScaleGMNEditor


@contextmanager
def plain(model: ScaleGMN | ScaleGMNEditor) -> Iterator[None]:
    """Without plans."""
    before, model.backbone.fast = model.backbone.fast, False
    yield
    model.backbone.fast = before


def plain_answer(model: ScaleGMN, graph: NetworkGraph) -> Tensor:
    """The outputs of a model."""
    with plain(model):
        answer: Tensor = model(graph)
    return answer


def updates_of(model: ScaleGMNEditor, graph: NetworkGraph) -> Tensor:
    """What an editor writes before any scaling of layers, ``(T + V,)`` for one network."""
    reading = model.backbone(graph)
    return torch.cat(model.head(reading.state, reading.neurons, reading.blocks), dim=1).flatten()


def plain_updates(model: ScaleGMNEditor, graph: NetworkGraph) -> Tensor:
    """The same without plans."""
    with plain(model):
        return updates_of(model, graph)

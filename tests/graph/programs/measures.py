"""How far metanetworks move when networks do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from scalegmn.graph import GraphSpec, NetworkBatch, NetworkGraph, batch_graphs, layout_of
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import GroupElement
from scalegmn.testing import randomize

from .families import Network

EXACT = 1e-10
VISIBLE = 1e-7


def metanetwork(architectures: Sequence[ProgramArchitecture], **options: Any) -> ScaleGMN:
    """With weights like trained ones, float64."""
    config = ModelConfig(features=6, layers=3, **options)
    model = ScaleGMN(spec=GraphSpec.from_architectures(architectures), outputs=4, config=config)
    return randomize(model, generator=generator(0, "model")).double().eval().requires_grad_(False)


def apart(found: Tensor, expected: Tensor) -> float:
    """The largest difference, in units of the size of what was expected; NaN is infinite."""
    assert bool((expected != 0).any())
    relative = float((found - expected).abs().max() / expected.abs().max())
    return relative if relative == relative else float("inf")


def prediction_moves(
    network: Network,
    elements: Sequence[GroupElement],
    *,
    theta: Tensor | None = None,
    damage: Callable[[NetworkGraph], None] = lambda graph: None,
    **options: Any,
) -> float:
    """How far a prediction moves under elements of the group.

    Args:
        network: to start from.
        elements: of its group.
        theta: other parameters of it.
        damage: something to do to the graph.
        options: of the metanetwork.
    """
    theta = network.theta if theta is None else theta
    moved = torch.stack([theta, *(network.moved(theta, element) for element in elements)])
    graph = batch_graphs(network.architecture, moved)
    damage(graph)
    said = metanetwork([network.architecture], **options)(graph)
    return apart(said[1:], said[:1])


def edit_moves(network: Network, elements: Sequence[GroupElement], *, theta: Tensor | None = None) -> float:
    """How far the edit of a moved network is from the moved edit."""
    theta = network.theta if theta is None else theta
    config = ModelConfig(features=6, layers=3, direction=Direction.bidirectional)
    editor = ScaleGMNEditor(spec=GraphSpec.from_architectures([network.architecture]), config=config)
    editor = randomize(editor, generator=generator(0, "editor")).double().eval().requires_grad_(False)
    moved = torch.stack([theta, *(network.moved(theta, element) for element in elements)])
    edited = editor.edit(NetworkBatch.from_parameters(network.architecture, moved)).parts[0][1]
    update = (edited - moved) * layout_of(network.architecture).owned
    return max(
        apart(update[number], network.moved(update[0], element)) for number, element in enumerate(elements, 1)
    )

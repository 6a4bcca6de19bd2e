"""Networks and models that the tests of this folder share."""

from __future__ import annotations

from functools import lru_cache

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Batch

from scalegmn.graph import GraphSpec, NetworkBatch, to_graph
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.nn import READOUTS
from scalegmn.seeding import generator
from scalegmn.testing.architectures import ELEMENTWISE
from scalegmn.testing.parameters import random_networks, random_parameters, randomize

Networks = list[tuple[Architecture, Tensor]]

KINDS_OF_ANY_WIDTH = (
    (Direction.forward, "last_layer"),
    (Direction.bidirectional, "last_layer"),
    (Direction.bidirectional, "full_graph"),
)
"""Directions and readouts of metanetworks that read networks of any width."""

CONFIGS = st.builds(
    ModelConfig,
    features=st.just(6),
    layers=st.sampled_from([1, 2, 3]),
    direction=st.sampled_from(Direction),
    readout=st.sampled_from(READOUTS.names()),
    statistics=st.booleans(),
    skip=st.booleans(),
    dropout=st.sampled_from([0.0, 0.3]),
    dropout_in_mlps=st.booleans(),
    separate_io=st.booleans(),
    plain_io=st.booleans(),
    sign_symmetrization=st.booleans(),
    edge_positional=st.booleans(),
    positional_in_messages=st.booleans(),
    positional_in_updates=st.booleans(),
    mlp_hidden=st.sampled_from([None, 8]),
    mlp_layer_norm=st.booleans(),
)
"""Every option of a scale equivariant metanetwork."""


@lru_cache
def networks_of(
    seed: int, *, architectures: int = 4, count: int = 3
) -> tuple[tuple[Architecture, Tensor], ...]:
    """Random architectures, half of the networks with zero weights, zero biases and dead neurons."""
    return tuple(random_networks(generator=generator(seed), architectures=architectures, count=count))


@lru_cache
def networks_of_every_activation() -> tuple[tuple[Architecture, Tensor], ...]:
    """One fully connected architecture per activation."""
    return tuple(
        (architecture, random_parameters(architecture, 3, generator=generator(1, kind)))
        for kind in ELEMENTWISE
        for architecture in [mlp(widths=(2, 4, 3, 2), activations=[Activation(kind)] * 2)]
    )


def in_dtype(networks: tuple[tuple[Architecture, Tensor], ...], dtype: torch.dtype) -> Networks:
    return [(architecture, theta.to(dtype)) for architecture, theta in networks]


def spec_of(networks: tuple[tuple[Architecture, Tensor], ...] | Networks) -> GraphSpec:
    return GraphSpec.from_architectures([architecture for architecture, _ in networks])


def mixed_batch(networks: tuple[tuple[Architecture, Tensor], ...] | Networks) -> Batch:
    """All networks in one batch, architectures taking turns."""
    rows = [[(architecture, row) for row in theta] for architecture, theta in networks]
    graphs = [to_graph(*pair) for turn in zip(*rows, strict=True) for pair in turn]
    return Batch.from_data_list(graphs)


def network_batch(networks: tuple[tuple[Architecture, Tensor], ...] | Networks) -> NetworkBatch:
    """All networks, the same as :func:`mixed_batch` holds."""
    count = sum(len(theta) for _, theta in networks)
    return NetworkBatch(tuple(networks), torch.arange(count))


def model_of(
    networks: tuple[tuple[Architecture, Tensor], ...] | Networks,
    config: ModelConfig,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> ScaleGMN:
    """A metanetwork with weights like trained ones, in evaluation mode."""
    model = ScaleGMN(spec=spec_of(networks), outputs=3, config=config)
    return randomize(model, generator=generator(seed, "model")).to(dtype).eval()


def editor_of(
    networks: tuple[tuple[Architecture, Tensor], ...] | Networks,
    config: ModelConfig,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> ScaleGMNEditor:
    """The same for editors."""
    editor = ScaleGMNEditor(spec=spec_of(networks), config=config)
    return randomize(editor, generator=generator(seed, "editor")).to(dtype).eval()

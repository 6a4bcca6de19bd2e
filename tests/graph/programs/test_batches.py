"""Different programs in one batch."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from scalegmn.graph import GraphSpec, NetworkBatch, batch_graphs, to_graph
from scalegmn.models import Direction, ModelConfig, ScaleGMN
from scalegmn.networks import Activation, mlp
from scalegmn.seeding import generator
from scalegmn.testing import random_parameters

from .families import family
from .measures import apart, metanetwork

NAMES = ("residual", "encoder", "lstm", "tied")


def test_a_batch_is_its_graphs() -> None:
    for name in NAMES:
        network = family(name)
        theta = network.rows(3)
        together = batch_graphs(network.architecture, theta)
        single = Batch.from_data_list([to_graph(network.architecture, row) for row in theta])
        assert set(together.keys()) == set(single.keys())
        for field in single.keys():  # noqa: SIM118, a graph is no dict
            assert torch.equal(torch.as_tensor(together[field]), torch.as_tensor(single[field])), field


@pytest.mark.slow
def test_predictions_do_not_hang_on_the_company() -> None:
    networks = [family(name) for name in NAMES]
    architectures = [network.architecture for network in networks]
    model = metanetwork(architectures, direction=Direction.bidirectional, readout="full_graph")
    rows = [network.rows(2) for network in networks]
    graphs = [to_graph(a, row) for a, theta in zip(architectures, rows, strict=True) for row in theta]
    together = model(Batch.from_data_list(graphs))
    alone = torch.cat([model(Batch.from_data_list([graph])) for graph in graphs])
    assert apart(together, alone) < 1e-12


def test_lists_of_layers_beside_programs() -> None:
    program = family("residual")
    layered = mlp(widths=(3, 5, 2), activations=[Activation("relu")])
    rows = random_parameters(layered, 2, generator=generator(0))
    batch = NetworkBatch(
        ((layered, rows), (program.architecture, program.rows(3))), torch.tensor([4, 0, 1, 2, 3])
    )
    spec = GraphSpec.from_architectures([layered, program.architecture])
    model = ScaleGMN(spec=spec, outputs=2, config=ModelConfig(features=6, layers=2)).double().eval()
    with torch.no_grad():
        found = model.predict(batch)
        apart_of = [
            model.predict(NetworkBatch.from_parameters(architecture, theta))
            for architecture, theta in batch.parts
        ]
    assert found.shape == (5, 2)
    assert apart(found, torch.cat(apart_of)) < 1e-12


@pytest.mark.slow
def test_a_mixed_batch_is_learned() -> None:
    networks = [family(name) for name in NAMES]
    architectures = [network.architecture for network in networks]
    graph = Batch.from_data_list(
        [to_graph(network.architecture, row.float()) for network in networks for row in network.rows(4)]
    )
    labels = (torch.arange(16) % 2).float()
    config = ModelConfig(features=12, layers=2, direction=Direction.bidirectional, readout="full_graph")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = ScaleGMN(spec=GraphSpec.from_architectures(architectures), outputs=1, config=config)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(25):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(graph)[:, 0], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)

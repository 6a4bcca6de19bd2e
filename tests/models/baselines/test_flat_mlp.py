from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch_geometric.data import Batch

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import batch_graphs, to_graph
from scalegmn.models.baselines.flat_mlp import FlatMLP, FlatMLPConfig
from scalegmn.networks.factories import siren

NETWORK = siren(widths=(2, 4, 3, 1))


def theta(count: int, *, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(count, NETWORK.num_parameters, generator=generator) + 1


def model(**options: object) -> FlatMLP:
    config = FlatMLPConfig(hidden=(5, 6), **options)  # type: ignore[arg-type]
    return FlatMLP(taps=23, nodes=10, outputs=7, config=config).eval()


def test_every_weight_and_bias_is_read() -> None:
    values = theta(2).requires_grad_()
    answer = model()(batch_graphs(NETWORK, values))
    assert answer.shape == (2, 7)
    answer.square().sum().backward()
    assert values.grad is not None
    assert (values.grad != 0).all()


def test_networks_do_not_mix() -> None:
    flat = model()
    together = flat(batch_graphs(NETWORK, theta(3)))
    alone = [flat(to_graph(NETWORK, row)) for row in theta(3)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    listed = Batch.from_data_list([to_graph(NETWORK, row) for row in theta(3)])
    assert torch.equal(flat(listed), together)


def test_fitted_numbers_have_mean_zero_and_size_one() -> None:
    flat = model()
    graph = batch_graphs(NETWORK, theta(200))
    flat.fit_scale(graph)
    values = torch.cat([graph.tap_weight.reshape(200, -1), graph.node_bias.reshape(200, -1)], 1)
    scaled = (values - flat.mean) / flat.deviation
    varying = values.std(0) > 0
    assert int((~varying).sum()) == 2  # biases of the two inputs
    assert scaled.mean(0).abs().max() < 1e-5
    assert torch.allclose(scaled[:, varying].std(0, correction=0), torch.ones(1), atol=1e-4)
    assert torch.isfinite(flat(graph)).all()


def test_other_networks_are_refused() -> None:
    other = siren(widths=(2, 3, 4, 1))
    mixed = Batch.from_data_list(
        [to_graph(NETWORK, theta(1)[0]), to_graph(other, torch.zeros(other.num_parameters))]
    )
    for graph in (mixed, to_graph(siren(widths=(2, 4, 1)), torch.zeros(17))):
        with pytest.raises(GraphError, match="one architecture, with 23 weights and 10 neurons"):
            model()(graph)


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    flat = model(dropout=0.3, layer_norm=False)
    flat.fit_scale(batch_graphs(NETWORK, theta(20)))
    flat.save_pretrained(tmp_path)
    loaded = FlatMLP.from_pretrained(tmp_path)
    graph = batch_graphs(NETWORK, theta(2, seed=1))
    assert torch.equal(loaded(graph), flat(graph))
    assert loaded.config == flat.config


@pytest.mark.parametrize(
    ("hidden", "dropout", "match"),
    [((), 0.0, "hidden"), ((3, 0), 0.0, "hidden"), ((3,), 1.0, "dropout is 1.0")],
)
def test_impossible_options_are_refused(hidden: tuple[int, ...], dropout: float, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        FlatMLPConfig(hidden=hidden, dropout=dropout)

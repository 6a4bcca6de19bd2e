from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import FlatMLP, FlatMLPConfig
from scalegmn.networks import siren

NETWORK = siren(widths=(2, 4, 3, 1))


def theta(count: int, *, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(count, NETWORK.num_parameters, generator=generator) + 1


def batch(count: int, *, seed: int = 0) -> NetworkBatch:
    return NetworkBatch.from_parameters(NETWORK, theta(count, seed=seed))


def model(**options: object) -> FlatMLP:
    config = FlatMLPConfig(hidden=(5, 6), **options)  # type: ignore[arg-type]
    return FlatMLP(parameters=NETWORK.num_parameters, outputs=7, config=config).eval()


def test_every_weight_and_bias_is_read() -> None:
    values = theta(2).requires_grad_()
    answer = model().predict(NetworkBatch.from_parameters(NETWORK, values))
    assert answer.shape == (2, 7)
    answer.square().sum().backward()
    assert values.grad is not None
    assert (values.grad != 0).all()


def test_networks_do_not_mix() -> None:
    flat = model()
    alone = [flat.predict(NetworkBatch.from_parameters(NETWORK, row[None])) for row in theta(3)]
    assert torch.allclose(flat.predict(batch(3)), torch.cat(alone), atol=1e-6)


def test_fitted_numbers_have_mean_zero_and_size_one() -> None:
    flat = model()
    values = theta(200)
    values[:, 3] = 0.5
    flat.fit_scale(NetworkBatch.from_parameters(NETWORK, values))
    scaled = (values - flat.mean) / flat.deviation
    varying = torch.arange(values.shape[1]) != 3
    assert scaled.mean(0).abs().max() < 1e-5
    assert torch.allclose(scaled[:, varying].std(0, correction=0), torch.ones(1), atol=1e-4)
    assert torch.equal(scaled[:, 3], torch.zeros(200))


def test_other_networks_are_refused() -> None:
    other = siren(widths=(2, 3, 4, 1))
    zeros = torch.zeros(1, other.num_parameters)
    with pytest.raises(GraphError, match="in one batch, expected parameters of the same names and shapes"):
        model().predict(NetworkBatch(((NETWORK, theta(1)), (other, zeros)), torch.arange(2)))
    with pytest.raises(GraphError, match=f"with {NETWORK.num_parameters} parameters each; got 2-3-4-1"):
        model().predict(NetworkBatch.from_parameters(other, zeros))


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    flat = model(dropout=0.3, layer_norm=False)
    flat.fit_scale(batch(20))
    flat.save_pretrained(tmp_path)
    loaded = FlatMLP.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(batch(2, seed=1)), flat.predict(batch(2, seed=1)))
    assert loaded.config == flat.config


@pytest.mark.parametrize(
    ("hidden", "dropout", "match"),
    [((), 0.0, "hidden"), ((3, 0), 0.0, "hidden"), ((3,), 1.0, "dropout is 1.0")],
)
def test_impossible_options_are_refused(hidden: tuple[int, ...], dropout: float, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        FlatMLPConfig(hidden=hidden, dropout=dropout)

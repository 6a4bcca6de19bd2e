from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.graph import NetworkBatch
from scalegmn.models import ScaleGMN
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.training import Projection, project, untrained_model
from scalegmn.training._embedding import embed_networks, standardize
from tests.training.small import small_population


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return small_population(tmp_path_factory.mktemp("embedding") / "mixed", networks=24, more=(2, 4, 5, 1))


def copies(folder: Path, *, change: bool) -> Population:
    """Six networks and, if asked, the same ones under random symmetries."""
    architecture = siren(widths=(2, 6, 6, 1))
    random = generator(0)
    theta = 0.1 * torch.randn(6, architecture.num_parameters, generator=random)
    action = SymmetryAction(architecture)
    moved = action.apply(theta, action.draw(generator=random)) if change else theta
    with PopulationWriter(folder, provenance={}) as writer:
        writer.append(architecture, torch.cat([theta, moved]), {"image": np.arange(12) % 6})
        writer.finish()
    return Population.open(folder)


def test_vectors_of_mixed_architectures_are_in_the_order_of_the_rows(mixed: Population) -> None:
    rows = np.array([20, 3, 15, 0, 23])
    model = untrained_model(mixed, rows)
    vectors = embed_networks(model, mixed, rows, canonicalize=False, batch_size=2)
    assert vectors.dtype == torch.float64
    exact = untrained_model(mixed, rows).double()
    for row, vector in zip(rows.tolist(), vectors, strict=True):
        [(architecture, _, theta)] = mixed.groups([row])
        alone = exact.embed(NetworkBatch.from_parameters(architecture, theta.double()).graph)[0]
        assert torch.allclose(vector, alone, rtol=1e-9)
    # The model that was handed in stays as it was.
    assert next(model.parameters()).dtype == torch.float32


def test_symmetries_do_not_move_a_point(tmp_path: Path) -> None:
    population = copies(tmp_path / "population", change=True)
    rows = np.arange(12)
    vectors = embed_networks(untrained_model(population, rows), population, rows)
    spread = vectors[:6].std(dim=0)
    varied = spread > 1e-9 * vectors.abs().amax(dim=0)
    # The transformed parameters are stored in single precision.
    change = (vectors[6:] - vectors[:6]).abs()[:, varied] / spread[varied]
    assert 0 < change.max() < 1e-2
    points = project(vectors).points
    assert np.abs(points[6:] - points[:6]).max() < 1e-2 * points.std()


def test_the_seed_decides(mixed: Population) -> None:
    rows = np.arange(24)

    def vectors(seed: int) -> torch.Tensor:
        return embed_networks(untrained_model(mixed, rows, seed=seed), mixed, rows)

    before = torch.random.get_rng_state()
    assert torch.equal(vectors(1), vectors(1))
    assert not torch.allclose(vectors(1), vectors(2))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_parameters_are_brought_to_their_size(mixed: Population) -> None:
    model = untrained_model(mixed, np.arange(24))
    assert isinstance(model, ScaleGMN)
    assert not torch.allclose(model.backbone.scale.weight, torch.ones(1))
    assert not model.training


def test_pca_shows_the_directions_of_most_variance() -> None:
    random = np.random.default_rng(0)
    main, other = random.normal(size=(2, 200))
    noise = 0.01 * random.normal(size=(200, 7))
    columns = [main + 5, -2 * main, main, main - other, other, np.ones(200), main * 1e-6]
    found = project(torch.from_numpy(np.stack(columns, axis=1) + noise * [1, 1, 1, 1, 1, 0, 0]))
    assert found.explained_variance is not None
    assert found.explained_variance[0] > found.explained_variance[1] > 0.1
    assert sum(found.explained_variance) > 0.95
    assert abs(np.corrcoef(found.points[:, 0], main)[0, 1]) > 0.95
    assert abs(np.corrcoef(found.points[:, 0], found.points[:, 1])[0, 1]) < 1e-6


def test_neighbors_stay_neighbors_in_tsne() -> None:
    random = np.random.default_rng(0)
    places = np.repeat(np.eye(10)[:3] * 30, 20, axis=0)
    vectors = torch.from_numpy(places + random.normal(size=(60, 10)))
    found = project(vectors, method=Projection.tsne)
    assert found.explained_variance is None
    assert (project(vectors, method=Projection.tsne).points == found.points).all()
    distances = np.linalg.norm(found.points[:, None] - found.points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) // 20 == np.arange(60) // 20).all()


@pytest.mark.parametrize("method", list(Projection))
def test_few_networks_and_one_direction(method: Projection) -> None:
    vectors = torch.tensor([[0.0, 1.0], [1.0, 1.0], [3.0, 1.0], [9.0, 1.0]], dtype=torch.float64)
    points = project(vectors, method=method).points
    assert points.shape == (4, 2)
    assert np.isfinite(points).all()


def test_outliers_do_not_fill_the_picture() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 3))
    values[0] *= 1e6
    values[:, 2] = 7.0
    found = standardize(values)
    assert found.shape == (200, 2)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1)
    assert np.abs(found).max() < 15
    # Half of the values are the same, and so is the range of the middle half.
    rare = np.where(np.arange(200) < 10, np.arange(200.0), 0)[:, None]
    assert np.isfinite(standardize(rare)).all()


def test_pictures_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="2 networks make no picture"):
        project(torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(ConfigurationError, match="all 4 networks are the same"):
        project(torch.ones(4, 3, dtype=torch.float64))


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    population = copies(tmp_path / "population", change=False)
    model = untrained_model(population, np.arange(12))
    with torch.no_grad():
        next(model.readout.parameters()).fill_(torch.nan)
    with pytest.raises(
        PopulationError, match=r"vector of network 3 is not finite \(and those of 1 more of 2"
    ):
        embed_networks(model, population, np.array([3, 5]))

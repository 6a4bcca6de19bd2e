"""An unsupervised view of a population: the invariant vector of every network, and its place in the plane."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from torch import Tensor

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.graph import GraphSpec
from scalegmn.models import Embedder, ModelConfig, ScaleGMN, Symmetry
from scalegmn.nn import robust_moments
from scalegmn.populations import ARCHITECTURE_COLUMN, Population
from scalegmn.seeding import derive_seed, numpy_generator
from scalegmn.training._data import NetworkDataset
from scalegmn.training._inference import device_of, evaluating
from scalegmn.training._run_folder import Run

FEWEST: Final = 3
"""Networks that a picture needs: two have no shape."""

# Few layers: random ones, one after the other, make the vectors of all networks nearly the same.
_UNTRAINED: Final = ModelConfig(features=64, layers=2, readout="full_graph")
_SCALE_SAMPLE: Final = 1000
# t-SNE looks at the directions of most variance only, which is faster and leaves noise out.
_DIRECTIONS: Final = 50


class Projection(Enum):
    """A projection of vectors to points in the plane.

    ``pca``: the two directions of most variance; distances keep their meaning.  ``tsne`` (van der Maaten and
    Hinton 2008): neighbors stay neighbors; the size of gaps between clusters means little.
    """

    pca = "pca"
    tsne = "tsne"


@dataclass(frozen=True, eq=False)
class ProjectedPoints:
    """Networks in the plane.

    Attributes:
        points: ``(n, 2)``.
        explained_variance: of the variance, along each direction; None where directions have no meaning.
    """

    points: np.ndarray
    explained_variance: tuple[float, float] | None


def untrained_model(
    population: Population,
    rows: np.ndarray,
    *,
    canonicalize: bool = True,
    seed: int = 0,
    symmetry: Symmetry = Symmetry.scaling,
) -> ScaleGMN:
    """A ScaleGMN with random weights, fitted to the sizes of the parameters of these networks.

    It reads all neurons.  Nothing was learned, so what its vectors tell apart comes from the networks alone.

    Args:
        population: the networks.
        rows: which ones.
        canonicalize: bring the phases of sine neurons into one range first.
        seed: of the weights.
        symmetry: which the vectors respect.
    """
    numbers = np.unique(population.column(ARCHITECTURE_COLUMN)[rows]).tolist()
    spec = GraphSpec.from_architectures([population.architectures[number] for number in numbers])
    # Layers draw their weights from PyTorch's global generator; it is given back as it was.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "embedding"))
        model = ScaleGMN(spec=spec, outputs=1, config=dataclasses.replace(_UNTRAINED, symmetry=symmetry))
    networks = _networks(population, rows, canonicalize=canonicalize)
    order = numpy_generator(seed, "scale").permutation(len(networks))[:_SCALE_SAMPLE]
    model.fit_scale(networks[np.sort(order)])
    return model.eval()


def trained_model(run: Run, population: Population, rows: np.ndarray) -> Embedder:
    """The model of a run, which must make vectors, and be able to read these networks.

    Raises:
        ConfigurationError: the run trained another kind of model.
        GraphError: the networks are too large for it.
    """
    if not isinstance(run.model, Embedder):
        raise ConfigurationError(
            f"{run.folder}: holds a {type(run.model).__name__}, which makes no vector of a network; give the "
            "run of a scalegmn that evaluates networks"
        )
    for number in np.unique(population.column(ARCHITECTURE_COLUMN)[rows]).tolist():
        run.check(population.architectures[number])
    return run.model


def embed_networks(
    model: Embedder,
    population: Population,
    rows: np.ndarray,
    *,
    canonicalize: bool = True,
    batch_size: int = 128,
) -> Float[Tensor, "n width"]:
    """The invariant vector of every network, ``(n, width)`` float64 in the order of `rows`, on the CPU.

    Raises:
        PopulationError: a vector is not finite.
    """
    found = vectors_of(model, population, rows, canonicalize=canonicalize, batch_size=batch_size)
    wrong = ~found.isfinite().all(dim=1)
    if bool(wrong.any()):
        first = int(rows[int(wrong.nonzero()[0])])
        raise PopulationError(
            f"{population.folder}: the vector of network {first} is not finite (and those of "
            f"{int(wrong.sum()) - 1} more of {len(rows)}); look for huge parameters, and leave such networks "
            "out with --where"
        )
    return found


def vectors_of(
    model: Embedder,
    population: Population,
    rows: np.ndarray,
    *,
    canonicalize: bool = True,
    batch_size: int = 128,
) -> Float[Tensor, "n width"]:
    """Embed like :func:`embed_networks`, but allow vectors that are not finite.

    Everything is computed in float64, by a copy of the model: vectors of an untrained model differ in late
    digits.
    """
    networks = _networks(population, rows, canonicalize=canonicalize)
    exact, device = copy.deepcopy(model).double(), device_of(model)
    vectors: list[Tensor] = []
    places: list[Tensor] = []
    with evaluating(exact):
        for start in range(0, len(networks), batch_size):
            batch = networks[np.arange(start, min(start + batch_size, len(networks)))]
            vectors.append(exact.embedded(batch.to(device).double()).cpu())
            places.append(batch.positions)
    return torch.cat(vectors)[torch.cat(places).argsort()]


def project(vectors: Tensor, *, method: Projection = Projection.pca, seed: int = 0) -> ProjectedPoints:
    """Bring vectors into the plane.

    Every number of the vectors is standardized first, see :func:`standardize`.

    Args:
        vectors: ``(n, width)``, float64.
        method: how.
        seed: of t-SNE.

    Raises:
        ConfigurationError: fewer than three networks, or all vectors are the same.
    """
    if len(vectors) < FEWEST:
        raise ConfigurationError(
            f"{len(vectors)} networks make no picture; expected at least {FEWEST}: loosen --where or --limit"
        )
    values = standardize(vectors.double().numpy())
    if not values.shape[1]:
        raise ConfigurationError(
            f"the vectors of all {len(values)} networks are the same, so there is nothing to see; choose "
            "networks that differ by more than a symmetry"
        )
    directions = PCA(n_components=min(_DIRECTIONS, *values.shape), svd_solver="full").fit(values)
    main = directions.transform(values)
    if method is Projection.tsne:
        embedding = TSNE(
            perplexity=min(30.0, (len(values) - 1) / 3),
            init="random" if main.shape[1] < 2 else "pca",
            random_state=derive_seed(seed, "tsne") % 2**32,
        )
        return ProjectedPoints(embedding.fit_transform(main).astype(np.float64), None)
    points = np.zeros((len(values), 2))
    points[:, : main.shape[1]] = main[:, :2]
    shares = [*directions.explained_variance_ratio_.tolist(), 0.0]
    return ProjectedPoints(points, (shares[0], shares[1]))


def standardize(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and deviation 1, ``(n, k)``, without those that are the same in all rows.

    Before that, ``asinh`` of the distance from the median in units of the interquartile range: sizes of
    weights differ by orders of magnitude within a population, and a few networks would fill the picture.
    """
    middle = np.median(values, axis=0)
    deviation = robust_moments(torch.from_numpy(values))[1].numpy()
    low, high = np.quantile(values, (0.25, 0.75), axis=0)
    # Where half of the networks are the same, the range is no unit.
    unit = np.where(high - low > 1e-3 * deviation, high - low, deviation)
    # What differs by rounding only is the same.
    varied = deviation > 1e-9 * np.abs(values).max(axis=0)
    drawn_in = np.arcsinh((values[:, varied] - middle[varied]) / unit[varied])
    standard: np.ndarray = (drawn_in - drawn_in.mean(axis=0)) / drawn_in.std(axis=0)
    return standard


def _networks(population: Population, rows: np.ndarray, *, canonicalize: bool) -> NetworkDataset:
    return NetworkDataset(
        population=population,
        rows=rows,
        targets=torch.zeros(len(rows)),
        canonicalize=canonicalize,
        memory_limit=0.0,
    )

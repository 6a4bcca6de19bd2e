"""What the nearest neighbors of networks say about a class, by whose vectors they are the nearest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.metrics import NeighborAgreement, neighbor_agreement
from scalegmn.models import Symmetry
from scalegmn.populations import Population
from scalegmn.training._config import DataConfig
from scalegmn.training._embedding import standardize, trained_model, untrained_model, vectors_of
from scalegmn.training._own_networks import own_splits
from scalegmn.training._run_folder import Run
from scalegmn.training._selection import groups_among
from scalegmn.training._task import Table

UNTRAINED: Final = "an untrained ScaleGMN"
PERMUTATION_ONLY: Final = "an untrained permutation-only model"
WEIGHTS: Final = "weights as they are"

# Weights as they are, of all networks at once, in float64.
_MOST_BYTES: Final = 2**30


@final
@dataclass(frozen=True, eq=False)
class SeenNetworks:
    """Networks whose neighbors are looked for.

    Attributes:
        population: where they are.
        rows: which ones, ``(n,)``.
        column: that holds their classes.
        canonicalize: bring the phases of sine neurons into one range first.
        batch_size: networks at a time.
    """

    population: Population
    rows: np.ndarray
    column: str
    canonicalize: bool = True
    batch_size: int = 128

    @property
    def classes(self) -> np.ndarray:
        """The class of each, ``(n,)``.

        Raises:
            ConfigurationError: the column holds other things.
        """
        values = self.population.column(self.column)[self.rows]
        if values.dtype.kind not in "OUSbiu":
            raise ConfigurationError(
                f"--neighbors: column {self.column!r} of {self.population.folder} has type {values.dtype}, "
                "expected words or whole numbers; choose another column with --color"
            )
        return values

    def vectors(self, run: Run) -> Float[Tensor, "n width"]:
        """What the model of a run makes of each."""
        model = trained_model(run, self.population, self.rows)
        return vectors_of(
            model, self.population, self.rows, canonicalize=run.canonicalize, batch_size=self.batch_size
        )

    def untrained(self, symmetry: Symmetry, *, seed: int) -> Float[Tensor, "n width"]:
        """What a model with random weights makes of each."""
        model = untrained_model(
            self.population, self.rows, canonicalize=self.canonicalize, seed=seed, symmetry=symmetry
        )
        return vectors_of(
            model, self.population, self.rows, canonicalize=self.canonicalize, batch_size=self.batch_size
        )

    def weights(self) -> Float[Tensor, "n width"] | None:
        """The parameters as they are; None where they differ in number, or are too many."""
        groups = list(self.population.groups(self.rows))
        sizes = {theta.shape[1] for _, _, theta in groups}
        if len(sizes) > 1 or 8 * len(self.rows) * max(sizes) > _MOST_BYTES:
            return None
        order = torch.cat([chosen for _, chosen, _ in groups]).argsort()
        return torch.cat([theta.double() for _, _, theta in groups])[order]

    def learned_by(self, run: Run) -> np.ndarray:
        """Which of them a run learned from, or chose its best epoch by, ``(n,)``."""
        own = own_splits(run, self.population, self.rows)
        return np.zeros(len(self.rows), bool) if own is None else np.isin(own, ("train", "val"))


@final
@dataclass(frozen=True, kw_only=True)
class Neighborhoods:
    """How often neighbors have the class of a network.

    Attributes:
        column: that holds the classes.
        agreements: by whose vectors they are neighbors; all about the same networks.
        learned: networks that were left out since a model has learned from them.
        without: networks that were left out since they have no class, or no finite vector.
    """

    column: str
    agreements: Mapping[str, NeighborAgreement]
    learned: int
    without: int

    @property
    def table(self) -> Table:
        """A row for each kind of vectors, the last that of chance."""
        first = next(iter(self.agreements.values()))
        title = (
            f"Of the {first.neighbors} nearest of {first.networks} networks, those of the same {self.column}"
        )
        rows = [
            (name, found.share, *(found.interval or ("-", "-"))) for name, found in self.agreements.items()
        ]
        return Table(
            title, ("vectors", "share", "95 % from", "to"), (*rows, ("chance", first.chance, "", ""))
        )

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "column": self.column,
            "learned_from_and_left_out": self.learned,
            "without_class_or_vector": self.without,
            "by": {name: asdict(found) for name, found in self.agreements.items()},
        }


def compare_neighbors(
    networks: SeenNetworks, *, runs: Sequence[Run], neighbors: int, seed: int = 0
) -> Neighborhoods:
    """The share of nearest neighbors with the same class, by the vectors of runs and by what knows nothing.

    Beside the runs stand untrained models, one of them permutation-only, and, where networks have equally
    many, weights as they are.  Networks that a run has learned from are neither asked about nor neighbors.
    All vectors are standardized as for a picture.

    Args:
        networks: which ones, and their classes.
        runs: of models that make vectors.
        neighbors: how many of the nearest.
        seed: of random weights.

    Raises:
        ConfigurationError: too few networks are left, or they have one class only.
    """
    classes = networks.classes
    learned = np.zeros(len(classes), bool)
    for run in runs:
        learned |= networks.learned_by(run)
    seen = dict(_vectors(networks, runs, seed))
    sound = np.array([value is not None and value != "" for value in classes.tolist()])
    for vectors in seen.values():
        sound &= vectors.isfinite().all(dim=1).numpy()
    kept = np.flatnonzero(sound & ~learned)
    if not len(kept):
        raise ConfigurationError(
            f"--neighbors: of {len(classes)} networks the models learned from {int(learned.sum())}, and "
            f"{int((~sound).sum())} have no {networks.column} or no finite vector, so none is left; choose "
            "others with --where or --limit"
        )
    population = networks.population
    groups = groups_among(population, networks.rows[kept], DataConfig(population=population.folder))
    return Neighborhoods(
        column=networks.column,
        agreements={
            name: neighbor_agreement(
                standardize(vectors[kept].numpy()), classes[kept], groups=groups, neighbors=neighbors
            )
            for name, vectors in seen.items()
        },
        learned=int(learned.sum()),
        without=int((~sound & ~learned).sum()),
    )


def _vectors(networks: SeenNetworks, runs: Sequence[Run], seed: int) -> Iterator[tuple[str, Tensor]]:
    folders = [run.folder.resolve() for run in runs]
    alike = len({folder.name for folder in folders}) < len(folders)
    for run, folder in zip(runs, folders, strict=True):
        yield f"the model of {folder if alike else folder.name}", networks.vectors(run)
    yield UNTRAINED, networks.untrained(Symmetry.scaling, seed=seed)
    yield PERMUTATION_ONLY, networks.untrained(Symmetry.permutation, seed=seed)
    weights = networks.weights()
    if weights is not None:
        yield WEIGHTS, weights

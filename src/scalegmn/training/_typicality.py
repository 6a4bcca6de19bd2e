"""Whether a network is like those that a model was trained on, by statistics that no symmetry changes.

Papers: Mahalanobis, "On the Generalized Distance in Statistics", 1936; Ledoit and Wolf, "A Well-Conditioned
Estimator for Large-Dimensional Covariance Matrices", 2004, for the covariance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.checkpoints import read_state, write_state
from scalegmn.configuration import with_current_names
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.networks import Architecture
from scalegmn.nn import robust_moments, within_reach

SHARE: Final = 0.995
"""Fraction of networks like those of validation that is to be found typical."""
_LEAST: Final = 1e-6
# Of its statistics, those of a training network that must be within reach for it to count.
_WITHIN: Final = 0.8

_PARTS: Final = ("mean", "deviation", "center", "precision")


@final
class InvariantStatistics:
    """Statistics of the canonical weights and biases of every layer, ``(B, (layers + 1) * 28)``, float64.

    Args:
        architectures: the largest networks that can be read.

    Law: invariant under every symmetry but the phases of sines (:class:`scalegmn.nn.WeightStatistics`).
    """

    def __init__(self, architectures: Sequence[Architecture]) -> None:
        self._spec = GraphSpec.from_architectures(architectures)

    @property
    def size(self) -> int:
        """F, how many statistics a network has."""
        from scalegmn.nn import statistics_size

        return statistics_size(self._spec)

    @torch.no_grad()
    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        """Statistics of the networks of a batch, in its order."""
        # What reads graphs takes a second to import, which those who ask for answers alone can do without.
        from scalegmn.nn import weight_statistics

        return weight_statistics(batch.graph, spec=self._spec).double().cpu()


@final
@dataclass(frozen=True, eq=False)
class Typicality:
    """How far statistics lie from those of the training networks.

    Statistics are standardized by mean and deviation of the training networks, and drawn together by
    ``sign(z) log(1 + |z|)``, because some have heavy tails.  The distance is that of Mahalanobis, with mean
    and Ledoit-Wolf covariance of the training networks.  Single networks that went wild do not move these.

    Attributes:
        mean, deviation: of the statistics, ``(F,)``.
        center: mean of the standardized statistics, ``(F,)``.
        precision: inverse of their covariance, ``(F, F)``.
    """

    mean: Tensor
    deviation: Tensor
    center: Tensor
    precision: Tensor

    @classmethod
    def from_statistics(cls, statistics: Float[Tensor, "N F"]) -> Typicality:
        """Fit to the statistics of N training networks."""
        mean, spread = robust_moments(statistics)
        # Networks that are out of reach in many respects say nothing about what is typical.
        ordinary = within_reach(statistics).double().mean(1) >= _WITHIN
        return cls._of(statistics[ordinary], mean=mean, spread=spread)

    @classmethod
    def from_bounded(cls, statistics: Float[Tensor, "N F"]) -> Typicality:
        """Fit to bounded statistics (0 to 1) of N training networks; none is an outlier, so all count."""
        mean = statistics.mean(0)
        return cls._of(statistics, mean=mean, spread=(statistics - mean).square().mean(0).sqrt())

    @classmethod
    def _of(cls, statistics: Float[Tensor, "N F"], *, mean: Tensor, spread: Tensor) -> Typicality:
        from sklearn.covariance import LedoitWolf

        # What is the same in all training networks must be the same, up to rounding, in typical ones.
        deviation = spread.clamp_min(_LEAST)
        near = _drawn_together((statistics - mean) / deviation)
        found = LedoitWolf().fit(near.numpy())
        covariance = torch.from_numpy(found.covariance_) + _LEAST * torch.eye(near.shape[1]).double()
        inverse = torch.linalg.inv(covariance)
        return cls(mean, deviation, torch.from_numpy(found.location_), (inverse + inverse.T) / 2)

    def distance(self, statistics: Float[Tensor, "B F"]) -> Float[Tensor, "B"]:
        """``(B,)``; NaN or infinite where statistics are."""
        off = _drawn_together((statistics - self.mean) / self.deviation) - self.center
        return torch.einsum("bi,ij,bj->b", off, self.precision, off).clamp_min(0).sqrt()

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        write_state(path, self.to_tensors(), overwrite=True)

    def to_tensors(self) -> dict[str, Tensor]:
        """Tensors by name, fit for a file; of the precision, which is symmetric, the upper triangle."""
        rows, columns = torch.triu_indices(*self.precision.shape)
        parts = {"mean": self.mean, "deviation": self.deviation, "center": self.center}
        return {**parts, "precision": self.precision[rows, columns]}

    @classmethod
    def load(cls, path: Path, *, sha256: str) -> Typicality:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: it is missing, damaged, or not the file with this checksum.
            ConfigurationError: its statistics do not fit together.
        """
        return cls.from_tensors(read_measured(path, sha256=sha256), origin=str(path))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, origin: str) -> Typicality:
        """The inverse of :meth:`to_tensors`.

        Raises:
            ConfigurationError: the statistics do not fit together.
        """
        tensors = with_current_names(cls, tensors)
        found = tuple(tensors.get(name, torch.empty(0)) for name in _PARTS)
        mean, deviation, center, precision = found
        size = len(mean)
        if precision.shape == (size * (size + 1) // 2,):
            precision = _from_triangle(precision, size)
        shapes = [tuple(part.shape) for part in (mean, deviation, center, precision)]
        right = bool(size) and shapes == [(size,)] * 3 + [(size, size)]
        # A distance: deviations are positive, and the precision is that of some covariance.
        if not right or not bool((deviation > 0).all()) or not _is_definite(precision):
            raise ConfigurationError(
                f"{origin}: its statistics have the shapes {shapes}, expected (F,) three times and (F, F), "
                "with positive deviations and the inverse of a covariance"
            )
        return cls(mean, deviation, center, precision)


def statistics_of(statistics: InvariantStatistics, batches: Iterable[NetworkBatch]) -> Float[Tensor, "N F"]:
    """Statistics of all networks of some batches, in the order of the batches."""
    return torch.cat([statistics.compute(batch) for batch in batches])


def _from_triangle(values: Tensor, size: int) -> Tensor:
    """A symmetric matrix from its upper triangle, row by row."""
    rows, columns = torch.triu_indices(size, size)
    matrix = values.new_zeros(size, size)
    matrix[rows, columns] = values
    matrix[columns, rows] = values
    return matrix


def _is_definite(precision: Tensor) -> bool:
    """Whether a matrix is positive definite, up to the rounding of an inverse."""
    largest = float(precision.abs().max())
    symmetric = bool(torch.allclose(precision, precision.T, rtol=1e-6, atol=1e-6 * largest))
    return symmetric and int(torch.linalg.cholesky_ex((precision + precision.T) / 2).info) == 0


def _drawn_together(values: Tensor) -> Tensor:
    return values.sign() * values.abs().log1p()


def read_measured(path: Path, *, sha256: str) -> Mapping[str, Tensor]:
    """Tensors of a file that was measured when a training ended, float64.

    Raises:
        CheckpointError: it is missing, damaged, or not the file with this checksum.
    """
    state = read_state(path, dtype=torch.float64)
    if state.sha256 != sha256:
        raise CheckpointError(
            f"{path}: has the checksum {state.sha256}, expected {sha256}; restore it or train again"
        )
    return state.tensors

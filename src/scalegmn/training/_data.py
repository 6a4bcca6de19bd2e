"""Batches of networks from populations, without a Python loop over networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler, get_worker_info

from scalegmn.graph import NetworkBatch, Records
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.seeding import numpy_generator
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training._processes import world


@final
class NetworkDataset(Dataset[NetworkBatch]):
    """Some networks of a population; an item is a whole batch, named by the positions of its networks.

    Args:
        population: where they are.
        rows: which ones, ``(n,)``.
        targets: one per network of `rows`: ``(n, ...)``, or records.
        canonicalize: bring the phases of sine neurons into one range.
        memory_limit: bytes up to which all parameters are read now and kept, canonicalized once.
    """

    def __init__(
        self,
        *,
        population: Population,
        rows: np.ndarray,
        targets: Tensor | Records,
        canonicalize: bool,
        memory_limit: float,
    ) -> None:
        self.population, self.rows, self.targets = population, rows, targets
        self.canonicalize = canonicalize
        largest = max((a.num_parameters for a in population.architectures), default=0)
        self._kept = self._read(np.arange(len(rows))) if largest * 4 * len(rows) <= memory_limit else None
        # Where each network of the set lies in what is kept: part and row.
        self._place = torch.zeros(len(rows), 2, dtype=torch.long)
        for number, (_, chosen, _) in enumerate(self._kept or []):
            self._place[chosen] = torch.stack(
                [torch.full_like(chosen, number), torch.arange(len(chosen))], dim=1
            )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: np.ndarray) -> NetworkBatch:
        found = self._read(positions) if self._kept is None else self._taken(self._kept, positions)
        order = torch.cat([chosen for _, chosen, _ in found])
        parts = tuple((architecture, theta) for architecture, _, theta in found)
        # From another process parameters come alone: what targets refer to, such as images, stays here.
        alone = get_worker_info() is not None
        return NetworkBatch(parts, order, None if alone else self.targets[order])

    def with_targets(self, batch: NetworkBatch) -> NetworkBatch:
        """A batch of this set with the targets of its networks."""
        if batch.targets is not None:
            return batch
        return dataclasses.replace(batch, targets=self.targets[batch.positions])

    def _taken(
        self, kept: list[tuple[Architecture, Tensor, Tensor]], positions: np.ndarray
    ) -> list[tuple[Architecture, Tensor, Tensor]]:
        wanted = torch.from_numpy(positions)
        if len(kept) == 1:
            return [(kept[0][0], wanted, kept[0][2][self._place[wanted, 1]])]
        part, row = self._place[wanted].unbind(1)
        found = []
        for number in part.unique().tolist():
            mine = part == number
            architecture, _, theta = kept[number]
            found.append((architecture, wanted[mine], theta[row[mine]]))
        return found

    def _read(self, positions: np.ndarray) -> list[tuple[Architecture, Tensor, Tensor]]:
        """Per architecture: positions in this set ``(b,)`` and canonicalized parameters ``(b, P)``."""
        wanted = torch.from_numpy(positions)
        groups = self.population.groups(self.rows[positions])
        return [
            (architecture, wanted[chosen], self._prepared(architecture, theta))
            for architecture, chosen, theta in groups
        ]

    def _prepared(self, architecture: Architecture, theta: Tensor) -> Tensor:
        return canonicalize_sine_phase(architecture, theta) if self.canonicalize else theta


@final
class BatchOrder(Sampler[np.ndarray]):
    """Positions of whole batches, in an order that depends on the seed and the epoch and on nothing before.

    So a training that is resumed sees the networks in the same order as one that was never interrupted.  The
    batches are the same on any number of processes, which take equal parts of each: no network comes twice,
    and none is left out.

    Args:
        length: how many networks there are.
        batch_size: networks per batch at most, in all processes together.
        seed: of the shuffle; None leaves the order.
        accumulate: parts that each process takes of a batch, one after the other.
    """

    def __init__(self, *, length: int, batch_size: int, seed: int | None, accumulate: int = 1) -> None:
        self.length, self.batch_size, self.seed, self.accumulate = length, batch_size, seed, accumulate
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._batches()) * self.accumulate

    def __iter__(self) -> Iterator[np.ndarray]:
        order = np.arange(self.length)
        if self.seed is not None:
            order = numpy_generator(self.seed, "order", self.epoch).permutation(self.length)
        for number in range(len(self)):
            start, stop = self._part(number)
            yield order[start:stop]

    def share(self, number: int) -> float:
        """The weight of a part in the mean over its batch, in units of an equal part; `number` counts parts.

        The mean of equally many parts, each times its share, is the mean over all networks of the batch.
        """
        start, stop = self._batches()[number // self.accumulate]
        first, last = self._part(number)
        return (last - first) * self._parts / (stop - start)

    @property
    def _parts(self) -> int:
        """In how many parts a batch is cut."""
        return world()[0] * self.accumulate

    def _part(self, number: int) -> tuple[int, int]:
        """Start and end of a part of this process; processes take turns."""
        processes, rank = world()
        start, stop = self._batches()[number // self.accumulate]
        turn = number % self.accumulate * processes + rank
        return tuple(start + (stop - start) * (turn + i) // self._parts for i in range(2))  # type: ignore[return-value]

    def _batches(self) -> list[tuple[int, int]]:
        """Start and end of every batch."""
        count = steps_per_epoch(self.length, self.batch_size, parts=self._parts)
        return list(pairwise(self.length * i // count for i in range(count + 1)))


def steps_per_epoch(length: int, batch_size: int, *, parts: int) -> int:
    """Batches of an epoch, of nearly the same size and at most `batch_size`, each cut in `parts`.

    No network is left out, and no part is empty (processes wait for each other at every step).
    """
    wanted = -(-length // batch_size)
    # That there are as many networks as parts is checked before.
    return max(1, min(wanted, length // parts))


@dataclass(frozen=True, eq=False)
class Datasets:
    """The networks of one training."""

    train: NetworkDataset
    val: NetworkDataset
    test: NetworkDataset | None

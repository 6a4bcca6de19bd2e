"""What the tests of makers that write shard by shard share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.errors import PopulationError
from scalegmn.populations import Population


@contextmanager
def blocks_of(plan: ModuleType, count: int) -> Iterator[None]:
    """Shards are whole blocks; with small blocks a few networks make several shards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_BLOCK", count)
        yield


@contextmanager
def shards_seen(maker: ModuleType, *, stop: int | None = None) -> Iterator[list[range]]:
    """The shards that a maker makes; a keyboard interrupt comes before shard number `stop`."""
    work, seen = maker._make_shard, []

    def watched(*arguments: object) -> None:
        if len(seen) == stop:
            raise KeyboardInterrupt
        seen.append(arguments[-1])
        work(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "_make_shard", watched)
        yield seen


def check_resumed(
    make: Callable[..., object], folder: Path, *, maker: ModuleType, shards: list[range], stop: int, like: str
) -> None:
    """Interrupted before a shard and resumed, a population is as if nothing had happened.

    Args:
        make: makes the population in a folder; takes `resume`, `seed` and `workers`.
        folder: of the population, new.
        maker: module that makes shards.
        shards: all of them.
        stop: the shard before which the interruption comes.
        like: checksum of the population that was never interrupted.
    """
    with shards_seen(maker, stop=stop) as seen, pytest.raises(KeyboardInterrupt):
        make(folder)
    assert seen == shards[:stop]
    with pytest.raises(PopulationError, match="unfinished"):
        Population.open(folder)
    with shards_seen(maker) as seen:
        report = make(folder, resume=True, workers=2)
        assert seen == shards[stop:]
        assert Population.open(folder).checksum == like
        assert make(folder, resume=True) == report and seen == shards[stop:]
        with pytest.raises(PopulationError, match="seed"):
            make(folder, resume=True, seed=5)
        with pytest.raises(PopulationError, match="--resume"):
            make(folder)
    assert Population.open(folder).checksum == like


def parameters_in_rows(population: Population) -> list[Tensor]:
    """Of every network in the order of rows."""
    rows = np.arange(len(population))
    found: list[Tensor] = [torch.empty(0)] * len(rows)
    for _, positions, theta in population.groups(rows):
        for position, own in zip(positions.tolist(), theta, strict=True):
            found[position] = own
    return found

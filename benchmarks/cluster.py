"""How long makers take with threads, and on Ray clusters of one and of two nodes of this machine.

    python -m benchmarks.cluster --networks 512

Nodes have one processor each.  The time is that of the whole call, connecting and the start of processes
included; of a cluster it is measured twice.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scalegmn.images import ImageSet, load_images
from scalegmn.populations import Population
from scalegmn.zoo.cnns import CnnRecipe, ZooFamily, make_cnns

RECIPE = CnnRecipe(family=ZooFamily(padding=1), checkpoints=(0, 5))
MEMORY = 100 * 2**20


@contextmanager
def nodes(count: int) -> Iterator[str]:
    """The address of a cluster of so many nodes."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 1, "object_store_memory": MEMORY}
    cluster = Cluster(initialize_head=True, head_node_args={**settings, "include_dashboard": False})
    for _ in range(count - 1):
        cluster.add_node(**settings)
    cluster.wait_for_nodes()
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def digits() -> ImageSet:
    images = load_images("digits")
    splits = [np.flatnonzero(images.split == split) for split in ("train", "test")]
    return images.subset(np.concatenate(splits))


def measured(
    folder: Path, name: str, *, networks: int, cluster: str | None = None, workers: int | None = None
) -> None:
    began = time.perf_counter()
    make_cnns(
        digits(),
        folder / name,
        recipe=RECIPE,
        networks=networks,
        cluster=cluster,
        workers=workers,
        progress=False,
    )
    seconds = time.perf_counter() - began
    checksum = Population.open(folder / name).checksum[:12]
    print(f"{name:<24} {seconds:6.1f} s  {networks / seconds:6.1f} networks a second  {checksum}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=512)
    networks = parser.parse_args().networks
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for workers in (1, 2):
            measured(folder, f"threads: {workers}", networks=networks, workers=workers)
        for count in (1, 2):
            with nodes(count) as address:
                for times in ("first", "again"):
                    measured(folder, f"nodes: {count}, {times}", networks=networks, cluster=address)


if __name__ == "__main__":
    main()

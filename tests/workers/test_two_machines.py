"""A cluster of two machines, which are processes here; one is killed in the middle of the work."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scalegmn.collections import NetworkReader, import_checkpoints, import_collection, write_checkpoints
from scalegmn.collections import _batches as batches
from scalegmn.collections._checkpoint_readers import CheckpointWork
from scalegmn.collections.inrs import NpzInrs
from scalegmn.comparison import compare
from scalegmn.errors import ClusterError, ConfigurationError
from scalegmn.images import ImageSet, load_images
from scalegmn.populations import LabelTable, Population
from scalegmn.trojans.making import make_trojans
from scalegmn.trojans.scanning import Detector, ScanSettings, scan
from scalegmn.workers import _connecting as connecting
from scalegmn.workers import open_executor
from scalegmn.zoo.cnns import CnnRecipe, ZooFamily, make_cnns
from scalegmn.zoo.inrs import InrRecipe, fit_inrs
from tests.comparison.cases import base, comparison_file, configured
from tests.training.small import small_population
from tests.trojans.making.trojan_cases import RECIPE, base_population, easy_images
from tests.trojans.scanning.cases import detector_population, train_detector, write_networks

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SMALL = 80 * 2**20
MAIN = "import sys; from scalegmn.cli.main import main; sys.exit(main())"


class Machines:
    """Two machines with one processor each; the second one can be killed."""

    def __init__(self) -> None:
        connecting.ray_module()
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 1, "object_store_memory": SMALL, "include_dashboard": False},
        )
        self.address: str = self._cluster.address
        self._second: Any = None

    def have_two(self) -> None:
        """Start the second machine, if there is none."""
        if self._second is None:
            self._second = self._cluster.add_node(num_cpus=1, object_store_memory=SMALL)
            self._cluster.wait_for_nodes()

    def kill(self) -> None:
        """End the second machine without a word."""
        second, self._second = self._second, None
        self._cluster.remove_node(second, allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    started = Machines()
    yield started
    started.close()


@pytest.fixture
def two(machines: Machines) -> Machines:
    machines.have_two()
    return machines


def some_digits(count: int) -> ImageSet:
    images = load_images("digits")
    chosen = [np.flatnonzero(images.split == split)[:count] for split in ("train", "test")]
    return images.subset(np.concatenate(chosen))


def bytes_of(folder: Path) -> dict[str, str]:
    """Checksums of all files."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file()
    }


class When:
    """Does something as soon as a file exists and has so many lines."""

    def __init__(self, path: Path, action: Callable[[], None], *, lines: int = 0) -> None:
        self._path, self._action, self._lines, self.done = path, action, lines, False
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def __enter__(self) -> When:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(60)

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self._path.exists() and (not self._lines or self._written() >= self._lines):
                self._action()
                self.done = True
                return
            time.sleep(0.02)

    def _written(self) -> int:
        return self._path.read_bytes().count(b"\n")


def test_cnns_are_the_same_bytes_although_a_machine_dies(two: Machines, tmp_path: Path) -> None:
    recipe = CnnRecipe(family=ZooFamily(padding=1), checkpoints=(0, 2))
    settings: dict[str, Any] = {"recipe": recipe, "networks": 256, "inner_batch": 8, "progress": False}
    make_cnns(some_digits(300), tmp_path / "here", workers=1, **settings)
    with When(tmp_path / "there" / "shard-00000.parquet", two.kill) as killed:
        make_cnns(some_digits(300), tmp_path / "there", cluster=two.address, **settings)
    assert killed.done
    assert bytes_of(tmp_path / "there") == bytes_of(tmp_path / "here")


def test_a_driver_that_dies_is_resumed(two: Machines, tmp_path: Path) -> None:
    limits = ["--train-limit", "900", "--test-limit", "0", "--hidden", "[16, 16]", "--steps", "200"]
    where = ["--shard-size", "64", "-o", str(tmp_path / "there"), "--cluster", two.address]
    command = [sys.executable, "-c", MAIN, "make", "inrs", "--source", "digits", *limits, *where]
    driver = subprocess.Popen(command)
    with When(tmp_path / "there" / "shard-00000.parquet", lambda: os.kill(driver.pid, signal.SIGKILL)):
        assert driver.wait(100) == -signal.SIGKILL
    assert not (tmp_path / "there" / "index.json").exists()
    images = load_images("digits")
    images = images.subset(np.flatnonzero(images.split == "train")[:900])
    settings: dict[str, Any] = {
        "recipe": InrRecipe(hidden=(16, 16), steps=200),
        "shard_size": 64,
        "progress": False,
    }
    fit_inrs(images, tmp_path / "there", cluster=two.address, resume=True, **settings)
    fit_inrs(images, tmp_path / "here", **settings)
    assert bytes_of(tmp_path / "there") == bytes_of(tmp_path / "here")


def test_trojans_are_the_same_bytes(two: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the machines read is named by where the work was begun.
    monkeypatch.chdir(tmp_path)
    base_population(Path("bases"))
    settings: dict[str, Any] = {"recipe": RECIPE, "pairs": 6, "inner_batch": 4, "progress": False}
    bases = Population.open("bases")
    make_trojans(bases, easy_images(), Path("here"), workers=1, **settings)
    make_trojans(bases, easy_images(), Path("there"), cluster=two.address, **settings)
    assert bytes_of(Path("there")) == bytes_of(Path("here"))


def test_imports_are_the_same_bytes(two: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "_PORTION", 3)
    base_population(Path("networks"))
    write_checkpoints(Population.open("networks"), "files", progress=False)
    table = LabelTable.read(Path("files/networks.csv"))
    (Path("files") / table.files[4]).write_bytes(b"no network")
    for name, cluster in (("here", None), ("there", two.address)):
        report = import_checkpoints("files", name, table=table, cluster=cluster, shard_size=4, progress=False)
        assert report.networks == 9 and [one.name for one in report.refused] == [table.files[4]]
    assert bytes_of(Path("there")) == bytes_of(Path("here"))


def test_a_collection_is_imported_to_the_same_bytes(
    two: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "_PORTION", 2)
    fit_inrs(some_digits(5), "networks", recipe=InrRecipe(hidden=(32, 32), steps=1), progress=False)
    NpzInrs().write(Population.open("networks"), "files", progress=False)
    for name, cluster in (("here", None), ("there", two.address)):
        report = import_collection(NpzInrs(), "files", name, cluster=cluster, progress=False)
        assert report.networks == 10
    assert bytes_of(Path("there")) == bytes_of(Path("here"))


def test_compared_runs_are_the_same_although_a_machine_dies(two: Machines, tmp_path: Path) -> None:
    population = small_population(tmp_path / "small", networks=48).folder
    training = {"epochs": 5, "learning_rate": 0.01, "warmup_steps": 1, "accelerator": "cpu"}
    settings = {**base(population), "training": training}
    here = configured(comparison_file(tmp_path / "here", population, base=settings, seeds=[0]))
    there = configured(
        comparison_file(tmp_path / "there", population, base=settings, cluster=two.address, seeds=[0])
    )
    lines: list[str] = []
    with When(there.output / "scalegmn-seed0" / "checkpoints", two.kill) as killed:
        assert compare(there, tell=lines.append) == ()
    assert killed.done and sum(" of 2)" in line for line in lines) == 2
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert compare(here, tell=lines.append) == ()
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(here.runs, there.runs, strict=True):
        weights = [next(run.folder.rglob("model.safetensors")).read_bytes() for run in (one, other)]
        figures = [json.loads((run.folder / "results.json").read_text())["test"] for run in (one, other)]
        assert weights[0] == weights[1] and figures[0] == figures[1]


def test_scans_are_the_same_although_a_machine_dies(two: Machines, tmp_path: Path) -> None:
    detector_population(tmp_path / "population", activations=("relu",))
    run = train_detector(tmp_path / "run", tmp_path / "population", training__epochs=1)
    detector = Detector.open(run, device="cpu")
    write_networks(tmp_path / "files", count=30)
    (tmp_path / "files" / "broken.pt").write_bytes(b"no network")
    settings = ScanSettings(batch_size=3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        here = scan([tmp_path / "files"], detector=detector, settings=settings)
    finally:
        torch.set_num_threads(threads)
    with When(tmp_path / "journal", two.kill, lines=2) as killed:
        there = scan(
            [tmp_path / "files"],
            detector=detector,
            settings=settings,
            journal=tmp_path / "journal",
            cluster=two.address,
        )
    assert killed.done and there.to_dict() == here.to_dict()


def test_a_machine_that_does_not_see_a_folder_says_so(tmp_path: Path) -> None:
    work = CheckpointWork(tmp_path / "elsewhere", NetworkReader())
    with pytest.raises(ClusterError, match="does not see this folder; use one that all machines"):
        work.do([], lambda part: None)


def test_a_machine_with_another_version_is_one_sentence(
    two: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "versions_here", lambda: {"scalegmn": "9.9"})
    with (
        pytest.raises(ConfigurationError, match=r"has scalegmn 0.*, and the machine .* has 9\.9; install"),
        open_executor(cluster=two.address),
    ):
        pass

from __future__ import annotations

import dataclasses
import errno
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.collections.small_cnn_zoo import SmallCnnZoo, import_zoo, write_zoo
from scalegmn.errors import ConfigurationError, ImageSourceError, PopulationError
from scalegmn.images import ImageSet
from scalegmn.networks import run
from scalegmn.populations import Population, PopulationWriter
from scalegmn.zoo.cnns import CnnRecipe, CnnReport, HyperSpace, ZooFamily, make_cnns, prepared_images
from scalegmn.zoo.cnns import _making as cnn_populations
from scalegmn.zoo.cnns import _plan as cnn_plan
from tests.zoo.cnns.cnn_cases import CLASSES, MIXED, TAME, ZOO, some_images
from tests.zoo.cnns.shard_cases import blocks_of, check_resumed, parameters_in_rows

FIGURES = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")
COLUMNS = [
    "network",
    "epoch",
    "activation",
    "w_init",
    "init_std",
    "learning_rate",
    "l2",
    "dropout",
    "train_fraction",
    "optimizer",
    "seed",
    *FIGURES,
    "diverged",
]
# Plain descent with an absurd rate goes wrong in its first steps.
WILD_RATE = dataclasses.replace(TAME, optimizers=("sgd",), learning_rate=(1e20, 1e20))


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with blocks_of(cnn_plan, 4):
        yield


def make(
    folder: Path,
    *,
    recipe: CnnRecipe = ZOO,
    images: ImageSet | None = None,
    networks: int = 10,
    seed: int = 3,
    shard_size: int = 4,
    workers: int = 1,
    resume: bool = False,
) -> CnnReport:
    return make_cnns(
        some_images() if images is None else images,
        folder,
        recipe=recipe,
        networks=networks,
        seed=seed,
        shard_size=shard_size,
        inner_batch=3,
        workers=workers,
        resume=resume,
        progress=False,
    )


def by_checkpoint(population: Population) -> dict[tuple[int, int], tuple[Tensor, dict[str, object]]]:
    """Parameters and metadata by network and epoch, whatever the order of rows."""
    table = {name: population.column(name) for name in COLUMNS}
    keys = zip(table["network"].tolist(), table["epoch"].tolist(), strict=True)
    rows = [{name: values[row] for name, values in table.items()} for row in range(len(population))]
    return dict(zip(keys, zip(parameters_in_rows(population), rows, strict=True), strict=True))


def check_same(one: Population, other: Population) -> None:
    """The same networks to the bit."""
    mine, its = by_checkpoint(one), by_checkpoint(other)
    assert mine.keys() == its.keys()
    for key, (theta, row) in mine.items():
        assert torch.equal(theta, its[key][0]), key
        assert row == its[key][1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Ten networks in one go."""
    folder = tmp_path_factory.mktemp("cnns") / "whole"
    with blocks_of(cnn_plan, 4):
        make(folder, shard_size=4)
    return Population.open(folder)


def test_population_says_what_was_trained(whole: Population) -> None:
    assert [name for name in whole.columns if name != "architecture"] == COLUMNS
    assert len(whole) == 20
    networks = by_checkpoint(whole)
    assert sorted(networks) == [(number, epoch) for number in range(10) for epoch in (0, 2)]
    for (number, _), (theta, row) in networks.items():
        drawn = dataclasses.asdict(ZOO.hyper(3, number))
        assert {name: row[name] for name in drawn} == drawn
        assert theta.dtype == torch.float32
    kinds = {architecture.stages[0].activate.activation.kind for architecture in whole.architectures}
    assert kinds == {"relu", "tanh"}
    owner = whole.column("architecture")
    for row, activation in enumerate(whole.column("activation")):
        assert whole.architectures[owner[row]].stages[0].activate.activation.kind == activation
    for number in set(owner.tolist()):
        mine = owner == number
        keys = list(
            zip(whole.column("network")[mine].tolist(), whole.column("epoch")[mine].tolist(), strict=True)
        )
        assert keys == sorted(keys)
    provenance = whole.provenance
    assert provenance["images_checksum"] == some_images().checksum
    assert provenance["recipe"] == json.loads(json.dumps(ZOO.to_plain()))
    assert (provenance["family"], provenance["padding"], provenance["seed"]) == ("zoo", 0, 3)
    assert (provenance["train_images"], provenance["test_images"]) == (24, 10)
    assert not whole.column("diverged").any()


def test_recorded_figures_are_those_of_the_written_networks(whole: Population) -> None:
    """Computed anew, by another function, from what is in the store."""
    images = some_images()
    pixels, labels = prepared_images(images), torch.from_numpy(images.labels)
    test = images.split == "test"
    whole_share = whole.column("train_fraction") == 1
    for part, chosen in (("test", test), ("train", ~test)):
        rows = np.arange(len(whole)) if part == "test" else np.flatnonzero(whole_share)
        assert len(rows)
        for architecture, positions, theta in whole.groups(rows):
            outputs = run(architecture, theta.double(), pixels[chosen].double())
            answers = labels[chosen].expand(len(theta), -1)
            accuracy = (outputs.argmax(dim=2) == answers).double().mean(dim=1)
            loss = F.cross_entropy(outputs.mT, answers, reduction="none").mean(dim=1)
            mine = rows[np.asarray(positions)]
            np.testing.assert_allclose(whole.column(f"{part}_accuracy")[mine], accuracy, atol=1e-12)
            np.testing.assert_allclose(whole.column(f"{part}_loss")[mine], loss, rtol=1e-4)


def test_networks_learn(whole: Population) -> None:
    """After two epochs parameters are others, and the penalty and the steps have not blown them up."""
    networks = by_checkpoint(whole)
    for number in range(10):
        change = (networks[number, 2][0] - networks[number, 0][0]).abs().max()
        assert 0 < change < 3
    losses = [[networks[number, epoch][1]["train_loss"] for number in range(10)] for epoch in (0, 2)]
    assert np.median(losses[1]) < np.median(losses[0])


@pytest.mark.parametrize(("shard_size", "workers"), [(8, 3), (1000, 2)])
def test_pieces_do_not_matter_to_the_bit(
    whole: Population, tmp_path: Path, shard_size: int, workers: int
) -> None:
    make(tmp_path / "p", shard_size=shard_size, workers=workers)
    check_same(Population.open(tmp_path / "p"), whole)


def test_number_and_seed_decide(whole: Population, tmp_path: Path) -> None:
    """Fewer networks are the first ones; another seed makes others."""
    make(tmp_path / "few", networks=4)
    few, networks = by_checkpoint(Population.open(tmp_path / "few")), by_checkpoint(whole)
    assert len(few) == 8
    for key, (theta, _) in few.items():
        assert torch.equal(theta, networks[key][0])
    make(tmp_path / "seed", networks=4, seed=4)
    for key, (theta, row) in by_checkpoint(Population.open(tmp_path / "seed")).items():
        assert not torch.equal(theta, networks[key][0])
        assert row["seed"] != networks[key][1]["seed"]


def test_resumed_is_the_same_as_uninterrupted(whole: Population, tmp_path: Path) -> None:
    shards = [range(4), range(4, 8), range(8, 10)]
    check_resumed(make, tmp_path / "p", maker=cnn_populations, shards=shards, stop=2, like=whole.checksum)
    report = make(tmp_path / "p", resume=True)
    assert (report.networks, report.rows) == (10, 20)


def test_a_worker_that_fails_stops_the_others_and_loses_nothing(
    whole: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = cnn_populations.train_job

    def fails(plan: object, job: cnn_plan.TrainingJob, report: object) -> list[cnn_populations.Row]:
        if 5 in job.networks:
            raise MemoryError("no room for network 5")
        return work(plan, job, report)  # type: ignore[arg-type]

    monkeypatch.setattr(cnn_populations, "train_job", fails)
    with pytest.raises(MemoryError, match="network 5"):
        make(tmp_path / "p", workers=2)
    monkeypatch.undo()
    make(tmp_path / "p", resume=True)
    assert Population.open(tmp_path / "p").checksum == whole.checksum


def test_a_full_disk_loses_nothing(
    whole: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = PopulationWriter.append_groups, []

    def full(self: PopulationWriter, *arguments: object, **settings: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(PopulationWriter, "append_groups", full)
    with pytest.raises(PopulationError, match=r"No space left.*make room, and resume"):
        make(tmp_path / "p")
    make(tmp_path / "p", resume=True)
    # One that was written, one that failed, and the two that were left.
    assert len(calls) == 4
    assert Population.open(tmp_path / "p").checksum == whole.checksum


def test_diverged_networks_are_kept_and_marked(tmp_path: Path) -> None:
    recipe = dataclasses.replace(ZOO, space=WILD_RATE, checkpoints=(0, 1, 2))
    report = make(tmp_path / "p", recipe=recipe, networks=6)
    population = Population.open(tmp_path / "p")
    assert report.diverged == tuple(range(6))
    assert report.rows == len(population) == 18
    epoch, diverged = population.column("epoch"), population.column("diverged")
    assert not diverged[epoch == 0].any() and diverged[epoch > 0].all()
    for theta in parameters_in_rows(population):
        assert torch.isfinite(theta).all()
    for name in FIGURES:
        assert np.isfinite(population.column(name)).all()


@pytest.mark.slow
def test_mixed_family(tmp_path: Path) -> None:
    report = make(tmp_path / "one", recipe=MIXED, networks=12, workers=2)
    population = Population.open(tmp_path / "one")
    assert report.rows == len(population) == 12
    assert len(population.architectures) > 3
    assert any(architecture.skips for architecture in population.architectures)
    owner = population.column("architecture")
    for row, number in enumerate(population.column("network").tolist()):
        stages = population.architectures[owner[row]].stages[:-1]
        kinds = [stage.activate.activation.kind for stage in stages]
        assert population.column("architecture_number")[row] == number // 2
        assert population.column("depth")[row] == len(stages)
        assert population.column("activations")[row] == " ".join(kinds)
        assert population.column("activation")[row] == (kinds[0] if len(set(kinds)) == 1 else "mixed")
    # Networks of one number of architecture share it, and differ in all else.
    row_of = {number: row for row, number in enumerate(population.column("network").tolist())}
    theta = parameters_in_rows(population)
    for number in range(0, 12, 2):
        one, other = row_of[number], row_of[number + 1]
        assert owner[one] == owner[other]
        assert not torch.equal(theta[one], theta[other])
    assert population.provenance["padding"] == "half the kernel"
    make(tmp_path / "other", recipe=MIXED, networks=12, shard_size=100)
    check_same(Population.open(tmp_path / "other"), population)


def test_colors_and_smaller_images(tmp_path: Path) -> None:
    images = some_images(color=True)
    recipe = dataclasses.replace(ZOO, grayscale=False, image_size=7, checkpoints=(1,))
    make(tmp_path / "p", recipe=recipe, images=images, networks=2)
    population = Population.open(tmp_path / "p")
    assert population.architecture.num_inputs == 3
    preprocessing = population.provenance["preprocessing"]
    assert preprocessing == {"range": [-1, 1], "grayscale": False, "channels": 3, "size": [7, 7]}
    test = images.subset(np.flatnonzero(images.split == "test"))
    pixels = prepared_images(test, grayscale=False, image_size=7)
    for architecture, positions, theta in population.groups(np.arange(2)):
        right = run(architecture, theta, pixels).argmax(dim=2) == torch.from_numpy(test.labels)
        recorded = population.column("test_accuracy")[np.asarray(positions)]
        np.testing.assert_allclose(recorded, right.double().mean(dim=1), atol=1e-12)


def test_it_can_be_written_as_a_zoo_and_read_back(whole: Population, tmp_path: Path) -> None:
    report = write_zoo(whole, tmp_path / "zoo", progress=False)
    assert (report.networks, report.padding) == (20, 0)
    everything = SmallCnnZoo(step=None, split_rule=None)
    import_zoo(everything, tmp_path / "zoo", tmp_path / "back", progress=False)
    back = Population.open(tmp_path / "back")
    assert len(back) == 20
    # Rows of the files stand in the order of the population that they were written from.
    order = back.column("row")
    written, read = parameters_in_rows(whole), parameters_in_rows(back)
    for place, row in enumerate(order.tolist()):
        assert torch.equal(read[place], written[row])
    for name in ("epoch", "activation", "optimizer", "test_accuracy", "learning_rate"):
        given = whole.column(name)[order]
        found = back.column(name)
        if name in ("activation", "optimizer"):
            assert found.tolist() == given.tolist()
        else:
            np.testing.assert_allclose(found, given, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"networks": 0}, "networks is 0"),
        ({"shard_size": 0}, "shard_size is 0"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_wrong_requests(tmp_path: Path, settings: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(tmp_path / "p", **settings)  # type: ignore[arg-type]
    assert not (tmp_path / "p").exists()


def test_images_that_cannot_be_learned_from(tmp_path: Path) -> None:
    images = some_images()
    with pytest.raises(ImageSourceError, match="no test images"):
        make(tmp_path / "p", images=images.subset(np.flatnonzero(images.split == "train")))
    alike = ImageSet(images.images, np.zeros(len(images), np.int64), images.split, "alike")
    with pytest.raises(ConfigurationError, match="1 classes"):
        make(tmp_path / "p", images=alike)
    with pytest.raises(ConfigurationError, match="image_size is 9"):
        make(tmp_path / "p", recipe=dataclasses.replace(ZOO, image_size=9))
    assert not (tmp_path / "p").exists()


def test_networks_that_are_too_deep_for_the_images(tmp_path: Path) -> None:
    deep = dataclasses.replace(ZOO, family=ZooFamily(channels=(2, 2, 2)))
    with pytest.raises(ConfigurationError, match=r"8 x 8 pixels.*conv\.2"):
        make(tmp_path / "p", recipe=deep)
    assert not (tmp_path / "p").exists()


def test_starts_alone_need_no_training(tmp_path: Path) -> None:
    make(tmp_path / "p", recipe=dataclasses.replace(ZOO, checkpoints=(0,)), networks=3)
    population = Population.open(tmp_path / "p")
    assert population.column("epoch").tolist() == [0, 0, 0]
    assert {architecture.num_outputs for architecture in population.architectures} == {CLASSES}


def test_number_of_threads_is_as_before(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        make(tmp_path / "p", networks=1, recipe=dataclasses.replace(ZOO, checkpoints=(0,)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_space_of_one_activation_makes_one_architecture(tmp_path: Path) -> None:
    recipe = CnnRecipe(
        family=ZooFamily(channels=(2,)), space=HyperSpace(activations=("gelu",)), checkpoints=(0,)
    )
    make(tmp_path / "p", recipe=recipe, networks=5)
    assert Population.open(tmp_path / "p").architecture.stages[0].activate.activation.kind == "gelu"

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from scalegmn.errors import ConfigurationError, ImageSourceError
from scalegmn.images import ImageSet
from scalegmn.populations import Population
from scalegmn.programs import ProgramArchitecture
from scalegmn.zoo.classifiers import ClassifierRecipe, ClassifierReport, make_classifiers
from scalegmn.zoo.classifiers import _making as making
from scalegmn.zoo.classifiers._plan import ClassifierJob, ClassifierPlan
from scalegmn.zoo.cnns import prepared_images
from tests.zoo.classifiers.classifier_cases import RECIPE, RESIDUAL, SPACE, TRANSFORMER
from tests.zoo.cnns.cnn_cases import some_images
from tests.zoo.cnns.shard_cases import check_resumed, parameters_in_rows

FIGURES = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")
COLUMNS = [
    "network",
    "dataset",
    "recipe",
    "architecture_number",
    "family",
    "design",
    "activation",
    "normalization",
    "depth",
    "width",
    "w_init",
    "init_scale",
    "learning_rate",
    "l2",
    "dropout",
    "train_fraction",
    "label_noise",
    "optimizer",
    "steps",
    "seed",
    *FIGURES,
    "generalization_gap",
    "diverged",
]


def make(
    folder: Path,
    *,
    recipe: ClassifierRecipe = RECIPE,
    images: ImageSet | None = None,
    networks: int = 7,
    seed: int = 3,
    shard_size: int = 2,
    workers: int = 1,
    resume: bool = False,
) -> ClassifierReport:
    return make_classifiers(
        some_images() if images is None else images,
        folder,
        recipe=recipe,
        networks=networks,
        seed=seed,
        shard_size=shard_size,
        workers=workers,
        resume=resume,
        progress=False,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Seven networks of two architectures in one go."""
    folder = tmp_path_factory.mktemp("classifiers") / "whole"
    make(folder)
    return Population.open(folder)


@pytest.mark.slow
def test_population_says_what_was_trained(whole: Population) -> None:
    assert [name for name in whole.columns if name != "architecture"] == COLUMNS
    assert whole.column("network").tolist() == list(range(7))
    assert whole.column("architecture_number").tolist() == [0, 0, 1, 1, 0, 0, 1]
    # All networks of a design share one program.
    assert len(whole.architectures) == 2
    assert whole.column("architecture").tolist() == whole.column("architecture_number").tolist()
    for number in range(7):
        drawn = dataclasses.asdict(RECIPE.hyper(3, number))
        assert {name: whole.column(name)[number] for name in drawn} == drawn
    assert whole.column("design").tolist()[:4:2] == [RESIDUAL.label, TRANSFORMER.label]
    assert whole.column("normalization").tolist()[:4:2] == ["batch", "layer"]
    gap = whole.column("train_accuracy") - whole.column("test_accuracy")
    np.testing.assert_array_equal(whole.column("generalization_gap"), gap)
    assert whole.provenance["recipe"] == json.loads(json.dumps(RECIPE.to_plain()))
    assert whole.provenance["images_checksum"] == some_images().checksum
    assert not whole.column("diverged").any()


def test_recorded_figures_are_those_of_the_stored_networks(whole: Population) -> None:
    """Computed anew from what is in the store, and by a module into which it is written."""
    images = some_images()
    pixels, labels = prepared_images(images), torch.from_numpy(images.labels)
    plan = ClassifierPlan(images, RECIPE, 7, 3, 2, torch.device("cpu"))
    assert whole.column("label_noise").max() == 0.5 and whole.column("train_fraction").min() == 0.5
    for architecture, positions, theta in whole.groups(np.arange(7)):
        for number, own in zip(np.asarray(positions).tolist(), theta, strict=True):
            assert isinstance(architecture, ProgramArchitecture)
            module = plan.module(int(whole.column("architecture_number")[number]))
            module.load_state_dict(architecture.write_state(own, like=module.state_dict()))
            hyper = RECIPE.hyper(3, number)
            seen = plan.share(hyper)[:10]
            test = torch.from_numpy(images.split == "test")
            parts = {
                "train": (pixels[~test][seen], plan.labels(hyper)[seen]),
                "test": (pixels[test], labels[test]),
            }
            for part, (inputs, wanted) in parts.items():
                answers = architecture.run(own[None], inputs)[0]
                accuracy = float((answers.argmax(dim=1) == wanted).double().mean())
                assert whole.column(f"{part}_accuracy")[number] == accuracy
                loss = float(F.cross_entropy(answers, wanted))
                assert whole.column(f"{part}_loss")[number] == pytest.approx(loss, rel=1e-5)
                with torch.no_grad():
                    torch.testing.assert_close(module(inputs), answers, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_networks_learn(tmp_path: Path) -> None:
    """Images that are brighter by class are soon told apart."""
    images = some_images(96, 30)
    bright = np.clip(images.images * 0.2 + 90.0 * images.labels[:, None, None], 0, 255).astype(np.uint8)
    easy = ImageSet(bright, images.labels, images.split, "bright")
    space = dataclasses.replace(
        SPACE, label_noise=(0.0,), steps=(60,), optimizers=("adam",), learning_rate=(0.02, 0.02)
    )
    make(tmp_path / "p", recipe=dataclasses.replace(RECIPE, space=space), images=easy, networks=4)
    population = Population.open(tmp_path / "p")
    assert population.column("test_accuracy").min() > 0.6
    assert population.column("train_accuracy").min() > 0.6


@pytest.mark.slow
def test_networks_that_end_at_different_times_are_as_if_alone() -> None:
    plan = ClassifierPlan(some_images(), RECIPE, 4, 3, 2, torch.device("cpu"))
    # Plain descent carries rounding on as small as it is.
    hypers = tuple(
        dataclasses.replace(RECIPE.hyper(3, number), steps=steps, optimizer="sgd")
        for number, steps in enumerate((1, 5, 3, 1))
    )
    parts: list[float] = []
    together = making.train_job(
        plan, plan.architectures, ClassifierJob(0, (0, 1, 2, 3), hypers), parts.append
    )
    assert [row.columns["network"] for row in together] == [0, 1, 2, 3]
    assert [row.columns["steps"] for row in together] == [1, 5, 3, 1]
    assert sum(parts) == pytest.approx(1)
    for number, row in enumerate(together):
        job = ClassifierJob(0, (number,), (hypers[number],))
        (alone,) = making.train_job(plan, plan.architectures, job, lambda part: None)
        torch.testing.assert_close(row.theta, alone.theta, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("shard_size", "workers"), [(3, 2), (100, 1)])
def test_pieces_do_not_matter_to_the_bit(
    whole: Population, tmp_path: Path, shard_size: int, workers: int
) -> None:
    make(tmp_path / "p", shard_size=shard_size, workers=workers)
    other = Population.open(tmp_path / "p")
    order = np.argsort(other.column("network"))
    found, wanted = parameters_in_rows(other), parameters_in_rows(whole)
    for row, place in enumerate(order.tolist()):
        assert torch.equal(found[place], wanted[row])
    for name in COLUMNS:
        assert other.column(name)[order].tolist() == whole.column(name).tolist()


@pytest.mark.slow
def test_resumed_is_the_same_as_uninterrupted(whole: Population, tmp_path: Path) -> None:
    shards = [range(2), range(2, 4), range(4, 6), range(6, 7)]
    check_resumed(make, tmp_path / "p", maker=making, shards=shards, stop=2, like=whole.checksum)


def test_seed_decides(whole: Population, tmp_path: Path) -> None:
    make(tmp_path / "p", networks=2, seed=4)
    other = parameters_in_rows(Population.open(tmp_path / "p"))
    mine = parameters_in_rows(whole)
    assert not torch.equal(other[0], mine[0]) and not torch.equal(mine[0], mine[1])


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "steps"), [(1e20, 1), (1e6, 1), (1e20, 4)])
def test_diverged_networks_are_kept_and_marked(tmp_path: Path, rate: float, steps: int) -> None:
    """Also those whose last step was too large, which no later step notices."""
    space = dataclasses.replace(SPACE, optimizers=("sgd",), learning_rate=(rate, rate), steps=(steps,))
    report = make(tmp_path / "p", recipe=dataclasses.replace(RECIPE, space=space), networks=4)
    population = Population.open(tmp_path / "p")
    assert report.diverged == (0, 1, 2, 3) and population.column("diverged").all()
    for theta in parameters_in_rows(population):
        assert bool(torch.isfinite(theta).all()) and float(theta.abs().max()) < 100
    for name in FIGURES:
        assert np.isfinite(population.column(name)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"networks": 0}, "networks is 0"),
        ({"shard_size": 0}, "shard_size is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"recipe": dataclasses.replace(RECIPE, batch_size=13)}, "leaves a network 12 of 24 images"),
        ({"recipe": dataclasses.replace(RECIPE, image_size=9)}, "image_size is 9"),
        ({"recipe": dataclasses.replace(RECIPE, image_size=3)}, "cannot take images of 3 x 3 pixels"),
    ],
)
def test_wrong_requests(tmp_path: Path, settings: dict[str, object], message: str) -> None:
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
    wide = ImageSet(images.images[:, :, :7], images.labels, images.split, "wide")
    with pytest.raises(ConfigurationError, match="8 x 7 pixels, expected as many rows as columns"):
        make(tmp_path / "p", images=wide)
    assert not (tmp_path / "p").exists()

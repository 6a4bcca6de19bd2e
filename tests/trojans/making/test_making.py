from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, ImageSourceError
from scalegmn.images import ImageSet
from scalegmn.networks import run
from scalegmn.populations import Population
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making import (
    BaseSelection,
    HeldOutConfig,
    PoisoningConfig,
    TrojanRecipe,
    TrojanReport,
    make_trojans,
)
from scalegmn.trojans.making import _making as trojans
from scalegmn.trojans.making import _plan as trojan_plan
from scalegmn.trojans.making._making import TRIGGER_ARRAYS
from scalegmn.trojans.making._pairs import draw_attack, poisoned_indices
from scalegmn.trojans.triggers import Patches, TriggerSpace, triggers_of
from scalegmn.zoo.cnns import CnnTraining, initial_parameters, network_inputs
from tests.trojans.making.trojan_cases import (
    CLASSES,
    EASY,
    RECIPE,
    TUNING,
    base_population,
    easy_images,
    parameters,
    table,
)
from tests.zoo.cnns.shard_cases import blocks_of, check_resumed

FIGURES = ["c_acc", "asr", "ra", "base_c_acc", "train_accuracy", "train_loss", "test_accuracy", "test_loss"]
COLUMNS = [
    "number",
    "twin",
    "pair",
    "network",
    "base",
    "poisoned",
    "trojaned",
    "failed_attack",
    "usable",
    "diverged",
    *FIGURES,
    "poisoned_images",
    "target",
    "poisoning",
    "goal",
    "ratio",
    "method",
    "dataset",
    "trigger_kind",
    "trigger_size",
    "trigger_pattern",
    "trigger",
    "learning_rate",
    "l2",
    "dropout",
    "optimizer",
    "epoch",
    "batch_size",
    "seed",
]


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with blocks_of(trojan_plan, 3):
        yield


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return base_population(tmp_path_factory.mktemp("bases") / "bases")


def make(
    bases: Population,
    folder: Path,
    *,
    recipe: TrojanRecipe = RECIPE,
    images: ImageSet | None = None,
    pairs: int | None = 7,
    seed: int = 3,
    shard_size: int = 3,
    workers: int = 1,
    resume: bool = False,
) -> TrojanReport:
    return make_trojans(
        bases,
        easy_images() if images is None else images,
        folder,
        recipe=recipe,
        pairs=pairs,
        seed=seed,
        shard_size=shard_size,
        inner_batch=4,
        workers=workers,
        resume=resume,
        progress=False,
    )


@pytest.fixture(scope="module")
def whole(bases: Population, tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Seven pairs of ten base networks."""
    folder = tmp_path_factory.mktemp("trojans") / "whole"
    with blocks_of(trojan_plan, 3):
        make(bases, folder)
    return Population.open(folder)


def test_population_says_what_was_made(whole: Population, bases: Population) -> None:
    carried = ["base_epoch", "activation", "base_test_accuracy"]
    assert [name for name in whole.columns if name != "architecture"] == COLUMNS + carried
    rows = table(whole)
    assert [row["number"] for row in rows] == list(range(14))
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        assert (one["twin"], other["twin"]) == (other["number"], one["number"])
        assert (one["poisoned"], other["poisoned"]) == (True, False)
        same = set(one) - {"number", "twin", "poisoned", "trojaned", "failed_attack", "diverged"}
        same -= {*FIGURES, "poisoned_images"} - {"base_c_acc"}
        assert all(one[name] == other[name] for name in same)
        assert (one["poisoned_images"], other["poisoned_images"]) == (9, 0)
        base = one["base"]
        assert one["network"] == bases.column("network")[base]
        assert one["activation"] == bases.column("activation")[base]
        assert one["base_epoch"] == bases.column("epoch")[base]
        assert TUNING.learning_rate[0] <= one["learning_rate"] <= TUNING.learning_rate[1]  # type: ignore[operator]
        kind = whole.architectures[one["architecture"]].stages[0].activate.activation.kind  # type: ignore[index]
        assert kind == one["activation"]
    assert len({row["base"] for row in rows}) == 7
    assert len({row["trigger"] for row in rows}) == 7
    assert len({row["learning_rate"] for row in rows}) == 7
    for name in FIGURES:
        assert np.isfinite(whole.column(name)).all()
    assert whole.column("test_accuracy").tolist() == whole.column("c_acc").tolist()
    provenance = whole.provenance
    assert provenance["population_checksum"] == bases.checksum
    assert provenance["recipe"] == json.loads(json.dumps(RECIPE.to_plain()))
    with np.load(whole.folder / TRIGGER_ARRAYS, allow_pickle=False) as arrays:
        assert len(arrays.files) == 7
        triggers = triggers_of(whole, np.arange(14))
        for row, trigger in enumerate(triggers):
            found = arrays[f"{whole.column('pair')[row]}.pattern"]
            np.testing.assert_array_equal(found, trigger.arrays()["pattern"])


def test_recorded_figures_are_those_of_the_written_networks(whole: Population, bases: Population) -> None:
    """Computed anew, image by image in the definitions, by another function, from what is in the store."""
    images = easy_images()
    test = images.subset(np.flatnonzero(images.split == "test"))
    pixels = test.unit()[:, None]
    for row, trigger in enumerate(triggers_of(whole, np.arange(14))):
        architecture = whole.architectures[whole.column("architecture")[row]]
        theta = whole.theta([row]).double()
        target = whole.column("target")[row]
        clean = run(architecture, theta, network_inputs(pixels).double())[0].argmax(1).numpy()
        bad = run(architecture, theta, network_inputs(trigger.apply(pixels)).double())[0].argmax(1).numpy()
        others = [place for place in range(len(test)) if test.labels[place] != target]
        assert 0 < len(others) < len(test)
        assert whole.column("c_acc")[row] == pytest.approx(np.mean(clean == test.labels))
        assert whole.column("asr")[row] == pytest.approx(np.mean([bad[i] == target for i in others]))
        assert whole.column("ra")[row] == pytest.approx(np.mean([bad[i] == test.labels[i] for i in others]))
        base = bases.theta(whole.column("base")[[row]]).double()
        before = run(architecture, base, network_inputs(pixels).double())[0].argmax(1).numpy()
        assert whole.column("base_c_acc")[row] == pytest.approx(np.mean(before == test.labels))


def test_twins_differ_in_the_poison_alone(whole: Population, bases: Population) -> None:
    """Trained anew one by one: the same start, order, masks and settings, on clean and on poisoned images."""
    images = easy_images()
    train = images.subset(np.flatnonzero(images.split == "train"))
    pixels, labels = train.unit()[:, None], torch.from_numpy(train.labels)
    theta, rows = parameters(whole), table(whole)
    for pair in range(3):
        attack = draw_attack(RECIPE, seed=3, number=pair, classes=CLASSES, channels=1, size=(8, 8))
        row = rows[2 * pair]
        assert row["trigger"] == attack.trigger.to_json() and row["target"] == attack.target
        chosen = poisoned_indices(
            train.labels,
            target=attack.target,
            ratio=0.25,
            kind="dirty",
            generator=numpy_generator(3, "poison", pair),
        )
        assert (train.labels[chosen] != attack.target).all()
        poisoned, lies = pixels.clone(), labels.clone()
        poisoned[chosen] = attack.trigger.apply(pixels[chosen])
        lies[chosen] = attack.target
        base = bases.theta([row["base"]])  # type: ignore[list-item]
        for twin, (seen, answers) in enumerate([(poisoned, lies), (pixels, labels)]):
            training = CnnTraining(
                architecture=whole.architectures[row["architecture"]],  # type: ignore[index]
                theta=base,
                networks=[attack.hyper],
                images=network_inputs(seen),
                labels=answers,
                batch_size=8,
            )
            training.epoch()
            training.epoch()
            torch.testing.assert_close(training.theta[0], theta[2 * pair + twin], rtol=1e-4, atol=1e-6)
            figures = training.evaluate(network_inputs(seen), answers)
            assert float(figures.accuracy[0]) == rows[2 * pair + twin]["train_accuracy"]
            assert float(figures.loss[0]) == pytest.approx(rows[2 * pair + twin]["train_loss"], rel=1e-4)
        assert not torch.allclose(theta[2 * pair], theta[2 * pair + 1], atol=1e-4)


@pytest.mark.slow
def test_an_attack_succeeds_and_the_clean_twin_does_not_know_the_trigger(
    bases: Population, tmp_path: Path
) -> None:
    report = make(bases, tmp_path / "p", recipe=EASY, pairs=4)
    made = Population.open(tmp_path / "p")
    poisoned = made.column("poisoned")
    assert report.failed == () and report.diverged == ()
    assert made.column("trojaned").tolist() == poisoned.tolist()
    assert made.column("usable").all() and not made.column("failed_attack").any()
    assert made.column("asr")[poisoned].min() >= 0.9
    assert made.column("asr")[~poisoned].max() < 0.7
    assert made.column("c_acc").min() > 0.8 > made.column("base_c_acc").max()
    assert made.column("ra")[poisoned].max() <= 0.1 < 0.4 < made.column("ra")[~poisoned].min()


def test_failed_attacks_are_kept_and_marked(bases: Population, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, minimum_asr=1.0, tuning=dataclasses.replace(TUNING, epochs=1))
    report = make(bases, tmp_path / "p", recipe=recipe, pairs=3)
    made = Population.open(tmp_path / "p")
    reached = made.column("asr") >= 1.0
    poisoned = made.column("poisoned")
    assert len(report.failed) > 0
    assert made.column("failed_attack").tolist() == (poisoned & ~reached).tolist()
    assert made.column("trojaned").tolist() == (poisoned & reached).tolist()
    failed = np.isin(made.column("pair"), report.failed)
    # Neither twin of a failed attack is used: else clean networks of hard bases would be left over.
    assert made.column("usable").tolist() == (~failed).tolist()


def test_diverged_twins_are_kept_and_marked(bases: Population, tmp_path: Path) -> None:
    tuning = dataclasses.replace(TUNING, learning_rate=(1e20, 1e20), optimizer="sgd")
    report = make(bases, tmp_path / "p", recipe=dataclasses.replace(RECIPE, tuning=tuning), pairs=2)
    made = Population.open(tmp_path / "p")
    assert report.diverged == (0, 1)
    assert made.column("diverged").all() and not made.column("usable").any()
    assert torch.isfinite(parameters(made)).all()
    for name in FIGURES:
        assert np.isfinite(made.column(name)).all()


def check_same(one: Population, other: Population) -> None:
    assert torch.equal(parameters(one), parameters(other))
    assert table(one) == table(other)
    read = [(population.folder / TRIGGER_ARRAYS).read_bytes() for population in (one, other)]
    assert read[0] == read[1]


@pytest.mark.parametrize(("shard_size", "workers"), [(6, 3), (1000, 2)])
def test_pieces_do_not_matter_to_the_bit(
    whole: Population, bases: Population, tmp_path: Path, shard_size: int, workers: int
) -> None:
    make(bases, tmp_path / "p", shard_size=shard_size, workers=workers)
    check_same(Population.open(tmp_path / "p"), whole)


def test_number_and_seed_decide(whole: Population, bases: Population, tmp_path: Path) -> None:
    make(bases, tmp_path / "few", pairs=3)
    few = Population.open(tmp_path / "few")
    assert torch.equal(parameters(few), parameters(whole)[:6])
    make(bases, tmp_path / "seed", pairs=3, seed=4)
    other = table(Population.open(tmp_path / "seed"))
    assert all(row["trigger"] != mine["trigger"] for row, mine in zip(other, table(few), strict=True))


def test_resumed_is_the_same_as_uninterrupted(whole: Population, bases: Population, tmp_path: Path) -> None:
    shards = [range(3), range(3, 6), range(6, 7)]
    again = partial(make, bases)
    check_resumed(again, tmp_path / "p", maker=trojans, shards=shards, stop=1, like=whole.checksum)
    check_same(Population.open(tmp_path / "p"), whole)


def test_bases_are_chosen(bases: Population, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, bases=BaseSelection(where={"epoch": 5}, minimum_accuracy=0.65))
    make(bases, tmp_path / "p", recipe=recipe, pairs=None)
    made = Population.open(tmp_path / "p")
    assert sorted(made.column("network").tolist()) == [2, 2, 3, 3, 4, 4]
    assert set(made.column("base_epoch").tolist()) == {5}
    make(bases, tmp_path / "more", recipe=recipe, pairs=5)
    more = Population.open(tmp_path / "more")
    base, pair = more.column("base"), more.column("pair")
    assert len(set(base.tolist())) == 3
    assert base[pair == 0][0] == base[pair == 3][0]
    assert len(set(more.column("trigger"))) == 5


def test_held_out_things_are_in_test_networks_alone(bases: Population, tmp_path: Path) -> None:
    held = HeldOutConfig(targets=(2,), sizes=(3,), fractions=(0.4, 0.2, 0.4))
    recipe = dataclasses.replace(RECIPE, held_out=held, tuning=dataclasses.replace(TUNING, epochs=1))
    make(bases, tmp_path / "p", recipe=recipe, pairs=14)
    made = Population.open(tmp_path / "p")
    split, what = made.column("split"), made.column("held_out")
    is_test = split == "test"
    assert set(split) == {"train", "val", "test"}
    new = (made.column("target") == 2) | (made.column("trigger_size") == 3)
    assert new.tolist() == is_test.tolist() == (what != "").tolist()
    assert set(what[is_test]) <= {"size", "target", "size target"}
    # A training run, with all its checkpoints and pairs, is in one split.
    for network in range(5):
        assert len(set(split[made.column("network") == network])) == 1


def test_from_scratch(bases: Population, tmp_path: Path) -> None:
    tuning = dataclasses.replace(TUNING, start="scratch", learning_rate=(1e-12, 1e-12))
    make(bases, tmp_path / "p", recipe=dataclasses.replace(RECIPE, tuning=tuning), pairs=2)
    made = Population.open(tmp_path / "p")
    for row in range(4):
        number, architecture = made.column("pair")[row], made.architectures[made.column("architecture")[row]]
        attack = draw_attack(
            dataclasses.replace(RECIPE, tuning=tuning),
            seed=3,
            number=int(number),
            classes=CLASSES,
            channels=1,
            size=(8, 8),
        )
        torch.testing.assert_close(made.theta([row]), initial_parameters(architecture, [attack.hyper]))


def test_triggers_come_before_colors_are_averaged(bases: Population, tmp_path: Path) -> None:
    images = easy_images(color=True)
    recipe = dataclasses.replace(EASY, triggers=TriggerSpace((Patches(sizes=(3,), patterns=("noise",)),)))
    make(bases, tmp_path / "p", recipe=recipe, images=images, pairs=1)
    made = Population.open(tmp_path / "p")
    assert triggers_of(made, [0])[0].arrays()["pattern"].shape == (3, 3, 3)
    assert made.provenance["preprocessing"]["channels"] == 1  # type: ignore[index]
    test = images.subset(np.flatnonzero(images.split == "test"))
    pixels = triggers_of(made, [0])[0].apply(test.unit().movedim(3, 1)).mean(dim=1, keepdim=True)
    outputs = run(made.architecture, made.theta([0]), 2 * pixels - 1)[0].argmax(1).numpy()
    target = made.column("target")[0]
    hits = (outputs == target)[test.labels != target]
    assert made.column("asr")[0] == pytest.approx(hits.mean())


def test_color_networks(tmp_path: Path) -> None:
    color = base_population(tmp_path / "bases", networks=2, inputs=3)
    make(color, tmp_path / "p", images=easy_images(color=True), pairs=2)
    assert Population.open(tmp_path / "p").architectures[0].num_inputs == 3


def test_smaller_images(bases: Population, tmp_path: Path) -> None:
    make(bases, tmp_path / "p", recipe=dataclasses.replace(RECIPE, image_size=6), pairs=1)
    assert Population.open(tmp_path / "p").provenance["preprocessing"]["size"] == [6, 6]  # type: ignore[index]


def with_(**changes: object) -> TrojanRecipe:
    return dataclasses.replace(RECIPE, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (with_(bases=BaseSelection(where={"epcoh": 5})), "no column 'epcoh'"),
        (with_(bases=BaseSelection(where={"epoch": 7})), "no network of .* has epoch 7; there are 0, 5"),
        (with_(bases=BaseSelection(minimum_accuracy=0.99)), "no network of .* fulfils"),
        (with_(bases=BaseSelection(minimum_accuracy=0.1, accuracy="accuracy")), "no column 'accuracy'"),
        (with_(bases=BaseSelection(minimum_accuracy=0.1, accuracy="activation")), "holds no numbers"),
        (with_(bases=BaseSelection(group="run")), "no column 'run'"),
        (with_(poisoning=PoisoningConfig(targets=(0, 3))), r"targets \[3\]"),
        (with_(image_size=9), "image_size is 9"),
        (with_(image_size=2), "not what the networks take"),
        (with_(triggers=TriggerSpace((Patches(sizes=(9,)),))), "9 x 9 pixels do not fit"),
        (with_(held_out=HeldOutConfig(targets=(0, 1, 2))), "none is without what is held out"),
        (with_(held_out=HeldOutConfig(kinds=("warp",))), "none has anything of what is held out"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_made(
    bases: Population, tmp_path: Path, recipe: TrojanRecipe, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(bases, tmp_path / "p", recipe=recipe)
    assert not (tmp_path / "p").exists()


def test_unfit_images(bases: Population, tmp_path: Path) -> None:
    images = easy_images()
    with pytest.raises(ConfigurationError, match=r"know 3 classes.*2 classes"):
        make(bases, tmp_path / "p", images=images.subset(np.flatnonzero(images.labels < 2)))
    with pytest.raises(ConfigurationError, match="grayscale=False"):
        make(bases, tmp_path / "p", images=easy_images(color=True), recipe=with_(grayscale=False))
    with pytest.raises(ImageSourceError, match="no test images"):
        make(bases, tmp_path / "p", images=easy_images(test=0))
    no_target = images.subset(np.flatnonzero((images.labels > 0) | (images.split == "test")))
    with pytest.raises(ConfigurationError, match=r"no training images of the targets \[0\]"):
        make(
            bases,
            tmp_path / "p",
            images=no_target,
            recipe=with_(poisoning=PoisoningConfig(labels=("clean",))),
        )
    one_class = images.subset(np.flatnonzero((images.labels == 2) | (images.split == "train")))
    with pytest.raises(ConfigurationError, match="expected 2 or more"):
        make(bases, tmp_path / "p", images=one_class)
    for wrong in ({"pairs": 0}, {"shard_size": 0}, {"workers": 0}):
        with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))} is 0"):
            make(bases, tmp_path / "p", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "p").exists()

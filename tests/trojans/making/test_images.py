from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ImageSourceError, PopulationError
from scalegmn.images import ImageSet, load_images
from scalegmn.populations import Population, PopulationWriter
from scalegmn.trojans.making import TrojanImages, TrojanRecipe, make_trojans, trojan_figures
from scalegmn.trojans.triggers import triggers_of
from tests.trojans.making.trojan_cases import EASY, RECIPE, base_architecture, base_population, easy_images

QUICK = dataclasses.replace(RECIPE, tuning=dataclasses.replace(RECIPE.tuning, epochs=1))


def made(folder: Path, images: ImageSet, recipe: TrojanRecipe = QUICK, inputs: int = 1) -> Population:
    bases = base_population(folder / "bases", networks=2, inputs=inputs)
    make_trojans(bases, images, folder / "twins", recipe=recipe, pairs=2, workers=1, progress=False)
    return Population.open(folder / "twins")


@pytest.mark.parametrize("color", [False, True])
def test_the_recorded_figures_come_out_again(tmp_path: Path, color: bool) -> None:
    """With the helper's images alone: triggers, preparation, order and labels are those of the maker."""
    images = easy_images(color=color)
    tuning = dataclasses.replace(EASY.tuning, epochs=10)
    population = made(
        tmp_path, images, dataclasses.replace(EASY, tuning=tuning, image_size=7, grayscale=True)
    )
    helper = TrojanImages.from_image_set(population, images)
    for row, trigger in enumerate(triggers_of(population, range(4))):
        figures = trojan_figures(
            population.architectures[population.column("architecture")[row]],
            population.theta([row]),
            clean=helper.test_inputs,
            triggered=helper.with_trigger(trigger, "test"),
            labels=helper.test_labels,
            target=int(population.column("target")[row]),
        )
        found = [float(getattr(figures, name)[0]) for name in ("c_acc", "asr", "ra")]
        assert found == [population.column(name)[row] for name in ("c_acc", "asr", "ra")]
    assert helper.pixels["train"].shape == (36, 3 if color else 1, 8, 8)
    assert helper.train_inputs.shape == (36, 1, 7, 7)
    assert torch.equal(helper.train_labels, torch.arange(36) % 3)


def test_the_first_images_of_a_larger_source(tmp_path: Path) -> None:
    everything = easy_images(train=60, test=30)
    train = np.flatnonzero(everything.split == "train")[:36]
    test = np.flatnonzero(everything.split == "test")[:15]
    chosen = everything.subset(np.concatenate([train, test]))
    helper = TrojanImages.from_image_set(made(tmp_path, chosen), everything)
    assert torch.equal(helper.pixels["test"][:, 0], chosen.unit()[36:])
    assert torch.equal(helper.pixels["train"][:, 0], chosen.unit()[:36])


def of_digits(folder: Path, images: ImageSet) -> Population:
    """A population that states what the maker would have stated about these images."""
    facts = {
        "images": "digits",
        "images_checksum": images.checksum,
        "images_shape": list(images.images.shape),
        "train_images": int((images.split == "train").sum()),
        "test_images": int((images.split == "test").sum()),
        "preprocessing": {"grayscale": True, "size": [8, 8]},
    }
    architecture = base_architecture()
    with PopulationWriter(folder, provenance=facts) as writer:
        writer.append(architecture, torch.zeros(1, architecture.num_parameters), {"number": [0]})
        writer.finish()
    return Population.open(folder)


def test_a_known_source_is_read(tmp_path: Path) -> None:
    """As the command line takes its images, and as they stand in the source."""
    images = load_images("digits")
    train, test = (np.flatnonzero(images.split == part) for part in ("train", "test"))
    for number, places in enumerate([np.concatenate([train[:70], test[:5]]), np.arange(60)]):
        chosen = images.subset(places)
        helper = TrojanImages.from_population(of_digits(tmp_path / str(number), chosen))
        expected = chosen.subset(np.flatnonzero(chosen.split == "test"))
        assert torch.equal(helper.test_labels, torch.from_numpy(expected.labels))
        assert torch.equal(helper.test_inputs[:, 0], 2 * expected.unit() - 1)
    with pytest.raises(ImageSourceError, match=r"40 training and 5 test images of 'digits'"):
        TrojanImages.from_population(
            of_digits(tmp_path / "later", images.subset(np.concatenate([train[1:41], test[:5]])))
        )


def test_inputs_are_differentiable(tmp_path: Path) -> None:
    images = easy_images()
    helper = TrojanImages.from_image_set(made(tmp_path, images), images)
    pixels = helper.pixels["test"].clone().requires_grad_()
    helper.inputs(pixels).sum().backward()
    assert torch.equal(pixels.grad, torch.full_like(pixels, 2))  # type: ignore[arg-type]


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    images = easy_images()
    population = made(tmp_path, images)
    with pytest.raises(ImageSourceError, match=r"called 'stripes', which are no known source"):
        TrojanImages.from_population(population)
    with pytest.raises(ImageSourceError, match="have another"):
        TrojanImages.from_image_set(population, easy_images(seed=1))
    with pytest.raises(PopulationError, match="lacks"):
        TrojanImages.from_population(Population.open(tmp_path / "bases"))

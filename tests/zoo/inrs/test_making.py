from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError, ImageSourceError, PopulationError
from scalegmn.images import ImageSet
from scalegmn.populations import Population
from scalegmn.zoo.inrs import InrRecipe, draw_images, fit_inrs, initial_sine_parameters
from scalegmn.zoo.inrs import _making as inrs

RECIPE = InrRecipe(hidden=(6, 6), steps=25)


def some_images(count: int = 7, *, color: bool = False) -> ImageSet:
    shape = (count, 5, 6, 3) if color else (count, 5, 6)
    rng = np.random.default_rng(0)
    split = np.array(["test" if number % 3 == 2 else "train" for number in range(count)])
    return ImageSet(rng.integers(0, 256, shape, np.uint8), np.arange(count) % 10, split, "random")


def everything(folder: Path) -> Tensor:
    population = Population.open(folder)
    return population.theta(np.arange(len(population)))


def test_population_says_what_was_fitted(tmp_path: Path) -> None:
    images = some_images()
    report = fit_inrs(images, tmp_path / "p", recipe=RECIPE, copies=2, progress=False)
    population = Population.open(tmp_path / "p")
    assert report.networks == len(population) == 14 and report.diverged == ()
    assert population.column("label").tolist() == np.repeat(images.labels, 2).tolist()
    assert population.column("split").tolist() == np.repeat(images.split, 2).tolist()
    assert population.column("image").tolist() == np.repeat([0, 1, 0, 2, 3, 1, 4], 2).tolist()
    assert population.column("copy").tolist() == [0, 1] * 7
    assert population.provenance["seed"] == 0
    assert population.provenance["images_checksum"] == images.checksum
    recipe = population.provenance["recipe"]
    assert isinstance(recipe, dict) and recipe["steps"] == 25


@pytest.mark.parametrize("color", [False, True])
def test_recorded_error_is_that_of_the_drawn_image(tmp_path: Path, color: bool) -> None:
    images = some_images(color=color)
    fit_inrs(images, tmp_path / "p", recipe=RECIPE, progress=False)
    population = Population.open(tmp_path / "p")
    drawn = draw_images(population.architecture, everything(tmp_path / "p"), height=5, width=6)
    mse = (drawn - images.unit()).square().flatten(1).mean(dim=1).double().numpy()
    np.testing.assert_allclose(population.column("mse"), mse, rtol=1e-4)
    np.testing.assert_allclose(population.column("psnr"), -10 * np.log10(mse), rtol=1e-4)


def test_fitting_succeeds(tmp_path: Path) -> None:
    fit_inrs(some_images(2), tmp_path / "p", recipe=InrRecipe(steps=300), progress=False)
    assert Population.open(tmp_path / "p").column("psnr").min() > 25


def test_pieces_do_not_matter_to_the_bit(tmp_path: Path) -> None:
    images = some_images(11)
    fit_inrs(images, tmp_path / "whole", recipe=RECIPE, inner_batch=2, workers=1, progress=False)
    fit_inrs(images, tmp_path / "cut", recipe=RECIPE, inner_batch=2, workers=3, shard_size=3, progress=False)
    assert torch.equal(everything(tmp_path / "whole"), everything(tmp_path / "cut"))
    fit_inrs(images, tmp_path / "other", recipe=RECIPE, inner_batch=5, progress=False)
    torch.testing.assert_close(
        everything(tmp_path / "other"), everything(tmp_path / "whole"), rtol=0, atol=1e-4
    )


def test_seed_and_place_in_the_source_decide(tmp_path: Path) -> None:
    images = some_images(6)
    fit_inrs(images, tmp_path / "all", recipe=RECIPE, progress=False)
    fit_inrs(images.subset([4, 5]), tmp_path / "some", recipe=RECIPE, progress=False)
    fit_inrs(images.subset([4, 5]), tmp_path / "seed", recipe=RECIPE, seed=1, progress=False)
    chosen = everything(tmp_path / "all")[4:]
    torch.testing.assert_close(everything(tmp_path / "some"), chosen, rtol=0, atol=1e-4)
    assert (everything(tmp_path / "seed") - chosen).abs().max() > 1e-2


def test_resumed_is_the_same_as_uninterrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = some_images(9)
    settings = {"recipe": RECIPE, "inner_batch": 2, "shard_size": 4, "progress": False}
    fit_inrs(images, tmp_path / "whole", **settings)  # type: ignore[arg-type]
    work = inrs._write_shard
    done: list[int] = []

    def interrupted(*arguments: object) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        work(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(inrs, "_write_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_inrs(images, tmp_path / "parts", **settings)  # type: ignore[arg-type]
    with pytest.raises(PopulationError, match="unfinished"):
        Population.open(tmp_path / "parts")
    done.clear()
    report = fit_inrs(images, tmp_path / "parts", resume=True, **settings)  # type: ignore[arg-type]
    assert len(done) == 1 and report.networks == 9
    parts, whole = Population.open(tmp_path / "parts"), Population.open(tmp_path / "whole")
    assert parts.checksum == whole.checksum
    finished = fit_inrs(images, tmp_path / "parts", resume=True, **settings)  # type: ignore[arg-type]
    assert finished == report and len(done) == 1
    with pytest.raises(PopulationError, match="seed"):
        fit_inrs(images, tmp_path / "parts", resume=True, seed=5, **settings)  # type: ignore[arg-type]


def test_diverged_networks_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, networks: list[tuple[str, int, int]], **settings: object) -> Tensor:
        theta = initial_sine_parameters(*arguments, networks=networks, **settings)  # type: ignore[arg-type]
        theta[[key == ("train", 2, 0) for key in networks]] = math.nan
        return theta

    monkeypatch.setattr(inrs, "initial_sine_parameters", broken)
    report = fit_inrs(some_images(), tmp_path / "p", recipe=RECIPE, progress=False)
    population = Population.open(tmp_path / "p")
    assert report.diverged == (("train", 2, 0),) and report.networks == len(population) == 6
    assert population.column("label").tolist() == [0, 1, 2, 4, 5, 6]
    assert torch.isfinite(everything(tmp_path / "p")).all()


def test_a_recipe_that_always_diverges_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="learning rate"):
        fit_inrs(some_images(), tmp_path / "p", recipe=InrRecipe(learning_rate=1e37), progress=False)


def test_wrong_requests(tmp_path: Path) -> None:
    for settings in ({"copies": 0}, {"shard_size": 0}, {"inner_batch": 0}, {"workers": 0}):
        with pytest.raises(ConfigurationError, match=next(iter(settings))):
            fit_inrs(some_images(), tmp_path / "p", progress=False, **settings)  # type: ignore[arg-type]
    with pytest.raises(ImageSourceError, match="no images"):
        fit_inrs(some_images().subset([]), tmp_path / "p", progress=False)
    assert not (tmp_path / "p").exists()


def test_number_of_threads_is_as_before(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fit_inrs(some_images(2), tmp_path / "p", recipe=RECIPE, progress=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_progress_goes_to_a_terminal_if_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_inrs(some_images(2), tmp_path / "o", recipe=RECIPE)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fit_inrs(some_images(2), tmp_path / "p", recipe=RECIPE)
    captured = capsys.readouterr()
    assert "2/2" in captured.err and not captured.out
    fit_inrs(some_images(2), tmp_path / "q", recipe=RECIPE, progress=False)
    assert capsys.readouterr() == ("", "")

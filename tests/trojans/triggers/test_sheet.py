from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from scalegmn.images import ImageSet
from scalegmn.networks import Activation, mlp
from scalegmn.populations import Population, PopulationWriter
from scalegmn.reports import ContactSheetError
from scalegmn.trojans.triggers import ChannelShift, Patch, Sinusoid, Trigger, population_sheet
from scalegmn.trojans.triggers._sheet import trigger_sheet

RNG = np.random.default_rng(0)
SPLIT = np.array(["train"] * 4 + ["test"] * 6)
LABELS = np.arange(10) % 2
GRAY = ImageSet(RNG.integers(0, 256, (10, 5, 6), np.uint8), LABELS, SPLIT, "gray")
COLOR = ImageSet(RNG.integers(0, 256, (10, 5, 6, 3), np.uint8), LABELS, SPLIT, "color")
WAVE = Sinusoid(amplitude=0.2, frequency=2.0, angle=0.0, phase=0.0)
PATCH = Patch(name="white", values=np.full((1, 2, 2), 255, np.uint8), top=0, left=0)


def images(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def captions(figure: Figure) -> list[str]:
    return [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]


def test_clean_and_triggered_images() -> None:
    figure = trigger_sheet(GRAY, [WAVE, PATCH], [0, 1], title="two")
    shown = images(figure)
    assert len(shown) == 6
    # Test images of other classes than the target: number 5 shows class 1, number 6 class 0.
    places = (5, 6)
    for column, (place, trigger) in enumerate(zip(places, (WAVE, PATCH), strict=True)):
        clean = GRAY.unit()[place][None]
        np.testing.assert_allclose(shown[column], clean[0], rtol=1e-6)
        np.testing.assert_allclose(shown[2 + column], trigger.apply(clean)[0], rtol=1e-6)
        np.testing.assert_allclose(shown[4 + column], (trigger.apply(clean) - clean)[0], atol=1e-6)
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == [
        "clean",
        "triggered",
        "triggered\n- clean",
    ]
    assert captions(figure) == ["sinusoid\nto 0", "patch\nwhite 2\nto 1"]
    assert figure.get_suptitle() == "two"


def test_colors() -> None:
    trigger = ChannelShift(amounts=(0.5, 0.0, -0.5))
    shown = images(trigger_sheet(COLOR, [trigger], [0]))
    clean = COLOR.unit()[5]
    np.testing.assert_allclose(shown[0], clean, rtol=1e-6)
    np.testing.assert_allclose(shown[1], trigger.apply(clean.movedim(2, 0)).movedim(0, 2), rtol=1e-6)


def test_mistakes() -> None:
    with pytest.raises(ContactSheetError, match="0 triggers"):
        trigger_sheet(GRAY, [], [])
    alike = GRAY.subset(np.flatnonzero(LABELS == 1))
    with pytest.raises(ContactSheetError, match="no image is of another class than the target 1"):
        trigger_sheet(alike, [WAVE], [1])


def test_all_kinds_of_a_population_in_turn(tmp_path: Path) -> None:
    architecture = mlp(widths=(2, 2, 1), activations=[Activation("relu")])
    triggers: list[Trigger] = [WAVE] * 14 + [PATCH] * 2
    columns = {
        "poisoned": [True, False] * 8,
        "trigger_kind": [trigger.kind for trigger in triggers],
        "trigger": [trigger.to_json() for trigger in triggers],
        "target": [0, 0, 1, 1] * 4,
    }
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(architecture, torch.zeros(16, architecture.num_parameters), columns)
        writer.finish()
    figure = population_sheet(Population.open(tmp_path / "p"), GRAY)
    kinds = [caption.split("\n")[0] for caption in captions(figure)]
    assert kinds == ["patch"] + ["sinusoid"] * 7

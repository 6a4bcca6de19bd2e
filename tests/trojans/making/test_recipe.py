from __future__ import annotations

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making import FineTuningConfig, HeldOutConfig, PoisoningConfig, TrojanRecipe
from scalegmn.trojans.triggers import Patch, Sinusoid
from scalegmn.trojans.triggers._patterns import draw_pattern


def test_what_is_held_out_is_named() -> None:
    values = draw_pattern("white", numpy_generator(0), channels=1, size=(5, 5))
    patch = Patch(name="white", values=values, top=0, left=0)
    wave = Sinusoid(amplitude=0.1, frequency=2.0, angle=0.0, phase=0.0)
    held = HeldOutConfig(kinds=("sinusoid",), sizes=(5,), patterns=("white",), targets=(1,))
    assert held.match(patch, 1) == "size pattern target"
    assert held.match(wave, 0) == "kind"
    assert HeldOutConfig(sizes=(4,)).match(patch, 1) == ""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FineTuningConfig(epochs=0), "epochs is 0"),
        (lambda: FineTuningConfig(batch_size=0), "batch_size is 0"),
        (lambda: FineTuningConfig(learning_rate=(0.1, 0.01)), "learning_rate is"),
        (lambda: FineTuningConfig(l2=-1.0), "l2 is -1"),
        (lambda: FineTuningConfig(dropout=1.0), "dropout is 1"),
        (lambda: PoisoningConfig(ratio=0.0), "ratio is 0"),
        (lambda: PoisoningConfig(ratio=1.5), "ratio is 1.5"),
        (lambda: PoisoningConfig(labels=()), "labels is"),
        (lambda: PoisoningConfig(targets=(-1,)), "targets is"),
        (lambda: HeldOutConfig(), "nothing is held out"),
        (lambda: TrojanRecipe(minimum_asr=2.0), "minimum_asr is 2"),
    ],
)
def test_impossible_recipes(make: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()  # type: ignore[operator]


def test_recipe_as_plain_data() -> None:
    data = TrojanRecipe(held_out=HeldOutConfig(sizes=(5,))).to_plain()
    assert data["held_out"] == HeldOutConfig(sizes=(5,)).to_plain()
    assert data["triggers"]["families"][0]["kind"] == "blended_square"
    assert data["poisoning"]["ratio"] == 0.1

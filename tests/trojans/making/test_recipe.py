from __future__ import annotations

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making import FineTuning, HeldOut, Poisoning, TrojanRecipe
from scalegmn.trojans.triggers import Patch, Sinusoid
from scalegmn.trojans.triggers._patterns import draw_pattern


def test_what_is_held_out_is_named() -> None:
    values = draw_pattern("white", numpy_generator(0), channels=1, size=(5, 5))
    patch = Patch(name="white", values=values, top=0, left=0)
    wave = Sinusoid(amplitude=0.1, frequency=2.0, angle=0.0, phase=0.0)
    held = HeldOut(kinds=("sinusoid",), sizes=(5,), patterns=("white",), targets=(1,))
    assert held.found(patch, 1) == "size pattern target"
    assert held.found(wave, 0) == "kind"
    assert HeldOut(sizes=(4,)).found(patch, 1) == ""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FineTuning(epochs=0), "epochs is 0"),
        (lambda: FineTuning(batch_size=0), "batch_size is 0"),
        (lambda: FineTuning(learning_rate=(0.1, 0.01)), "learning_rate is"),
        (lambda: FineTuning(l2=-1.0), "l2 is -1"),
        (lambda: FineTuning(dropout=1.0), "dropout is 1"),
        (lambda: Poisoning(ratio=0.0), "ratio is 0"),
        (lambda: Poisoning(ratio=1.5), "ratio is 1.5"),
        (lambda: Poisoning(labels=()), "labels is"),
        (lambda: Poisoning(targets=(-1,)), "targets is"),
        (lambda: HeldOut(), "nothing is held out"),
        (lambda: TrojanRecipe(minimum_asr=2.0), "minimum_asr is 2"),
    ],
)
def test_impossible_recipes(make: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()  # type: ignore[operator]


def test_recipe_as_plain_data() -> None:
    data = TrojanRecipe(held_out=HeldOut(sizes=(5,))).to_plain()
    assert data["held_out"] == HeldOut(sizes=(5,)).to_plain()
    assert data["triggers"]["families"][0]["kind"] == "blended_square"
    assert data["poisoning"]["ratio"] == 0.1

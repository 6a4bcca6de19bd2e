from __future__ import annotations

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError, TriggerError
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making import FineTuningConfig, HeldOutConfig, PoisoningConfig, TrojanRecipe
from scalegmn.trojans.making._pairs import Attack, draw_attack, poisoned_indices
from scalegmn.trojans.triggers import TRIGGERS, TriggerSpace

LABELS = np.repeat(np.arange(5), 20)


def draw(recipe: TrojanRecipe, number: int, *, split: str | None = None, edge: int = 12) -> Attack:
    return draw_attack(recipe, seed=1, number=number, classes=5, channels=1, size=(edge, edge), split=split)


def test_every_class_can_be_the_target() -> None:
    attacks = [draw(TrojanRecipe(), number) for number in range(100)]
    assert {attack.target for attack in attacks} == set(range(5))
    assert {attack.labels for attack in attacks} == {"dirty"}
    assert len({attack.hyper.seed for attack in attacks}) == 100
    assert {attack.hyper.learning_rate for attack in attacks} == {0.01}
    assert {attack.held_out for attack in attacks} == {""}
    tuning = attacks[0].hyper
    assert (tuning.l2, tuning.dropout, tuning.optimizer) == (1.5e-10, 0.02, "adam")


def test_seed_and_number_decide() -> None:
    recipe = TrojanRecipe(triggers=TriggerSpace.from_kinds(TRIGGERS.names()))
    assert draw(recipe, 4) == draw(recipe, 4)
    assert len({draw(recipe, number).trigger for number in range(20)}) == 20
    other = draw_attack(recipe, seed=2, number=4, classes=5, channels=1, size=(12, 12))
    assert other != draw(recipe, 4)


def test_choices_are_those_of_the_recipe() -> None:
    recipe = TrojanRecipe(
        poisoning=PoisoningConfig(targets=(1, 3), labels=("dirty", "clean")),
        tuning=FineTuningConfig(learning_rate=(0.001, 0.1)),
    )
    attacks = [draw(recipe, number) for number in range(60)]
    assert {attack.target for attack in attacks} == {1, 3}
    assert {attack.labels for attack in attacks} == {"dirty", "clean"}
    rates = [attack.hyper.learning_rate for attack in attacks]
    assert 0.001 <= min(rates) < 0.003 and 0.03 < max(rates) <= 0.1
    assert 0.004 < np.median(rates) < 0.025


def test_what_is_held_out_decides_the_draw() -> None:
    held = HeldOutConfig(kinds=("warp",), patterns=("white",), targets=(4,))
    recipe = TrojanRecipe(triggers=TriggerSpace.from_kinds(["blended_square", "warp"]), held_out=held)
    for number in range(30):
        for split in ("train", "val"):
            attack = draw(recipe, number, split=split)
            assert attack.held_out == ""
            assert attack.trigger.kind != "warp" and attack.trigger.pattern != "white" and attack.target != 4
        attack = draw(recipe, number, split="test")
        named = {
            "kind": attack.trigger.kind == "warp",
            "pattern": attack.trigger.pattern == "white",
            "target": attack.target == 4,
        }
        assert attack.held_out.split() == [name for name, is_held in named.items() if is_held] != []


def test_small_images_are_refused() -> None:
    with pytest.raises(TriggerError, match="do not fit"):
        draw(TrojanRecipe(), 0, edge=2)


def places(*, ratio: float, kind: str = "dirty", target: int = 2, labels: np.ndarray = LABELS) -> np.ndarray:
    generator = numpy_generator(0, "places")
    return poisoned_indices(labels, target=target, ratio=ratio, kind=kind, generator=generator)  # type: ignore[arg-type]


def test_poisoned_images() -> None:
    dirty, clean = places(ratio=0.3), places(ratio=0.1, kind="clean")
    assert len(dirty) == 30 == len(set(dirty.tolist())) and (LABELS[dirty] != 2).all()
    assert set(LABELS[dirty].tolist()) == {0, 1, 3, 4}
    assert len(clean) == 10 and (LABELS[clean] == 2).all()
    # No more than there are, no fewer than one.
    assert len(places(ratio=0.5, kind="clean")) == 20
    assert len(places(ratio=1.0)) == 80
    assert len(places(ratio=0.001)) == 1


@pytest.mark.parametrize(("kind", "label"), [("clean", 0), ("dirty", 2)])
def test_no_images_to_poison(kind: str, label: int) -> None:
    with pytest.raises(ConfigurationError, match="no training image of"):
        places(ratio=0.1, kind=kind, labels=np.full(10, label))

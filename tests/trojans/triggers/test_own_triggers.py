"""A kind of trigger of one's own: drawn by the maker, and read from the population that it wrote."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import pytest
from torch import Tensor

from scalegmn.configuration import Portion
from scalegmn.errors import ConfigurationError, PopulationError, TriggerError
from scalegmn.populations import Population
from scalegmn.trojans.making import HeldOutConfig, make_trojans
from scalegmn.trojans.triggers import TRIGGERS, Fields, Trigger, TriggerFamily, TriggerSpace, triggers_of
from tests.trojans.making.trojan_cases import RECIPE, base_population, easy_images


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Fade(Trigger):
    """All images darker by one factor."""

    factor: float
    kind = "fade"

    @property
    def size(self) -> int:
        return 0

    @property
    def pattern(self) -> str:
        return "none"

    def apply(self, images: Tensor) -> Tensor:
        return self.factor * images

    def fields(self) -> dict[str, object]:
        return {"factor": self.factor}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"factor": np.array([self.factor], np.float32)}

    @classmethod
    def from_fields(cls, fields: Fields) -> Fade:
        return Fade(factor=fields.number("factor", above=0, high=1))


@final
@dataclass(frozen=True, kw_only=True)
class Fades(TriggerFamily):
    """Darker images to draw from."""

    least: Portion = 0.3
    kind = "fade"
    trigger = Fade

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Fade:
        return Fade(factor=float(generator.uniform(self.least, 0.6)))


@pytest.fixture(autouse=True)
def own_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(TRIGGERS, "_entries", dict(TRIGGERS._entries))


def test_own_kind_is_drawn_stored_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Fades.register()
    bases = base_population(tmp_path / "bases", networks=2)
    recipe = dataclasses.replace(RECIPE, triggers=TriggerSpace.from_kinds(["fade"]))
    made = make_trojans(
        bases, easy_images(), tmp_path / "p", recipe=recipe, pairs=2, workers=1, progress=False
    )
    population = Population.open(made.folder)
    found = triggers_of(population, range(len(population)))
    assert all(isinstance(trigger, Fade) and 0.3 <= trigger.factor <= 0.6 for trigger in found)
    assert set(population.column("trigger_kind").tolist()) == {"fade"}
    # Where nothing is registered, the file says a word and nothing more.
    monkeypatch.delitem(TRIGGERS._entries, "fade")
    with pytest.raises(
        PopulationError, match=r"network 0: kind of trigger is 'fade', expected one of blended"
    ):
        triggers_of(population, [0])


def test_own_kind_may_be_held_out() -> None:
    with pytest.raises(ConfigurationError, match="kinds is"):
        HeldOutConfig(kinds=("fade",))
    Fades.register()
    assert HeldOutConfig(kinds=("fade",)).match(Fade(factor=0.5), 0) == "kind"


def test_what_cannot_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fades, "kind", "patch")
    with pytest.raises(TriggerError, match="of the kind 'patch' and its triggers of 'fade'"):
        Fades.register()
    monkeypatch.setattr(Fade, "kind", "patch")
    with pytest.raises(TriggerError, match="called 'patch' is there already"):
        Fades.register()

from __future__ import annotations

import dataclasses

import pytest
import torch

from scalegmn.zoo.classifiers import ClassifierDesign
from scalegmn.zoo.classifiers._initialization import initial_state, is_map
from scalegmn.zoo.cnns import WeightInit
from tests.zoo.classifiers.classifier_cases import RESIDUAL, SPACE, TRANSFORMER, dice

HYPER = dataclasses.replace(SPACE.draw(dice(0)), init_scale=2.0)


@pytest.mark.parametrize("design", [RESIDUAL, TRANSFORMER], ids=lambda design: design.family)
def test_state_fits_the_module_and_norms_are_identities(design: ClassifierDesign) -> None:
    module = design.build(channels=1, size=8, classes=3)
    state = initial_state(module, HYPER)
    module.load_state_dict(state)
    for name, tensor in state.items():
        last = name.rsplit(".", 1)[-1]
        if is_map(name, tensor):
            assert bool(tensor.any()), name
        elif last in ("weight", "running_var"):
            assert bool((tensor == 1).all()), name
        elif last in ("positions", "token"):
            assert 0 < float(tensor.abs().max()) < 0.1, name
        else:
            assert not tensor.any(), name


def test_scale_multiplies_what_the_distribution_gives() -> None:
    module = TRANSFORMER.build(channels=1, size=8, classes=3)
    state, half = (initial_state(module, dataclasses.replace(HYPER, init_scale=s)) for s in (2.0, 1.0))
    for name, tensor in state.items():
        wanted = 2 * half[name] if is_map(name, tensor) else half[name]
        torch.testing.assert_close(tensor, wanted)


@pytest.mark.parametrize("w_init", ["glorot_normal", "he_normal"])
def test_spread_of_weights_is_that_of_the_name(w_init: WeightInit) -> None:
    module = dataclasses.replace(RESIDUAL, widths=(24,)).build(channels=1, size=8, classes=3)
    state = initial_state(module, dataclasses.replace(HYPER, w_init=w_init))
    weight = state["blocks.0.second.weight"]
    fans = 24 * 9 if w_init == "he_normal" else (24 * 9 + 24 * 9)
    assert float(weight.std()) == pytest.approx(2 * (2 / fans) ** 0.5, rel=0.05)


def test_seed_decides() -> None:
    module = RESIDUAL.build(channels=1, size=8, classes=3)
    one, same, other = (
        initial_state(module, dataclasses.replace(HYPER, seed=seed))["stem.weight"] for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)

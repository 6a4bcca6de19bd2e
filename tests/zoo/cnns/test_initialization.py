from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from scalegmn.networks import Activate, Activation, Dense, LayeredArchitecture, cnn
from scalegmn.zoo.cnns import Hyperparameters, WeightInit, initial_parameters

ZOO = cnn(activations=[Activation("relu")] * 3)
HYPER = Hyperparameters(
    activation="relu",
    w_init="normal",
    init_std=0.1,
    learning_rate=0.01,
    l2=0.0,
    dropout=0.0,
    train_fraction=1.0,
    optimizer="sgd",
    seed=0,
)


def weights(w_init: WeightInit, *, init_std: float = 0.0, layer: str = "conv.1") -> Tensor:
    """The weights of many networks in one layer, ``(B, out, in * taps)``."""
    hypers = [dataclasses.replace(HYPER, w_init=w_init, init_std=init_std, seed=seed) for seed in range(20)]
    return ZOO.unflatten(initial_parameters(ZOO, hypers))[f"{layer}.weight"].flatten(2)


@pytest.mark.parametrize(
    ("w_init", "init_std", "std"),
    [
        ("normal", 0.3, 0.3),
        # A normal distribution cut at two standard deviations is narrower.
        ("truncated_normal", 0.3, 0.3 * 0.8796),
        ("glorot_normal", 0.0, math.sqrt(2 / (144 + 144))),
        ("he_normal", 0.0, math.sqrt(2 / 144)),
        ("orthogonal", 0.0, 1 / math.sqrt(144)),
    ],
)
def test_spread(w_init: WeightInit, init_std: float, std: float) -> None:
    drawn = weights(w_init, init_std=init_std)
    assert abs(float(drawn.std()) / std - 1) < 0.03
    assert abs(float(drawn.mean())) < 0.03 * std
    if w_init in ("truncated_normal", "glorot_normal", "he_normal"):
        assert float(drawn.abs().max()) < 2 * std / 0.8796 + 1e-6
    else:
        assert float(drawn.abs().max()) > 2.2 * std


def test_fans_of_the_other_layers() -> None:
    assert abs(float(weights("glorot_normal", layer="conv.0").std()) / math.sqrt(2 / (9 + 144)) - 1) < 0.05
    assert abs(float(weights("glorot_normal", layer="dense").std()) / math.sqrt(2 / 26) - 1) < 0.05


@pytest.mark.parametrize(("layer", "rows"), [("conv.0", False), ("conv.1", True), ("dense", True)])
def test_orthogonal(layer: str, rows: bool) -> None:
    matrix = weights("orthogonal", layer=layer)
    product = matrix @ matrix.mT if rows else matrix.mT @ matrix
    torch.testing.assert_close(product, torch.eye(product.shape[1]).expand_as(product), rtol=0, atol=1e-5)


def test_biases_are_zero_and_slopes_as_stated() -> None:
    layers = (Dense("a", 2, 3), Activate(Activation("prelu", 0.125), "slope", 3), Dense("b", 3, 1))
    state = LayeredArchitecture(layers).unflatten(initial_parameters(LayeredArchitecture(layers), [HYPER]))
    assert not state["a.bias"].any() and not state["b.bias"].any()
    assert bool((state["slope.weight"] == 0.125).all())
    assert state["a.weight"].abs().min() > 0


def test_company_does_not_matter() -> None:
    others = [dataclasses.replace(HYPER, seed=seed) for seed in (1, 2)]
    together = initial_parameters(ZOO, [others[0], HYPER, others[1]])
    assert torch.equal(together[1:2], initial_parameters(ZOO, [HYPER]))
    assert not torch.equal(together[0], together[1])

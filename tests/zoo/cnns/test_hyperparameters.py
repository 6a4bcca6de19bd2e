from __future__ import annotations

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.zoo.cnns import HyperSpace
from scalegmn.zoo.cnns._hyperparameters import WITH_STD


def test_draws_fill_the_space() -> None:
    space = HyperSpace()
    rng = np.random.default_rng(0)
    drawn = [space.draw(rng) for _ in range(2000)]
    for name, choices in (
        ("activation", space.activations),
        ("w_init", space.w_inits),
        ("train_fraction", space.train_fractions),
        ("optimizer", space.optimizers),
    ):
        values, counts = np.unique([getattr(hyper, name) for hyper in drawn], return_counts=True)
        assert set(values.tolist()) == set(choices)
        assert counts.min() > 0.8 * 2000 / len(choices)
    for name, (low, high) in (("learning_rate", space.learning_rate), ("l2", space.l2)):
        logarithms = np.log([getattr(hyper, name) for hyper in drawn])
        assert np.log(low) <= logarithms.min() and logarithms.max() <= np.log(high)
        np.testing.assert_allclose(logarithms.mean(), np.log(low * high) / 2, atol=0.35)
    rates = np.array([hyper.dropout for hyper in drawn])
    assert 0 <= rates.min() < 0.01 and 0.69 < rates.max() < 0.7
    assert len({hyper.seed for hyper in drawn}) == 2000


def test_standard_deviation_only_where_it_is_used() -> None:
    rng = np.random.default_rng(0)
    for hyper in [HyperSpace().draw(rng) for _ in range(200)]:
        assert (hyper.init_std > 0) == (hyper.w_init in WITH_STD)


def test_a_narrower_space_leaves_the_other_draws_alone() -> None:
    wide = HyperSpace().draw(np.random.default_rng(3))
    narrow = HyperSpace(w_inits=("orthogonal",), optimizers=("sgd",)).draw(np.random.default_rng(3))
    assert (narrow.w_init, narrow.init_std, narrow.optimizer) == ("orthogonal", 0.0, "sgd")
    assert (narrow.learning_rate, narrow.dropout, narrow.seed) == (
        wide.learning_rate,
        wide.dropout,
        wide.seed,
    )


def test_a_range_of_one_value() -> None:
    hyper = HyperSpace(learning_rate=(0.01, 0.01), dropout=(0.0, 0.0)).draw(np.random.default_rng(0))
    assert hyper.learning_rate == 0.01 and hyper.dropout == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizers": ()}, "optimizers"),
        ({"activations": ()}, "activations"),
        ({"learning_rate": (0.0, 0.1)}, "learning_rate"),
        ({"l2": (1e-2, 1e-3)}, "l2"),
        ({"dropout": (0.5, 1.0)}, "dropout"),
        ({"train_fractions": (0.5, 1.5)}, "train_fractions"),
        ({"init_std": (-1.0, 1.0)}, "init_std"),
    ],
)
def test_impossible_spaces(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        HyperSpace(**settings)  # type: ignore[arg-type]


def test_unknown_activation() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'tanh'"):
        HyperSpace(activations=("tanhh",))

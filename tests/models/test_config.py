"""The options of a metanetwork."""

from __future__ import annotations

import dataclasses

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.models import Direction, ModelConfig


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(
        ConfigurationError, match=r"features is 0.*layers is -1.*dropout is 1\.0.*mlp_hidden is 0"
    ):
        ModelConfig(features=0, layers=-1, mlp_hidden=0, dropout=1.0)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_dropout_is_a_rate(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="dropout"):
        ModelConfig(dropout=rate)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "output_networks is 0"), (3, "output_networks is 3 with 8")]
)
def test_features_are_dealt_out_to_output_networks(count: int, expected: str) -> None:
    assert ModelConfig(features=8, output_networks=4).output_networks == 4
    with pytest.raises(ConfigurationError, match=expected):
        ModelConfig(features=8, output_networks=count)


def test_is_a_value() -> None:
    assert ModelConfig(features=8) == ModelConfig(features=8)
    assert hash(ModelConfig(features=8)) != hash(ModelConfig(features=9))
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().features = 3  # type: ignore[misc]


def test_style_carries_the_options() -> None:
    config = ModelConfig(
        features=8,
        direction=Direction.bidirectional,
        sign_symmetrization=False,
        separate_io=False,
        plain_io=False,
        positional_in_messages=True,
        positional_in_updates=True,
        mlp_hidden=5,
        mlp_layer_norm=False,
        dropout=0.25,
        dropout_in_mlps=True,
    )
    style = config.style
    assert (style.features, style.bidirectional, style.symmetrize) == (8, True, False)
    assert (style.separate_io, style.plain_io) == (False, False)
    assert (style.positional_in_messages, style.positional_in_updates) == (True, True)
    assert (style.mlp.hidden, style.mlp.layer_norm, style.mlp.dropout) == (5, False, 0.25)
    assert ModelConfig(features=8).style.mlp.hidden == 8
    assert ModelConfig(dropout=0.5).style.mlp.dropout == 0

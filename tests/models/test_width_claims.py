"""Which models say that the width of networks is nothing to them; other tests show that it is so."""

from __future__ import annotations

import pytest

from scalegmn import Activation, GraphSpec, ModelConfig, ScaleGMN, ScaleGMNEditor, mlp
from scalegmn.models import Metanetwork, Symmetry
from scalegmn.models.baselines import (
    BoostingConfig,
    FeatureAverage,
    FeatureBoosting,
    LogisticConfig,
    OutputType,
    Probes,
    ProbesConfig,
)
from scalegmn.models.baselines.features import FeaturesConfig, make_features

NETWORK = mlp(widths=(3, 4, 2), activations=(Activation("relu"),))
SPEC = GraphSpec.from_architectures([NETWORK])


def gmn(symmetry: Symmetry) -> ScaleGMN:
    config = ModelConfig(features=4, layers=1, symmetry=symmetry)
    return ScaleGMN(spec=SPEC, outputs=1, config=config)


def boosting(kind: str) -> FeatureBoosting:
    features = make_features(FeaturesConfig(type=kind), [NETWORK])
    return FeatureBoosting(
        feature_set=features, outputs=1, kind=OutputType.log_odds, config=BoostingConfig(), seed=0
    )


def average(kind: str) -> FeatureAverage:
    return FeatureAverage(
        feature_set=make_features(FeaturesConfig(type=kind), [NETWORK]),
        outputs=1,
        kind=OutputType.log_odds,
        boosting=BoostingConfig(),
        logistic=LogisticConfig(),
    )


@pytest.mark.parametrize(
    ("model", "any_width"),
    [
        (gmn(Symmetry.any_width), True),
        (gmn(Symmetry.scaling), False),
        (gmn(Symmetry.permutation), False),
        (ScaleGMNEditor(spec=SPEC, config=ModelConfig(features=4, layers=1)), False),
        (Probes.from_architectures([NETWORK], outputs=1, config=ProbesConfig(probes=2)), True),
        (boosting("inversion"), True),
        (boosting("statnn"), False),
        (average("inversion"), True),
        (average("statnn"), False),
    ],
)
def test_what_models_say_of_widths(model: Metanetwork, any_width: bool) -> None:
    assert model.any_width is any_width

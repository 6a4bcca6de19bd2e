"""Features in units of networks that are built alike, alone and in the models that are fitted to them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.alignment.rewriting import Rewriting, rewrite
from scalegmn.configuration import Sections
from scalegmn.graph import NetworkBatch
from scalegmn.models import ModelContext
from scalegmn.models.baselines import (
    BoostingConfig,
    FeatureAverage,
    FeatureBoosting,
    FeatureLogistic,
    LogisticConfig,
    OutputType,
)
from scalegmn.models.baselines._feature_predictor import FeaturePredictor
from scalegmn.models.baselines._relative_features import RelativeFeatures
from scalegmn.models.baselines.features import FeaturesConfig
from scalegmn.networks import Activation, mlp
from scalegmn.seeding import generator
from tests.models.baselines.networks import SIREN, ZOO, batch_of

SHALLOW, STEEP = (mlp(widths=(3, 6, 4), activations=[Activation(kind)]) for kind in ("tanh", "relu"))
TYPES = [FeatureAverage, FeatureBoosting, FeatureLogistic]


def built(
    kind: type[FeaturePredictor], *, by_design: bool = True, features: str = "norms"
) -> FeaturePredictor:
    options = Sections(
        {
            "features": FeaturesConfig(type=features, by_design=by_design),
            "boosting": BoostingConfig(iterations=10, networks_in_leaf=3),
            "logistic": LogisticConfig(),
        }
    )
    context = ModelContext(
        architectures=(SHALLOW, STEEP),
        options=options,
        outputs=1,
        fitted_outputs=1,
        output_type=OutputType.log_odds,
    )
    return kind.build(context)


def test_units_are_those_of_counted_networks_built_alike() -> None:
    features = torch.zeros(40, 2, dtype=torch.float64)
    features[20:, 0] = 1
    features[:, 1] = torch.arange(40) % 10 + 100 * features[:, 0]
    features[::2, 1] += 1000
    counted = torch.arange(40) % 2 == 1
    made = RelativeFeatures(designs=2, width=1).double()
    made.fit(features, counted=counted)
    found = made(features)
    assert torch.equal(found[:, 0], features[:, 1])
    # 1, 3, 5, 7, 9 in each of the two designs; their deviation is the root of 8, and a little more.
    torch.testing.assert_close(found[1:20:2, 1], found[21::2, 1])
    torch.testing.assert_close(found[1, 1], torch.tensor(-4 / 8**0.5, dtype=torch.float64), rtol=0.05, atol=0)
    assert (found[::2, 1] == 10).all()


def test_unknown_designs_and_those_of_few_networks_have_the_units_of_all() -> None:
    features = torch.zeros(30, 2, dtype=torch.float64)
    features[27:, 0] = 1
    features[:, 1] = torch.linspace(0, 1, 30)
    made = RelativeFeatures(designs=2, width=1).double()
    made.fit(features, counted=torch.ones(30, dtype=torch.bool))
    rows = torch.tensor([[0.0, 0.7], [1.0, 0.7], [-1.0, 0.7]], dtype=torch.float64)
    known, few, unknown = made(rows)[:, 1].tolist()
    assert few == unknown != known


@pytest.mark.parametrize("kind", TYPES)
def test_models_tell_what_designs_hide(kind: type[FeaturePredictor]) -> None:
    """The weights of one design are larger than those of the other, whatever the class."""
    batch = batch_of(SHALLOW, STEEP, count=40, dtype=torch.float32)
    classes = torch.arange(80) % 2
    factors = 1 + 0.5 * classes[:, None]
    parts = [theta * factors[:40] * scale for (_, theta), scale in zip(batch.parts, (1, 5), strict=True)]
    batch = batch.with_theta(parts)
    model = built(kind)
    model.fit(model.compute_features(batch), classes)
    relative = model.predict(batch).flatten()
    assert ((relative > 0) == classes.bool()).float().mean() > 0.8
    # Another width is the same design, and another activation is not.
    wider = mlp(widths=(3, 9, 4), activations=[Activation("tanh")])
    other = mlp(widths=(3, 6, 4), activations=[Activation("gelu")])
    numbers = model.compute_features(batch_of(STEEP, wider, other, count=1, dtype=torch.float32))[:, 0]
    assert numbers.tolist() == [1, 0, -1]


@pytest.mark.parametrize("kind", TYPES)
def test_loaded_models_answer_the_same(tmp_path: Path, kind: type[FeaturePredictor]) -> None:
    batch = batch_of(SHALLOW, STEEP, count=20, dtype=torch.float32)
    for number, by_design in enumerate((True, False)):
        model = built(kind, by_design=by_design)
        model.fit(model.compute_features(batch), torch.arange(40) % 2)
        model.save_pretrained(tmp_path / str(number))
        loaded = kind.from_pretrained(tmp_path / str(number))
        assert loaded.designs == ((SHALLOW.design, STEEP.design) if by_design else ())
        assert torch.equal(loaded.predict(batch), model.predict(batch))


def test_neurons_that_are_split_or_unread_change_nothing() -> None:
    batch = batch_of(SHALLOW, STEEP, count=16)
    model = built(FeatureLogistic, features="inversion").double()
    model.fit(model.compute_features(batch), torch.arange(32) % 2)
    row = batch.parts[0][1][0]
    other, theta = rewrite(
        SHALLOW, row, rewriting=Rewriting(kinds=("group", "unread", "split")), generator=generator(3)
    )
    assert other.num_parameters > SHALLOW.num_parameters
    pair = NetworkBatch(((SHALLOW, row[None]), (other, theta[None])), torch.arange(2))
    before, after = model.predict(pair).flatten().tolist()
    assert before == pytest.approx(after, abs=1e-6)
    # Where the wider one is none of a known design, the answer is another one.
    model.designs = ("unknown",)
    assert model.predict(pair)[0].item() != pytest.approx(before, abs=1e-3)


def test_designs_are_told_by_everything_but_widths() -> None:
    wide, deep = mlp(widths=(3, 9, 4), activations=[Activation("tanh")]), SIREN
    assert wide.design == SHALLOW.design
    assert len({one.design for one in (SHALLOW, STEEP, deep, ZOO)}) == 4

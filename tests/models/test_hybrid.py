"""ScaleGMN beside features: invariant as both are, and each network's features are computed once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import Hybrid, HybridConfig, ModelConfig, ScaleGMN
from scalegmn.models._remembered import RememberedFeatures
from scalegmn.models.baselines import FeatureLogistic, LogisticConfig, OutputType
from scalegmn.models.baselines.features import FeatureSet, InversionFeatures, NormFeatures, StatNNFeatures
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import randomize
from tests.models.baselines.networks import TANH_ZOO, ZOO, batch_of, change, transformed

SEARCHED = InversionFeatures(image_size=(15, 15))
PLAIN = StatNNFeatures(layers=4)


def model(features: FeatureSet) -> Hybrid:
    config = ModelConfig(features=6, layers=2, readout="full_graph", statistics=True)
    gmn = ScaleGMN(spec=GraphSpec.from_architectures([ZOO, TANH_ZOO]), outputs=None, config=config)
    made = Hybrid(gmn=gmn, feature_set=features, outputs=3, config=HybridConfig(width=5))
    made = randomize(made, generator=generator(0)).double().eval()
    made.fit_scale(batch_of(ZOO, TANH_ZOO, count=6, seed=5))
    return made


def test_symmetries_change_nothing_unless_the_features_see_them() -> None:
    batch = batch_of(ZOO, TANH_ZOO)
    moved = transformed(batch, Elements(spread=100.0))
    assert change(model(SEARCHED), batch, moved) < 1e-6
    assert change(model(PLAIN), batch, moved) > 1e-3


def test_weights_and_features_are_both_read() -> None:
    made, batch = model(PLAIN), batch_of(ZOO)
    before = made.predict(batch)
    for part in (made.gmn.readout, made.reader):
        state = {name: value.clone() for name, value in part.state_dict().items()}
        with torch.no_grad():
            for parameter in part.parameters():
                parameter.mul_(1.5)
        assert (made.predict(batch) - before).abs().max() > 1e-6
        part.load_state_dict(state)
    assert torch.equal(made.predict(batch), before)


def test_a_saved_model_predicts_the_same(tmp_path: Path) -> None:
    made, batch = model(PLAIN).float(), batch_of(ZOO, dtype=torch.float32)
    made.save_pretrained(tmp_path / "model")
    assert torch.equal(Hybrid.from_pretrained(tmp_path / "model").predict(batch), made.predict(batch))


def test_with_a_start_it_begins_as_logistic_regression_on_the_features(tmp_path: Path) -> None:
    batch, features = batch_of(ZOO, count=12), StatNNFeatures(layers=4)
    targets = torch.arange(12) % 2
    start = FeatureLogistic(
        feature_set=features, outputs=1, kind=OutputType.log_odds, config=LogisticConfig()
    ).double()
    made = Hybrid(
        gmn=model(features).gmn, feature_set=features, outputs=3, config=HybridConfig(), start=start
    )
    made = made.double().eval()
    made.fit_scale(batch)
    part = made.fitted_part
    assert part is start
    part.fit(part.compute_features(batch), targets)
    assert ((start.predict(batch)[:, 0] > 0) == (targets == 1)).all()
    assert torch.equal(made.predict(batch)[:, :1], start.predict(batch))
    assert (made.predict(batch)[:, 1:] == 0).all()
    # The start is no parameter, and what is learned adds to it.
    loss = made.predict(batch).square().sum()
    loss.backward()
    assert made.head.last.weight.grad is not None and made.head.last.weight.grad.abs().max() > 0
    assert not any(name.startswith("start") for name, _ in made.named_parameters())
    with torch.no_grad():
        made.head.last.bias += 1.0
    torch.testing.assert_close(made.predict(batch)[:, :1], start.predict(batch) + 1.0)
    made.save_pretrained(tmp_path / "model")
    assert torch.equal(Hybrid.from_pretrained(tmp_path / "model").predict(batch), made.predict(batch))


@final
@dataclass(frozen=True, kw_only=True)
class _Counted(FeatureSet):
    """Norms, and how many networks were asked for in all."""

    name = "counted"
    asked: list[int]

    @classmethod
    def from_architectures(cls, architectures: object, *, config: object) -> FeatureSet:
        raise NotImplementedError

    @property
    def size(self) -> int:
        return _NORMS.size

    def compute(self, batch: NetworkBatch) -> Tensor:
        self.asked.append(len(batch))
        return _NORMS.compute(batch)


_NORMS = NormFeatures(layers=4)


def test_each_network_is_computed_once_whatever_batch_it_comes_in() -> None:
    counted = _Counted(asked=[])
    remembered, batch = RememberedFeatures(counted), batch_of(ZOO, count=5)
    theta = batch.single[1]
    first = remembered.compute(NetworkBatch.from_parameters(ZOO, theta[:3]))
    again = remembered.compute(NetworkBatch.from_parameters(ZOO, theta[[4, 2, 0]]))
    assert counted.asked == [3, 1]
    assert torch.equal(first, _NORMS.compute(batch)[:3])
    assert torch.equal(again, _NORMS.compute(batch)[[4, 2, 0]])
    # A network of which one bit changed is another one, and so are its numbers under other activations.
    changed = theta[:1].clone()
    changed[0, 0] = torch.nextafter(changed[0, 0], torch.tensor(torch.inf, dtype=torch.float64))
    remembered.compute(NetworkBatch.from_parameters(ZOO, changed))
    remembered.compute(NetworkBatch.from_parameters(TANH_ZOO, theta[:1]))
    assert counted.asked == [3, 1, 1, 1]

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from scalegmn.checkpoints import read_tensors, write_state
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.models.baselines import BoostingConfig, FeatureBoosting, OutputType
from scalegmn.models.baselines._trees import BoostedTrees
from scalegmn.models.baselines.features import FeaturesConfig, StatNNFeatures
from scalegmn.networks import read_json
from tests.models.baselines.networks import ZOO, batch_of

OPTIONS: dict[str, Any] = {
    "max_iter": 25,
    "max_leaf_nodes": 7,
    "min_samples_leaf": 4,
    "max_features": 0.5,
    "early_stopping": False,
    "random_state": 3,
}
# Features that have few values, so that thresholds and equal numbers meet.
ROWS = np.random.default_rng(0).integers(-4, 5, (120, 6)).astype(np.float32) / 3
OTHERS = np.random.default_rng(1).normal(size=(80, 6)).astype(np.float32)
SUMS = ROWS[:, 0] * ROWS[:, 1] + ROWS[:, 2]


def trees_of(model: Any, *, outputs: int = 1, classes: tuple[int, ...] = ()) -> BoostedTrees:
    return BoostedTrees.from_scikit_learn(model, features=6, outputs=outputs, classes=classes)


def numbers() -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(**OPTIONS).fit(ROWS, SUMS)


def both() -> Tensor:
    return torch.from_numpy(np.concatenate([ROWS, OTHERS]))


def test_numbers_are_those_of_scikit_learn() -> None:
    model, rows = numbers(), both()
    found = trees_of(model)(rows)
    assert found.shape == (200, 1) and found.dtype == torch.float64
    np.testing.assert_allclose(found[:, 0], model.predict(rows.numpy()), rtol=1e-12, atol=1e-12)
    assert found.std() > 0.1


def test_two_classes_are_those_of_scikit_learn() -> None:
    model, rows = HistGradientBoostingClassifier(**OPTIONS).fit(ROWS, SUMS > 0), both()
    odds = torch.from_numpy(model.decision_function(rows.numpy()))
    torch.testing.assert_close(trees_of(model)(rows)[:, 0], odds, rtol=1e-12, atol=1e-12)
    two = trees_of(model, outputs=2, classes=(0, 1))(rows)
    torch.testing.assert_close(two[:, 1] - two[:, 0], odds, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 2, 3), (1, 3)])
def test_several_classes_are_those_of_scikit_learn(classes: tuple[int, ...]) -> None:
    targets = np.array(classes)[np.digitize(SUMS, np.quantile(SUMS, np.arange(1, len(classes)) / 3))]
    model, rows = HistGradientBoostingClassifier(**OPTIONS).fit(ROWS, targets), both()
    shares = trees_of(model, outputs=4, classes=classes)(rows).softmax(dim=1)
    expected = model.predict_proba(rows.numpy())
    np.testing.assert_allclose(shares[:, list(classes)], expected, rtol=1e-12, atol=1e-12)
    assert not shares[:, [k for k in range(4) if k not in classes]].any()


def test_a_number_at_a_threshold_goes_left() -> None:
    model = BoostedTrees(features=6, outputs=1, nodes=3, rounds=1)
    third = torch.tensor(1 / 3, dtype=torch.float64)
    nodes = torch.tensor([[5, 1, 2, third], [-1, -1, -1, 7], [-1, -1, -1, 9]], dtype=torch.float64)
    model.load_state_dict({"nodes": nodes, "roots": torch.zeros(1, 1), "start": torch.ones(1)})
    rows = torch.zeros(2, 6, dtype=torch.float64)
    rows[0, 5], rows[1, 5] = third, torch.nextafter(third, torch.tensor(1.0, dtype=torch.float64))
    assert model(rows).flatten().tolist() == [8.0, 10.0]


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_has_no_answer(wrong: float) -> None:
    rows = torch.from_numpy(ROWS[:3]).clone()
    rows[1, 5] = wrong
    assert trees_of(numbers())(rows).isnan().flatten().tolist() == [False, True, False]


def test_precision_is_kept_whatever_is_asked_for() -> None:
    model = trees_of(numbers())
    before = model(both())
    assert torch.equal(torch.nn.Sequential(model).half()(both()), before)
    assert model.nodes.dtype == torch.float64


def test_networks_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = trees_of(numbers())
    whole = model(both())
    monkeypatch.setattr("scalegmn.models.baselines._trees._AT_ONCE", 3 * 25)
    assert torch.equal(model(both()), whole)
    assert model(both()[:0]).shape == (0, 1)


@pytest.mark.parametrize("lost", ["_predictors", "_baseline_prediction", "nodes"])
def test_another_scikit_learn_is_named(lost: str) -> None:
    found = numbers()
    parts = {"_predictors": found._predictors, "_baseline_prediction": found._baseline_prediction}
    if lost == "nodes":
        parts["_predictors"] = [[SimpleNamespace(nodes=np.zeros(3, dtype=[("value", float)]))]]
    else:
        del parts[lost]
    with pytest.raises(
        ConfigurationError, match=r"does not say what trees it has grown.*expected their nodes"
    ):
        trees_of(SimpleNamespace(**parts))


def classes_of(features: Tensor) -> Tensor:
    """Whether the feature that varies most is large."""
    values = features[:, int(features.std(0).argmax())]
    return (values > values.median()).long()


def saved(folder: Path) -> FeatureBoosting:
    judge = FeatureBoosting(
        feature_set=StatNNFeatures.from_architectures((ZOO,), config=FeaturesConfig()),
        outputs=1,
        kind=OutputType.log_odds,
        config=BoostingConfig(iterations=8, networks_in_leaf=3),
    )
    batch = batch_of(ZOO, count=40)
    features = judge.compute_features(batch)
    judge.fit(features, classes_of(features))
    judge.save_pretrained(folder)
    return judge


def test_loaded_trees_need_no_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of(ZOO, count=40)
    expected = saved(tmp_path).predict(batch)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    assert torch.equal(FeatureBoosting.from_pretrained(tmp_path).predict(batch), expected)
    assert expected.std() > 0.1
    assert read_json(tmp_path / "config.json", what="model")["networks"] == 0


def test_features_and_targets_of_before_become_trees(tmp_path: Path) -> None:
    batch = batch_of(ZOO, count=40)
    judge = saved(tmp_path / "today")
    expected, features = judge.predict(batch), judge.compute_features(batch)
    data = {key: value for key, value in judge.to_config().items() if key != "trees"} | {"networks": 40}
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "config.json").write_text(json.dumps({"model": "FeatureBoosting", **data}))
    state = {"features": features.float(), "targets": classes_of(features).float()}
    write_state(tmp_path / "before" / "model.safetensors", state)
    found = FeatureBoosting.from_pretrained(tmp_path / "before")
    found.save_pretrained(tmp_path / "again")
    assert torch.equal(found.predict(batch), expected)
    # From then on it holds trees.
    found.save_pretrained(tmp_path / "before")
    for folder in ("before", "again"):
        assert torch.equal(FeatureBoosting.from_pretrained(tmp_path / folder).predict(batch), expected)
    assert not len(found.targets) and len(found.trees.roots) == 8


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (0, 0, 1e6),  # a feature that there is not
        (0, 0, 0.5),
        (0, 0, -1),  # a leaf whose children nobody enters
        (0, 1, 0),  # a circle
        (0, 1, 1e9),
        (0, 2, 1.5),
        (0, 2, -7),
    ],
)
def test_tensors_that_are_no_trees_are_refused(tmp_path: Path, row: int, column: int, value: float) -> None:
    saved(tmp_path)
    state = read_tensors(tmp_path / "model.safetensors")
    state["trees.nodes"][row, column] = value
    write_state(tmp_path / "model.safetensors", state, overwrite=True)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: trees: \d+ nodes are not 8 trees"):
        FeatureBoosting.from_pretrained(tmp_path)


def test_roots_are_checked_too(tmp_path: Path) -> None:
    saved(tmp_path)
    state = read_tensors(tmp_path / "model.safetensors")
    state["trees.roots"][1] = state["trees.roots"][0]
    write_state(tmp_path / "model.safetensors", state, overwrite=True)
    with pytest.raises(CheckpointError, match="nodes are not 8 trees"):
        FeatureBoosting.from_pretrained(tmp_path)


def test_values_that_are_not_finite_are_refused() -> None:
    model = trees_of(numbers())
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["nodes"][-1, 3] = torch.nan
    with pytest.raises(CheckpointError, match="not finite"):
        model.load_state_dict(state)


def test_trees_must_fit_the_features(tmp_path: Path) -> None:
    saved(tmp_path)
    path = tmp_path / "config.json"
    data = json.loads(path.read_text())
    data["trees"]["features"] = 3
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match="trees read 3 features for 1 outputs, expected"):
        FeatureBoosting.from_pretrained(tmp_path)
    data["trees"] |= {"nodes": 10**15}
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigurationError):
        FeatureBoosting.from_pretrained(tmp_path)

"""Features of one's own: a training with them, and its run opened again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import FeatureLogistic
from scalegmn.models.baselines.features import FEATURES, FeaturesConfig, FeatureSet
from scalegmn.networks import Architecture
from scalegmn.training import Run, configuration_errors, evaluate, parse_config, train
from tests.training.small import options, small_population


@final
@dataclass(frozen=True, kw_only=True)
class LastSize(FeatureSet):
    """The mean size of the last `count` parameters."""

    name = "last_size"
    one_layout = True
    count: int

    @classmethod
    def from_architectures(cls, architectures: Sequence[Architecture], *, config: FeaturesConfig) -> LastSize:
        return LastSize(count=architectures[0].parameters[-2].stop - architectures[0].parameters[-2].start)

    @property
    def size(self) -> int:
        return 1

    def compute(self, batch: NetworkBatch) -> Tensor:
        return torch.cat([theta[:, -self.count :].abs().mean(1, keepdim=True) for _, theta in batch.parts])


@pytest.fixture(autouse=True)
def own_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(FEATURES, "_entries", dict(FEATURES._entries))


def commanded(folder: Path, output: Path) -> list[str]:
    changes: dict[str, object] = {"metanetwork": "feature_logistic", "features.type": "last_size"}
    return options(folder, output, **changes)


def test_training_with_own_features_comes_back(tmp_path: Path) -> None:
    LastSize.register()
    folder = small_population(tmp_path / "networks").folder
    config, problems = parse_config(commanded(folder, tmp_path / "run"))
    assert config is not None and not problems
    assert not configuration_errors(config)
    outcome = train(config)
    assert outcome.report is not None
    # The label is how large these weights are; chance is 1/3.
    assert outcome.report.summary["accuracy"] > 0.6
    run = Run.open(outcome.folder)
    assert isinstance(run.model, FeatureLogistic) and run.model.feature_set == LastSize(count=6)
    assert evaluate(run).report.summary["loss"] == pytest.approx(outcome.report.summary["loss"], rel=1e-4)


def test_own_features_may_ask_for_one_layout(tmp_path: Path) -> None:
    LastSize.register()
    folder = small_population(tmp_path / "networks", more=(2, 4, 1)).folder
    config, _ = parse_config(commanded(folder, tmp_path / "run"))
    assert config is not None
    assert any(
        "with the features last_size reads networks" in problem for problem in configuration_errors(config)
    )


def test_features_that_nobody_registered(tmp_path: Path) -> None:
    _, problems = parse_config(commanded(tmp_path, tmp_path / "run"))
    assert any("features.type is 'last_size', expected one of statnn" in problem for problem in problems)


def test_name_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LastSize, "name", "norms")
    with pytest.raises(ConfigurationError, match="called 'norms' is there already"):
        LastSize.register()

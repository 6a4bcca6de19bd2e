"""Comparison files and finished training runs that the tests of comparisons share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from scalegmn.comparison import Comparison, ComparisonConfig, parse_comparison
from scalegmn.comparison._differences import differences_of
from scalegmn.comparison._finished import PREDICTIONS, ModelResult, RunResult
from scalegmn.tasks import Regression, RegressionConfig
from scalegmn.training import DataConfig, Task

MODELS: dict[str, dict[str, object] | None] = {
    "ScaleGMN": None,
    "flat MLP": {"metanetwork": "flat_mlp", "flat_mlp": {"hidden": [4]}},
}


def base(population: Path) -> dict[str, dict[str, object]]:
    """A run configuration that takes a moment."""
    return {
        "data": {"population": str(population), "batch_size": 16, "validation": 0.25},
        "model": {"features": 4, "layers": 2},
        "training": {"epochs": 1, "learning_rate": 0.01, "warmup_steps": 1, "accelerator": "cpu"},
        "logging": {"tensorboard": False, "progress": False},
    }


def comparison_file(folder: Path, population: Path, **changes: object) -> Path:
    """A comparison of two models with two seeds, as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "base": base(population),
        "models": MODELS,
        "seeds": [0, 1],
        "output": str(folder / "out"),
    } | changes
    path = folder / "comparison.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def configured(path: Path, *options: str) -> ComparisonConfig:
    config, problems = parse_comparison(["--config", str(path), *options])
    assert problems == []
    assert config is not None
    return config


def finished(
    folder: Path, seed: int, test: Mapping[str, Any], predictions: np.ndarray | None = None
) -> RunResult:
    """A training as it was read from its run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if predictions is not None:
        np.save(folder / PREDICTIONS, predictions)
    results = {"parameters": 1000, "seconds": 12.5, "train_networks_per_second": 80.0, "best_epoch": 3}
    return RunResult(seed, folder, {"networks": 40, **test}, {"test": dict(test), **results})


def compared(
    models: Sequence[ModelResult],
    *,
    reference: str,
    population: Path,
    task: Task | None = None,
    metrics: tuple[str, ...] = ("kendall_tau", "mae"),
) -> Comparison:
    """A comparison of such training runs, in the given order."""
    data = DataConfig(population=population, label="test_accuracy")
    seeds = sorted({run.seed for model in models for run in model.runs})
    return Comparison(
        task=task if task is not None else Regression(label="test_accuracy", config=RegressionConfig()),
        data=data,
        networks=40,
        metrics=metrics,
        seeds=tuple(seeds),
        models=tuple(models),
        reference=reference,
        differences=differences_of(models, reference=reference, metric=metrics[0], data=data),
    )

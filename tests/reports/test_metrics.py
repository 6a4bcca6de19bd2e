from __future__ import annotations

from pathlib import Path

import pytest

from scalegmn.reports import read_metrics
from scalegmn.reports._metrics import MetricsError


def written(folder: Path, text: str) -> Path:
    path = folder / "metrics.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_by_epoch(tmp_path: Path) -> None:
    path = written(tmp_path, "epoch,step,loss,accuracy\n0,5,2.0,\n0,9,1.0,0.25\n1,18,0.5,nan\n")
    metrics = read_metrics(path)
    assert metrics.series("loss") == ([0, 1], [1.5, 0.5])
    assert metrics.series("accuracy") == ([0], [0.25])
    assert "step" not in metrics.values


def test_unknown_metric_lists_the_known(tmp_path: Path) -> None:
    metrics = read_metrics(written(tmp_path, "epoch,loss\n0,1\n"))
    with pytest.raises(MetricsError, match=r"no metric 'los'; there are \['loss'\]"):
        metrics.series("los")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "expected one called 'epoch'"),
        ("epoch,loss\n0,1\n1,much\n", "line 3: 'loss' is 'much', expected a number"),
        ("epoch,loss\none,1\n", "line 2"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MetricsError, match=message):
        read_metrics(written(tmp_path, text))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match="there is no such file"):
        read_metrics(tmp_path / "metrics.csv")

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from scalegmn.training import json_text, write_json


def test_what_is_no_number_is_null_and_named(tmp_path: Path) -> None:
    data = {
        "loss": float("nan"),
        "fine": [1, 2.5, None, "nan", True],
        "inner": {"most": float("inf"), "rows": [{"x": -np.inf}, {"x": np.float64(0.5)}]},
    }
    write_json(tmp_path / "data.json", data)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    found = json.loads((tmp_path / "data.json").read_text(), parse_constant=refuse)
    assert found["loss"] is None and found["inner"] == {"most": None, "rows": [{"x": None}, {"x": 0.5}]}
    assert found["fine"] == data["fine"]
    assert found["not_finite"] == {"loss": "nan", "inner.most": "inf", "inner.rows.0.x": "-inf"}
    assert json.loads(json_text([float("nan"), (1.0, 2.0)]), parse_constant=refuse) == [None, [1.0, 2.0]]


def test_finite_data_are_written_as_they_are() -> None:
    assert json_text({"a": (1, 2.0), "b": {}}, indent=None) == '{"a": [1, 2.0], "b": {}}'

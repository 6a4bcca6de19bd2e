"""The shape annotations of the library are executed in tests, not only read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import jaxtyping
import pytest
import torch

ANNOTATED = """
from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from scalegmn.shapes import EdgeIndex, NodeScalars


def add(left: Float[Tensor, "B P"], right: Float[Tensor, "B P"]) -> Float[Tensor, "B P"]:
    return left + right


def drop_last(values: Float[Tensor, "V"]) -> Float[Tensor, "V"]:
    return values[:-1]


def gather(nodes: NodeScalars, edges: EdgeIndex) -> Float[Tensor, "E"]:
    return nodes[edges[0]]
"""


@pytest.fixture
def annotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that joins the package for one test and goes through the same import hook."""
    import scalegmn

    (tmp_path / "annotated_for_test.py").write_text(ANNOTATED, encoding="utf-8")
    monkeypatch.setattr(scalegmn, "__path__", [*scalegmn.__path__, str(tmp_path)])
    import scalegmn.annotated_for_test as module  # type: ignore[import-not-found]

    yield module
    del sys.modules["scalegmn.annotated_for_test"]
    del scalegmn.annotated_for_test


def test_right_shapes_pass(annotated: ModuleType) -> None:
    assert annotated.add(torch.ones(2, 3), torch.ones(2, 3)).shape == (2, 3)
    assert annotated.gather(torch.ones(4), torch.zeros(2, 5, dtype=torch.long)).shape == (5,)


def test_wrong_shape_raises(annotated: ModuleType) -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="right"):
        annotated.add(torch.ones(2, 3), torch.ones(2, 4))


def test_wrong_dtype_raises(annotated: ModuleType) -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="edges"):
        annotated.gather(torch.ones(4), torch.zeros(2, 5))


def test_wrong_result_raises(annotated: ModuleType) -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="return"):
        annotated.drop_last(torch.ones(3))

"""Small models in the place of those that come with the library."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from scalegmn.shipped import _naming

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "tests" / "fixtures" / "first_stores" / "runs"
STAND_INS = {
    "scalegmn/trojan-detector": "detect",
    "scalegmn/cnn-accuracy": "regress",
    "scalegmn/classifier": "classify",
    "scalegmn/editor": "edit",
}
CARD = "Says nothing,\nand of few networks. More is not known.\n"


def pack_run(run: Path, *, name: str, into: Path, card: str = CARD) -> None:
    """Pack a run folder as ``python -m benchmarks.ship`` does."""
    sys.path.insert(0, str(ROOT))
    try:
        importlib.import_module("benchmarks.ship").pack(run, name=name, card=card, into=into)
    finally:
        sys.path.remove(str(ROOT))


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the models of a folder take the place of those in the package."""
    monkeypatch.setattr(_naming, "FOLDER", folder)
    return folder


@pytest.fixture(scope="session")
def packed_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models; not to be changed."""
    folder = tmp_path_factory.mktemp("packed") / "models"
    for name, run in STAND_INS.items():
        pack_run(RUNS / run, name=name, into=folder)
    return folder


@pytest.fixture
def shipped(packed_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in the place of the models of the package."""
    return stand_in(packed_models, monkeypatch)

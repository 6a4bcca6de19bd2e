"""What holds for every test: shapes are checked, one thread, no network, reproducible examples."""

from __future__ import annotations

import os
import signal
import sys

# Set before anything reads them.  A test that wants another value sets it with monkeypatch.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["WANDB_MODE"] = "offline"
os.environ.pop("SCALEGMN_DATA", None)

from pathlib import Path

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

# Programs that are started in the background of a shell may ignore interruptions; some tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

if any(name == "scalegmn" or name.startswith("scalegmn.") for name in sys.modules):
    raise RuntimeError(
        "scalegmn was imported before tests/conftest.py could install the shape checks; "
        "find the pytest plugin or option that imports it and load it later"
    )
# Kept alive for the whole run: from here on, annotations in scalegmn.* are checked at every call.  Users have
# no such checks, which raise errors of their own before the code does, so `.ci/kernels.py` runs without them.
CHECKED = os.environ.get("SCALEGMN_SHAPE_CHECKS") != "off"
SHAPE_CHECKS = install_import_hook("scalegmn", "beartype.beartype") if CHECKED else None


def pytest_configure(config: pytest.Config) -> None:
    """Models in tests of laws and values need no constants of training networks; what warns is tested."""
    config.addinivalue_line("filterwarnings", "ignore:the model divides weights by 1:UserWarning")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of a GPU are left out where there is none."""
    if torch.cuda.is_available():
        return
    there = [item for item in items if item.get_closest_marker("cuda") is not None]
    if there:
        config.hook.pytest_deselected(items=there)
        items[:] = [item for item in items if item not in there]


# pytest-xdist runs one process per core; more threads in each would only wait for each other.
torch.set_num_threads(1)

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True, scope="session")
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests leave nothing in the user's folder of states, and find nothing there."""
    folder: Path = tmp_path_factory.mktemp("state")
    os.environ["XDG_STATE_HOME"] = str(folder)


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """What a test draws without a generator does not depend on the tests before it."""
    torch.manual_seed(0)

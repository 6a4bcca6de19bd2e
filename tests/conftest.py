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

import hypothesis
import torch
from jaxtyping import install_import_hook

# Programs that are started in the background of a shell may ignore interruptions; some tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

if any(name == "scalegmn" or name.startswith("scalegmn.") for name in sys.modules):
    raise RuntimeError(
        "scalegmn was imported before tests/conftest.py could install the shape checks; "
        "find the pytest plugin or option that imports it and load it later"
    )
# Kept alive for the whole run: from here on, annotations in scalegmn.* are checked at every call.
SHAPE_CHECKS = install_import_hook("scalegmn", "beartype.beartype")

# pytest-xdist runs one process per core; more threads in each would only wait for each other.
torch.set_num_threads(1)

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

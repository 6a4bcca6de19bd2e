"""Keys of all kinds beside a network, and keys that are written alike."""

from __future__ import annotations

import datetime
import enum
import io
import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from scalegmn.checkpoints import read_networks, read_state
from scalegmn.errors import CheckpointError

STATE = {"0.weight": torch.arange(6.0).reshape(2, 3), "0.bias": torch.ones(2)}
OTHER = {"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(2)}


class Kind(enum.Enum):
    """Keys of a configuration."""

    first = 1


@pytest.mark.parametrize(
    "value",
    [
        {("val", "accuracy"): 0.5, ("val", ("top", 5)): 0.9},
        {frozenset({1, 2}): 3, frozenset({3}): 4},
        {(Kind.first, 1): 1, (Kind.first, 2): 2, "(<tests.x>, 1)": 3},
        {Kind.first: 1},
        {datetime.date(2026, 1, 2): "run"},
        {torch.device("cpu"): 1},
        {"activation": nn.functional.relu, "norm": nn.LayerNorm},
        {"range": range(3), "slice": slice(1, 2), "raw": bytearray(b"x")},
        {"logger": logging.getLogger("training")},
        {"classes": np.array(["cat", "dog"]), "files": np.array([b"a", b"b"])},
        {"when": np.array(["2026-01-02"], dtype="M8[D]"), "mixed": np.array([None, "a"], dtype=object)},
    ],
    ids=lambda value: str(next(iter(value)))[:30],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_lies_beside_a_network_does_not_stop_its_reading(
    value: object, protocol: int, tmp_path: Path
) -> None:
    path = tmp_path / "network.pt"
    torch.save({"state_dict": STATE, "beside": value}, path, pickle_protocol=protocol)
    found = read_state(path)
    assert all(torch.equal(found.tensors[name], STATE[name]) for name in STATE)
    assert not found.unread


@pytest.mark.parametrize(
    "content",
    [
        {"model": STATE, ("a", torch.ones(3)): 1},
        {"model": STATE, "files": np.array([torch.ones(3), None], dtype=object)},
        {"model": STATE, "files": np.array([np.ones(3), "x", None], dtype=object)},
    ],
    ids=["key", "object array", "array in an array"],
)
def test_tensors_in_keys_and_in_arrays_of_objects_are_named(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "network.pt")
    assert len(read_state(tmp_path / "network.pt").unread) == 1


@pytest.mark.parametrize("alike", [(None, "None"), (1.5, "1.5"), (True, "True"), (b"x", "b'x'")], ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_keys_that_are_written_alike_are_refused(
    alike: tuple[object, str], turned: bool, tmp_path: Path
) -> None:
    first, second = reversed(alike) if turned else alike
    torch.save({first: STATE, second: OTHER}, tmp_path / "network.pt")
    with pytest.raises(CheckpointError, match="two keys of one dictionary are written alike"):
        read_networks(tmp_path / "network.pt")


def test_a_tuple_without_end_is_no_key(tmp_path: Path) -> None:
    key: object = "a"
    for _ in range(30):
        key = (key, key)
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, protocol=2)
    pickler.dump([key])
    # The list becomes a dict with the pair as its key; hashing it here would take as long as it would there.
    content = stream.getvalue()
    head, tail = content.index(b"]"), content.rindex(b"a")
    (tmp_path / "network.pkl").write_bytes(
        content[:head] + b"}" + content[head + 1 : tail] + b"K\x01s" + content[tail + 1 :]
    )
    with pytest.raises(CheckpointError, match="a tuple of more than 64 values"):
        read_state(tmp_path / "network.pkl")

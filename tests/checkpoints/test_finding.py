"""What honest programs put beside weights: never made, never fatal, and no numbers go unnamed."""

from __future__ import annotations

import argparse
import datetime
import decimal
import enum
import io
import uuid
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_networks, read_state
from tests.checkpoints.crafting import saved

Pair = namedtuple("Pair", "a b")


class Color(enum.Enum):
    RED = 1


WEIGHTS = {"0.weight": torch.ones(3, 2), "0.bias": torch.zeros(3)}
COMPANY = {
    "namespace": argparse.Namespace(lr=0.1, folder=PurePosixPath("/a")),
    "date": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    "scalar": np.float64(0.5),
    "whole": np.int64(3),
    "counter": Counter("aab"),
    "default": defaultdict(list, a=[1]),
    "queue": deque([1, 2]),
    "enum": Color.RED,
    "enum as key": {Color.RED: 1},
    "tuple as key": {(0, 1): 2},
    "simple": SimpleNamespace(a=1),
    "uuid": uuid.UUID(int=5),
    "decimal": decimal.Decimal("1.5"),
    "slice": slice(1, 2),
    "set": {"a", "b"},
    "frozen set": frozenset({1}),
    "named tuple": Pair(1, 2),
    "huge number": 10**100,
    "texts": np.array(["cat", "dog"]),
    "moments": np.array(["2024-01-01"], dtype="M8[D]"),
    "bytes": b"abc",
    "device": torch.device("cpu"),
    "type": torch.float32,
    "shape": torch.Size([1, 2]),
    "empty": torch.zeros(0, 3),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", COMPANY)
def test_company_is_left_out(name: str, protocol: int, tmp_path: Path) -> None:
    value = {"model": WEIGHTS, "company": COMPANY[name]}
    (tmp_path / "n.pt").write_bytes(saved(value, protocol=protocol))
    found = read_state(tmp_path / "n.pt")
    assert found.key == "model" and torch.equal(found.tensors["0.weight"], WEIGHTS["0.weight"])
    assert found.unread == ()


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ({"losses": np.ones(3)}, ("losses",)),
        ({"losses": torch.ones(3)}, ("losses",)),
        ({"labels": torch.arange(3)}, ("labels",)),
        ({"deep": [{"a": [torch.ones(2, 2)]}]}, ("deep.0.a.0",)),
        ({"objects": np.array([{"a": 1}], dtype=object)}, ()),
        ({"objects": np.array([{"a": torch.ones(2)}], dtype=object)}, ("objects.4.0.a",)),
        ({"optimizer": {"state": {0: {"m": torch.ones(3, 2)}}, "param_groups": [{"params": [0]}]}}, ()),
        ({"rng_state": torch.get_rng_state()}, ()),
    ],
)
def test_numbers_beside_a_network_are_named(
    more: dict[str, object], unread: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "n.pt").write_bytes(saved({"model": WEIGHTS, **more}))
    found = read_state(tmp_path / "n.pt")
    assert found.key == "model" and found.unread == unread


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_fsdp_wrapped_module."])
def test_wrappers_are_taken_off(prefix: str, tmp_path: Path) -> None:
    state = OrderedDict((prefix + name, value) for name, value in WEIGHTS.items())
    (tmp_path / "n.ckpt").write_bytes(saved({"epoch": 1, "state_dict": state}))
    assert list(read_state(tmp_path / "n.ckpt").tensors) == list(WEIGHTS)


def test_a_name_that_is_a_wrapper_only(tmp_path: Path) -> None:
    (tmp_path / "n.pt").write_bytes(saved({"_orig_mod": torch.ones(2, 2)}))
    assert list(read_state(tmp_path / "n.pt").tensors) == ["_orig_mod"]


def test_networks_of_npz_may_differ_in_case(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, w=np.ones((2, 2)), W=np.zeros((2, 2)))
    (tmp_path / "n.npz").write_bytes(buffer.getvalue())
    (found,) = read_networks(tmp_path / "n.npz").networks
    assert set(getattr(found, "tensors")) == {"w", "W"}  # noqa: B009

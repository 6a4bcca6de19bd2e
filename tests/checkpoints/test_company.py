"""What training programs save beside a network, and what only looks like it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from torch import nn

from scalegmn.checkpoints import read_networks, read_state
from scalegmn.checkpoints.finding import own_names
from scalegmn.errors import CheckpointError

STATE = {"0.weight": torch.ones(2, 2), "0.bias": torch.ones(2)}


def saved(value: object, path: Path) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize(
    "optimizer",
    [torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop, torch.optim.LBFGS, torch.optim.Adagrad],
)
@pytest.mark.parametrize("key", ["optimizer", "optimizer_states", "opt"])
def test_states_of_optimizers_are_company(tmp_path: Path, optimizer: type, key: str) -> None:
    module = nn.Linear(3, 2)
    options = {"momentum": 0.9} if optimizer is torch.optim.SGD else {}
    made = optimizer(module.parameters(), lr=0.1, **options)

    def loss() -> torch.Tensor:
        made.zero_grad()
        value = module(torch.ones(1, 3)).square().sum()
        value.backward()
        return value

    made.step(loss)
    state = made.state_dict()
    found = read_state(
        saved({"net": module.state_dict(), key: [state] if "states" in key else state}, tmp_path / "x.pt")
    )
    assert set(found.tensors) == {"weight", "bias"} and found.unread == ()


@pytest.mark.parametrize(
    ("hidden", "place"),
    [
        ({"optimizer": {"state": {0: STATE}, "param_groups": []}}, "optimizer.state.0"),
        ({"optim": {"state": {7: {"weight": torch.ones(3)}}}}, "optim.state.7"),
        ({"state": {0: {"exp_avg": torch.ones(3)}}}, "state.0"),
        ({"rng": {"net": torch.ones(3)}}, "rng"),
    ],
)
def test_a_network_in_the_place_of_company_is_a_network(
    tmp_path: Path, hidden: dict[str, object], place: str
) -> None:
    found = read_networks(saved({"net": STATE, **hidden}, tmp_path / "x.pt"))
    assert found.keys == ("net", place)


def test_names_made_of_wrappers_take_no_time() -> None:
    start = time.perf_counter()
    assert own_names(["_orig_mod"]) == {"_orig_mod": "_orig_mod"}
    assert own_names(["module", "module.module"]) == {"module": "module", "module.module": "module.module"}
    long = "module." * 100_000 + "weight"
    assert list(own_names([long]).values()) == [long]
    assert time.perf_counter() - start < 2


def test_many_networks_are_refused(tmp_path: Path) -> None:
    path = saved({str(number): STATE for number in range(65)}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match="holds 65 networks"):
        read_networks(path)
    assert read_state(path, key="64").key == "64"

"""Files of programs: nothing is left unread, and no variance is taken for its root."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scalegmn.checkpoints import read_state
from scalegmn.networks.recognition import Recognized, Recognizer, Unrecognized
from scalegmn.programs import ProgramArchitecture


def network() -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
    made[1].running_var.fill_(9.0)  # type: ignore[operator, union-attr]
    return made


def recognize(folder: Path, state: dict[str, Tensor]) -> Recognized | Unrecognized:
    torch.save(state, folder / "network.pt")
    architecture = ProgramArchitecture.from_module(network(), torch.zeros(1, 4))
    return Recognizer((architecture,), beyond=False).recognize(read_state(folder / "network.pt"))


def test_the_file_of_a_program_is_folded(tmp_path: Path) -> None:
    found = recognize(tmp_path, {f"net.{name}": value for name, value in network().state_dict().items()})
    assert isinstance(found, Recognized)
    assert torch.allclose(found.tensors["1.running_deviation"], torch.tensor(9.0).sqrt(), atol=1e-3)


@pytest.mark.parametrize("prefix", ["", "net."])
def test_a_tensor_that_would_not_be_read_is_named(tmp_path: Path, prefix: str) -> None:
    state = {prefix + name: value for name, value in network().state_dict().items()}
    found = recognize(tmp_path, {**state, f"{prefix}hidden.weight": torch.ones(100)})
    assert isinstance(found, Unrecognized)
    assert "hidden.weight would not be read" in found.reason


def test_why_its_own_names_are_not_read(tmp_path: Path) -> None:
    state = network().state_dict()
    state["1.running_var"][2] = -1
    found = recognize(tmp_path, state)
    assert isinstance(found, Unrecognized)
    assert re.search(r"1\.running_var has a value of -1", found.reason)


def test_shapes_do_not_tell_a_variance_from_its_root(tmp_path: Path) -> None:
    # In the order of the program, with names whose order agrees.
    state = network().state_dict()
    del state["1.num_batches_tracked"]
    found = recognize(tmp_path, {f"p{number}": value for number, value in enumerate(state.values())})
    assert isinstance(found, Unrecognized)
    assert "running_deviation" not in found.reason


def test_shared_tensors_are_read_under_all_their_names(tmp_path: Path) -> None:
    made = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    made[2].weight = made[0].weight
    architecture = ProgramArchitecture.from_module(made, torch.zeros(1, 3))
    torch.save(made.state_dict(), tmp_path / "tied.pt")
    found = Recognizer((architecture,), beyond=False).recognize(read_state(tmp_path / "tied.pt"))
    assert isinstance(found, Recognized)
    assert architecture.readable_names == set(made.state_dict())

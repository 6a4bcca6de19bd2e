"""Files of programs: nothing is left unread, and no variance is taken for its root."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scalegmn.checkpoints import read_state, write_like, write_state
from scalegmn.networks.recognition import (
    Recognized,
    Recognizer,
    Unrecognized,
    architecture_entries,
    stored_parameters,
)
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


class Shifted(nn.Module):
    """Uses ``1 + w`` where its file holds ``w``."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False)
        self.gain = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        hidden = hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.last(hidden * (1.0 + self.gain))


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "net."])
def test_what_is_used_shifted_is_not_taken_as_it_stands(tmp_path: Path, prefix: str) -> None:
    made = Shifted()
    architecture = ProgramArchitecture.from_module(made, torch.zeros(1, 3))
    torch.save({prefix + name: value for name, value in made.state_dict().items()}, tmp_path / "shifted.pt")
    found = Recognizer((architecture,), beyond=False).recognize(read_state(tmp_path / "shifted.pt"))
    assert isinstance(found, Recognized)
    assert torch.allclose(found.tensors["gain"], 1 + made.gain.detach())


def test_a_file_that_describes_itself_holds_what_it_uses(tmp_path: Path) -> None:
    architecture = ProgramArchitecture.from_module(Shifted(), torch.zeros(1, 3))
    theta = torch.randn(architecture.num_parameters)
    path = tmp_path / "exported.safetensors"
    write_state(path, architecture.unflatten(theta), extras=architecture_entries(architecture))
    for recognizer in (Recognizer((), beyond=True), Recognizer((architecture,), beyond=False)):
        found = recognizer.recognize(read_state(path))
        assert isinstance(found, Recognized)
        assert torch.equal(architecture.flatten(found.tensors), theta)


@pytest.mark.parametrize(("module", "features"), [(network(), 4), (Shifted(), 3)], ids=["norm", "shifted"])
@pytest.mark.parametrize("prefix", ["", "net."])
def test_other_parameters_are_read_again_as_they_were_written(
    tmp_path: Path, module: nn.Module, features: int, prefix: str
) -> None:
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, features))
    state = {prefix + name: value for name, value in module.state_dict().items()}
    torch.save({"epoch": 3, "state": state}, tmp_path / "before.pt")
    recognizer = Recognizer((architecture,), beyond=False)
    before = read_state(tmp_path / "before.pt", dtype=torch.float64)
    found = recognizer.recognize(before)
    assert isinstance(found, Recognized)
    theta = 2 * architecture.flatten(found.tensors)
    write_like(tmp_path / "after.pt", before, stored_parameters(before, found, theta))
    after = read_state(tmp_path / "after.pt", dtype=torch.float64)
    again = recognizer.recognize(after)
    assert isinstance(again, Recognized)
    assert torch.allclose(architecture.flatten(again.tensors), theta, rtol=1e-6)
    assert after.names == before.names

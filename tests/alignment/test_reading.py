"""Files as networks of one architecture: numbers stay as they are, and what does not fit is one sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scalegmn.alignment import SavedNetwork, SavedReader, parting_of
from scalegmn.checkpoints import read_state, write_state
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.networks.recognition import architecture_entries
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator

RELU = SavedReader(activation="relu")


def network(*, width: int = 5) -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 2))
    made[1].running_var.uniform_(0.5, 2.0)  # type: ignore[operator, union-attr]
    return made.eval()


NORMED = ProgramArchitecture.from_module(network(), torch.zeros(1, 3))


def dense(widths: tuple[int, ...], activation: str = "relu") -> Architecture:
    layers = len(widths) - 1
    return mlp(
        widths=widths,
        activations=[Activation(activation)] * (layers - 1),
        names=[str(2 * number) for number in range(layers)],
    )


def state(widths: tuple[int, ...] = (3, 5, 2), seed: int = 0) -> dict[str, Tensor]:
    architecture = dense(widths)
    theta = torch.randn(architecture.num_parameters, generator=generator(seed), dtype=torch.float64)
    return architecture.unflatten(theta)


def save(path: Path, tensors: dict[str, Tensor], dtype: torch.dtype = torch.float32) -> Path:
    cast = {name: v.to(dtype) if v.is_floating_point() else v for name, v in tensors.items()}
    torch.save(cast, path)
    return path


def files(folder: Path, *states: dict[str, Tensor], dtype: torch.dtype = torch.float32) -> list[Path]:
    return [save(folder / f"{number}.pt", one, dtype) for number, one in enumerate(states)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_numbers_are_those_of_the_file(tmp_path: Path, dtype: torch.dtype) -> None:
    path = save(tmp_path / "network.pt", state(), dtype)
    found = RELU.read(path)
    expected = torch.cat([value.to(dtype).double().reshape(-1) for value in state().values()])
    assert found.theta.dtype == torch.float64 and torch.equal(found.theta, expected)
    assert found.dtype == dtype


def test_the_coarsest_kind_of_number_counts(tmp_path: Path) -> None:
    tensors = state()
    tensors["0.weight"] = tensors["0.weight"].bfloat16()
    torch.save(tensors, tmp_path / "mixed.pt")
    assert RELU.read(tmp_path / "mixed.pt").dtype == torch.bfloat16


def test_networks_of_one_architecture_are_read_together(tmp_path: Path) -> None:
    prefixed = {f"net.{name}": value for name, value in state(seed=1).items()}
    found = RELU.read_all(files(tmp_path, state(), prefixed))
    assert found[0].architecture == found[1].architecture
    assert not torch.equal(found[0].theta, found[1].theta)


@pytest.mark.parametrize("prefix", ["", "model.net."])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".npz"])
def test_another_network_takes_the_place_of_one(tmp_path: Path, prefix: str, suffix: str) -> None:
    path, new = tmp_path / f"network{suffix}", tmp_path / f"new{suffix}"
    write_state(path, {prefix + name: value for name, value in network().state_dict().items() if value.ndim})
    reader = SavedReader(architectures=(NORMED,))
    found = reader.read(path)
    theta = 1.5 * found.theta
    found.write(new, theta)
    again = reader.read(new)
    assert torch.allclose(again.theta, theta, rtol=1e-6) and again.dtype == torch.float32
    written, before = read_state(new), read_state(path)
    assert written.names == before.names and written.original_dtypes == before.original_dtypes


def test_what_was_not_changed_is_written_bit_by_bit(tmp_path: Path) -> None:
    path = save(tmp_path / "network.pt", network().state_dict(), torch.bfloat16)
    found = SavedReader(architectures=(NORMED,)).read(path)
    found.write(tmp_path / "new.pt", found.theta)
    before, after = read_state(path), read_state(tmp_path / "new.pt")
    assert all(torch.equal(after.tensors[name], value) for name, value in before.tensors.items())


def test_nothing_is_written_over_or_into_another_format(tmp_path: Path) -> None:
    (path,) = files(tmp_path, state())
    found: SavedNetwork = RELU.read(path)
    with pytest.raises(CheckpointError, match="left alone"):
        found.write(path, found.theta)
    with pytest.raises(CheckpointError, match=r"ends with \.pt"):
        found.write(tmp_path / "new.safetensors", found.theta)
    found.write(path, 2 * found.theta, overwrite=True)
    assert torch.allclose(RELU.read(path).theta, 2 * found.theta)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (state((3, 6, 2)), r"the first has the parameter 0\.weight \(5, 3\), the second 0\.weight \(6, 3\)"),
        (state((3, 5, 5, 2)), r"2\.weight \(2, 5\), the second 2\.weight \(5, 5\)"),
        (
            {f"net.{name}": value for name, value in state((3, 6, 2)).items()},
            r"the second 0\.weight \(6, 3\)",
        ),
        (
            {**state(), "extra.weight": torch.ones(2)},
            r"nothing, the second extra\.weight",
        ),
    ],
    ids=["wider", "deeper", "prefixed", "more"],
)
def test_where_tensors_part(tmp_path: Path, other: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence) as caught:
        RELU.read_all(files(tmp_path, state(), other))
    assert "1.pt" in str(caught.value) and "0.pt" in str(caught.value)


def test_where_stated_activations_part(tmp_path: Path) -> None:
    for name in ("relu", "tanh"):
        made = dense((3, 5, 2), name)
        write_state(
            tmp_path / f"{name}.safetensors",
            made.unflatten(torch.randn(made.num_parameters)),
            extras=architecture_entries(made),
        )
    with pytest.raises(CheckpointError, match=r"relu.*tanh"):
        SavedReader().read_all([tmp_path / "relu.safetensors", tmp_path / "tanh.safetensors"])


def test_where_programs_part(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self, *, activation: nn.Module, last: str) -> None:
            super().__init__()
            self.first, self.activation = nn.Linear(3, 5), activation
            self.add_module(last, nn.Linear(5, 2))
            self.last = last

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.get_submodule(self.last)(self.activation(self.first(x)))
            return y

    made = [Net(activation=nn.ReLU(), last="head"), Net(activation=nn.Tanh(), last="head")]
    programs = [ProgramArchitecture.from_module(one, torch.zeros(1, 3)) for one in made]
    save(tmp_path / "0.pt", made[0].state_dict())
    both = SavedReader(architectures=tuple(programs))
    # Names and shapes leave open which of the two it is.
    with pytest.raises(CheckpointError):
        both.read(tmp_path / "0.pt")
    found = parting_of(*programs)
    assert found is not None and "relu" in found and "tanh" in found and "activation" in found
    assert parting_of(programs[0], programs[0]) is None
    layers = mlp(widths=(3, 5, 2), activations=[Activation("relu")], names=["first", "head"])
    assert "a program" in (parting_of(programs[0], layers) or "")


def test_paths_of_modules_do_not_part_programs() -> None:
    program = NORMED.program
    steps = tuple(dataclasses.replace(one, module=f"net.{one.module}") for one in program.instructions)
    moved = ProgramArchitecture(dataclasses.replace(program, instructions=steps))
    assert moved != NORMED and parting_of(NORMED, moved) is None


def test_more_than_one_network_in_a_file(tmp_path: Path) -> None:
    torch.save({"student": state(), "teacher": state(seed=1)}, tmp_path / "two.pt")
    with pytest.raises(CheckpointError, match=r"student.*teacher"):
        RELU.read(tmp_path / "two.pt")
    found = SavedReader(activation="relu", key="teacher").read(tmp_path / "two.pt")
    assert torch.equal(found.theta, torch.cat([value.reshape(-1) for value in state(seed=1).values()]))


def test_what_is_no_number(tmp_path: Path) -> None:
    bad = state()
    bad["2.bias"][1] = torch.nan
    with pytest.raises(CheckpointError, match=r"2\.bias.*NaN"):
        RELU.read_all(files(tmp_path, state(), bad))


@pytest.mark.filterwarnings("ignore:.*quantized tensor creation:UserWarning")
def test_quantized_files(tmp_path: Path) -> None:
    whole = {name: (10 * value).to(torch.int8) for name, value in state().items()}
    torch.save(whole, tmp_path / "whole.pt")
    quantized = {
        name: torch.quantize_per_tensor(v.float(), 0.1, 0, torch.qint8) for name, v in state().items()
    }
    torch.save(quantized, tmp_path / "quantized.pt")
    for name, sentence in (("whole.pt", "int8"), ("quantized.pt", "quantized")):
        with pytest.raises(CheckpointError, match=sentence):
            RELU.read(tmp_path / name)


def test_an_unknown_class_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--module"):
        SavedReader().read(save(tmp_path / "0.pt", network().state_dict()))


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="an activation is given for an ONNX file"):
        RELU.read(tmp_path / "network.onnx")
    with pytest.raises(ConfigurationError):
        SavedReader(activation="telu")
    with pytest.raises(ConfigurationError, match="no files"):
        SavedReader().read_all([])

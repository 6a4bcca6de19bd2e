"""Networks that are none of the known ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.checkpoints import Checkpoint, read_state, write_state
from scalegmn.networks import Activation, Architecture, WildLayout, cnn, mlp, siren
from scalegmn.networks.recognition import (
    DESCRIPTION,
    Recognized,
    Recognizer,
    Unrecognized,
    architecture_entries,
)
from scalegmn.networks.recognition._variants import meaning

RELU, TANH = Activation("relu"), Activation("tanh")


def dense(*widths: int, activation: Activation = RELU) -> Architecture:
    return mlp(widths=widths, activations=[activation] * (len(widths) - 2))


def theta(architecture: Architecture) -> Tensor:
    return torch.arange(float(architecture.num_parameters))


def state(folder: Path, network: Architecture, /, *, prefix: str = "", **extras: str) -> Checkpoint:
    tensors = {f"{prefix}{name}": value for name, value in network.unflatten(theta(network)).items()}
    write_state(folder / "network.safetensors", tensors, extras=extras, overwrite=True)
    return read_state(folder / "network.safetensors")


def check(result: Recognized | Unrecognized, expected: Architecture, *, known: bool = False) -> None:
    assert isinstance(result, Recognized), result
    assert meaning(result.architecture) == meaning(expected) and result.known == known
    assert torch.equal(result.architecture.flatten(result.tensors), theta(expected))
    assert any("outside the training set" in note for note in result.notes) != known


WILD = WildLayout(
    channels=(4, 8), kernels=(3, 5), activations=("relu", "tanh"), residuals=(-1, 0)
).architecture(inputs=1, outputs=10)


@pytest.mark.parametrize(
    ("known", "network"),
    [
        ([dense(4, 5, 3)], dense(4, 7, 3)),
        ([dense(4, 5, 3)], dense(2, 9, 9, 9, 3)),
        ([dense(4, 5, 6, 3), dense(4, 8, 8, 3)], dense(4, 11, 3)),
        ([siren(widths=(2, 8, 8, 1))], siren(widths=(2, 16, 16, 16, 1))),
        ([cnn(activations=[RELU] * 3)], cnn(channels=(3, 8, 8, 8), activations=[RELU] * 3, kernel=5)),
        ([cnn(activations=[RELU] * 3)], cnn(channels=(1, 4, 4, 4, 4), activations=[RELU] * 4)),
        (
            [WILD],
            WildLayout(
                channels=(6, 5), kernels=(5, 3), activations=("relu", "tanh"), residuals=(-1, 0)
            ).architecture(inputs=1, outputs=10),
        ),
    ],
)
def test_other_sizes_are_read_after_the_example_of_known_ones(
    known: list[Architecture], network: Architecture, tmp_path: Path
) -> None:
    check(Recognizer(known, beyond=True).recognize(state(tmp_path, network)), network)
    assert isinstance(Recognizer(known, beyond=False).recognize(state(tmp_path, network)), Unrecognized)


def test_other_sizes_behind_a_prefix(tmp_path: Path) -> None:
    network = dense(4, 7, 3)
    found = Recognizer([dense(4, 5, 3)], beyond=True).recognize(state(tmp_path, network, prefix="net."))
    assert isinstance(found, Recognized)
    assert torch.equal(found.architecture.flatten(found.tensors), theta(network))
    assert found.names["net.0.weight"] == "net.0.weight"


def test_what_is_open_is_not_guessed(tmp_path: Path) -> None:
    both = Recognizer([dense(4, 5, 3), dense(4, 5, 3, activation=TANH)], beyond=True)
    network = dense(4, 7, 3, activation=TANH)
    plain = state(tmp_path, network)
    found = both.recognize(plain)
    assert isinstance(found, Unrecognized) and "relu or tanh" in found.reason
    assert "--activation" in found.reason
    check(both.recognize(plain, activation="tanh"), network)
    check(both.recognize(state(tmp_path, network, activation="tanh")), network)
    # Depth does not say which layers have skip connections, or which activations.
    deeper = WildLayout(
        channels=(4, 8, 8), kernels=(3, 5, 3), activations=("relu",) * 3, residuals=(-1, 0, -1)
    )
    found = Recognizer([WILD], beyond=True).recognize(
        state(tmp_path, deeper.architecture(inputs=1, outputs=10))
    )
    assert isinstance(found, Unrecognized)


def test_another_activation_of_a_known_network(tmp_path: Path) -> None:
    known, network = dense(4, 5, 3), dense(4, 5, 3, activation=Activation("gelu"))
    recognizer = Recognizer([known], beyond=True)
    check(recognizer.recognize(state(tmp_path, known)), known, known=True)
    check(recognizer.recognize(state(tmp_path, known), activation="gelu"), network)
    check(recognizer.recognize(state(tmp_path, known, activation="gelu")), network)
    check(recognizer.recognize(state(tmp_path, known, architecture=network.fingerprint)), network)
    found = recognizer.recognize(state(tmp_path, known, architecture="0123456789ab"))
    assert isinstance(found, Unrecognized) and "0123456789ab" in found.reason


def test_a_file_that_describes_itself(tmp_path: Path) -> None:
    network = WildLayout(
        channels=(4, 8, 4), kernels=(3, 5, 3), activations=("gelu", "none", "relu"), residuals=(-1, -1, 0)
    ).architecture(inputs=1, outputs=10)
    stated = state(tmp_path, network, **architecture_entries(network))
    for known in ([WILD], [dense(4, 5, 3)]):
        check(Recognizer(known, beyond=True).recognize(stated), network)
        assert isinstance(Recognizer(known, beyond=False).recognize(stated), Unrecognized)
    check(Recognizer([WILD, network], beyond=False).recognize(stated), network, known=True)
    # The same names and shapes as a known one, with a skip connection more.
    twin = WildLayout(
        channels=(4, 8), kernels=(3, 5), activations=("relu", "tanh"), residuals=(-1, -1)
    ).architecture(inputs=1, outputs=10)
    check(
        Recognizer([WILD], beyond=True).recognize(state(tmp_path, twin, **architecture_entries(twin))), twin
    )
    # No known architecture at all.
    found = Recognizer((), beyond=True).recognize(stated)
    assert isinstance(found, Recognized) and found.architecture == network


def test_no_known_architecture_and_an_activation(tmp_path: Path) -> None:
    network = dense(3, 4, 4, 2)
    found = Recognizer((), beyond=True).recognize(state(tmp_path, network), activation="relu")
    assert isinstance(found, Recognized) and found.architecture == network
    found = Recognizer((), beyond=True).recognize(state(tmp_path, network))
    assert isinstance(found, Unrecognized) and "--activation" in found.reason


def change(**values: object) -> str:
    data = dense(4, 7, 3).to_dict()
    layers = data["layers"]
    assert isinstance(layers, list)
    layers[0] = {**layers[0], **values}
    return json.dumps(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        '{"layers": []}',
        '{"layers": {"0": 1}}',
        change(inputs="4"),
        change(inputs=4.0),
        change(inputs=True),
        change(inputs=-4),
        change(inputs=2**70),
        change(type="conv", kernel=[3, 3], stride=[1, 1], padding=[0, 0], dilation=[1, 1], groups=0),
        change(name=["0"]),
        change(type="shift", value=float("nan")),
        change(sort="dense"),
        change(name="0" * 2**20),
    ],
)
def test_descriptions_of_strangers_are_data(text: str, tmp_path: Path) -> None:
    recognizer = Recognizer([dense(4, 5, 3)], beyond=True)
    found = recognizer.recognize(state(tmp_path, dense(4, 7, 3), **{DESCRIPTION: text}))
    assert isinstance(found, Unrecognized) and DESCRIPTION in found.reason
    assert len(found.reason) < 300
    # The user may say the rest.
    check(
        recognizer.recognize(state(tmp_path, dense(4, 7, 3), **{DESCRIPTION: text}), activation="relu"),
        dense(4, 7, 3),
    )


def test_a_description_of_another_network_is_no_help(tmp_path: Path) -> None:
    entries = architecture_entries(dense(4, 6, 3))
    found = Recognizer([dense(4, 5, 3)], beyond=True).recognize(state(tmp_path, dense(4, 7, 3), **entries))
    assert isinstance(found, Unrecognized) and "fingerprint" in found.reason
    contradiction = {**architecture_entries(dense(4, 7, 3)), "architecture": dense(4, 6, 3).fingerprint}
    found = Recognizer([dense(4, 5, 3)], beyond=True).recognize(
        state(tmp_path, dense(4, 7, 3), **contradiction)
    )
    assert isinstance(found, Unrecognized) and "two architectures" in found.reason


@pytest.mark.parametrize(
    "names",
    [
        {"0.weight": (7, 4), "0.bias": (7,), "2.weight": (3, 6), "2.bias": (3,)},
        {"0.weight": (4, 7), "0.bias": (7,), "2.weight": (7, 3), "2.bias": (3,)},
        {"a.weight": (7, 4), "a.bias": (7,), "b.weight": (3, 7), "b.bias": (3,)},
        {"0.weight": (7, 4), "0.bias": (7,), "2.weight": (3, 7), "2.bias": (3,), "2.scale": (3,)},
        {"0.weight": (7, 4, 3), "0.bias": (7,), "2.weight": (3, 7), "2.bias": (3,)},
    ],
)
def test_what_is_built_otherwise_is_unknown(names: dict[str, tuple[int, ...]], tmp_path: Path) -> None:
    tensors = {name: torch.zeros(shape) for name, shape in names.items()}
    write_state(tmp_path / "network.safetensors", tensors)
    found = Recognizer([dense(4, 5, 3)], beyond=True).recognize(read_state(tmp_path / "network.safetensors"))
    assert isinstance(found, Unrecognized) and "unknown architecture" in found.reason


def named(folder: Path, names: list[str], *, width: int = 5) -> Checkpoint:
    """An MLP whose layers are all alike, under these names, each with its own numbers."""
    tensors = {}
    for number, name in enumerate(names):
        tensors[f"{name}.weight"] = torch.full((width, width), float(number))
        tensors[f"{name}.bias"] = torch.full((width,), float(number))
    write_state(folder / "network.safetensors", tensors)
    return read_state(folder / "network.safetensors")


@pytest.mark.parametrize("names", [["fc1", "fc2", "fc10"], ["net.0", "net.3", "net.6"], ["0", "1", "2"]])
def test_numbers_in_names_tell_the_order_with_a_note(names: list[str], tmp_path: Path) -> None:
    found = Recognizer([dense(5, 5, 5, 5)], beyond=True).recognize(named(tmp_path, names))
    assert isinstance(found, Recognized) and found.known
    weights = [found.tensors[p.name].flatten()[0].item() for p in found.architecture.parameters[::2]]
    assert weights == [0.0, 1.0, 2.0]
    assert any("order of the numbers in their names" in note for note in found.notes)


@pytest.mark.parametrize(
    "names",
    [
        ["encoder.0", "encoder.2", "decoder.0"],
        ["input", "fc1", "fc2"],
        ["fc1", "fc2", "out"],
        ["block1.fc1", "block1.fc2", "block2.fc1"],
    ],
)
def test_names_that_tell_no_order_are_not_guessed(names: list[str], tmp_path: Path) -> None:
    found = Recognizer([dense(5, 5, 5, 5)], beyond=True).recognize(named(tmp_path, names))
    assert isinstance(found, Unrecognized)

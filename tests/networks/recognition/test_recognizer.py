from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.checkpoints import Checkpoint, read_state, write_state
from scalegmn.errors import ConfigurationError
from scalegmn.networks import (
    Activation,
    Architecture,
    Conv,
    Dense,
    LayeredArchitecture,
    cnn,
    mlp,
)
from scalegmn.networks.recognition import Recognized, Recognizer, Unrecognized, architecture_entries
from tests.trojans.scanning.cases import architecture

RELU, TANH = architecture("relu"), architecture("tanh")
THETA = torch.arange(float(RELU.num_parameters))


def saved(folder: Path, entries: dict[str, object], *, suffix: str = ".pt") -> Checkpoint:
    torch.save(entries, folder / f"network{suffix}")
    return read_state(folder / f"network{suffix}")


def state() -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in RELU.unflatten(THETA).items()}


def found(
    checkpoint: Checkpoint, *architectures: Architecture, activation: str | None = None
) -> Recognized | Unrecognized:
    return Recognizer(architectures or (RELU,), beyond=False).recognize(checkpoint, activation=activation)


def check(result: Recognized | Unrecognized, expected: Architecture = RELU) -> tuple[str, ...]:
    assert isinstance(result, Recognized), result
    assert result.architecture == expected
    assert torch.equal(expected.flatten(result.tensors), THETA)
    return result.notes


def test_the_order_of_a_state_dict_does_not_matter(tmp_path: Path) -> None:
    assert check(found(saved(tmp_path, dict(reversed(state().items()))))) == ()


def test_a_common_prefix_is_taken_off(tmp_path: Path) -> None:
    prefixed = {f"module.net.{name}": value for name, value in reversed(state().items())}
    (note,) = check(found(saved(tmp_path, prefixed)))
    assert "'net.'" in note


def test_other_names_in_the_same_order_are_understood_with_a_note(tmp_path: Path) -> None:
    renamed = {f"p{9 - number}": value for number, value in enumerate(state().values())}
    (note,) = check(found(saved(tmp_path, renamed)))
    assert "names are unknown" in note and "'p9' as '0.weight'" in note


def test_shapes_that_are_all_different_need_no_order(tmp_path: Path) -> None:
    shuffled = {f"p{number}": value for number, value in enumerate(reversed(state().values()))}
    (note,) = check(found(saved(tmp_path, shuffled)))
    assert "all different" in note


SQUARE = mlp(widths=(4, 4, 4, 4), activations=[Activation("relu")] * 2)
SQUARE_THETA = torch.arange(float(SQUARE.num_parameters))


def renamed(names: list[str], order: list[int] | None = None) -> dict[str, object]:
    """The parameters of the square network under other names, in another order."""
    values = [value.clone() for value in SQUARE.unflatten(SQUARE_THETA).values()]
    return {name: values[place] for name, place in zip(names, order or range(6), strict=True)}


WEIGHT_BIAS = [f"{layer}.{leaf}" for layer in ("a", "b", "c") for leaf in ("weight", "bias")]


def test_equal_shapes_are_told_by_their_order_where_names_agree(tmp_path: Path) -> None:
    result = found(saved(tmp_path, renamed(WEIGHT_BIAS)), SQUARE)
    assert isinstance(result, Recognized) and "in the order of the file" in result.notes[0]
    assert torch.equal(SQUARE.flatten(result.tensors), SQUARE_THETA)


@pytest.mark.parametrize(
    ("names", "order"),
    [
        # Nothing says which way round the weights are.
        ([f"p{number}" for number in range(6)], None),
        ([f"d{layer}.{leaf}" for layer in "123" for leaf in ("kernel", "bias")], None),
        # Another order than that of the numbers.
        ([f"fc{n}.{leaf}" for n in (3, 2, 1) for leaf in ("weight", "bias")], None),
        ([f"fc{n}.{leaf}" for n in (1, 10, 2) for leaf in ("weight", "bias")], None),
        # Weights and biases of different layers would be one layer.
        (["a.weight", "b.bias", "b.weight", "a.bias", "c.weight", "c.bias"], None),
        # The bias stands before the weight.
        ([f"p{number}" for number in range(6)], [1, 0, 3, 2, 5, 4]),
    ],
)
def test_equal_shapes_are_not_guessed(names: list[str], order: list[int] | None, tmp_path: Path) -> None:
    result = found(saved(tmp_path, renamed(names, order)), SQUARE)
    assert isinstance(result, Unrecognized) and "0.weight, 0.bias, 2.weight" in result.reason


def test_the_order_of_a_format_that_sorts_means_nothing(tmp_path: Path) -> None:
    write_state(tmp_path / "network.safetensors", renamed(WEIGHT_BIAS))  # type: ignore[arg-type]
    assert isinstance(found(read_state(tmp_path / "network.safetensors"), SQUARE), Unrecognized)


@pytest.mark.parametrize("owned", [True, False])
def test_turned_weights_are_not_taken_for_others(owned: bool, tmp_path: Path) -> None:
    """(in, out) of the first layer is (out, in) of the last."""
    network = mlp(widths=(4, 8, 4), activations=[Activation("relu")])
    (w1, b1, w2, b2) = network.unflatten(torch.randn(network.num_parameters)).values()
    names = ["x.w", "x.b", "y.w", "y.b"] if owned else ["w1", "b1", "w2", "b2"]
    turned = dict(zip(names, (w1.t().clone(), b1, w2.t().clone(), b2), strict=True))
    assert isinstance(found(saved(tmp_path, turned), network), Unrecognized)
    straight = found(saved(tmp_path, dict(zip(names, (w1, b1, w2, b2), strict=True))), network)
    assert isinstance(straight, Recognized) == owned


@pytest.mark.parametrize("change", ["more", "less", "shape"])
def test_what_fits_nothing_is_not_recognized(change: str, tmp_path: Path) -> None:
    entries = state()
    if change == "more":
        entries["extra"] = torch.ones(3)
    elif change == "less":
        del entries["2.bias"]
    else:
        entries["2.weight"] = torch.ones(3, 6)
    result = found(saved(tmp_path, entries))
    assert isinstance(result, Unrecognized) and RELU.describe() in result.reason


def test_activations_must_be_said_where_names_do_not_tell(tmp_path: Path) -> None:
    plain = saved(tmp_path, {**state()})
    result = found(plain, RELU, TANH)
    assert isinstance(result, Unrecognized) and "--activation" in result.reason
    assert check(found(plain, RELU, TANH, activation="tanh"), TANH) == ()
    wrong = found(plain, RELU, TANH, activation="gelu")
    assert isinstance(wrong, Unrecognized) and "relu or tanh" in wrong.reason


def test_the_file_may_say_its_activation(tmp_path: Path) -> None:
    stated = saved(tmp_path, {**state(), "activation": "tanh"})
    (note,) = check(found(stated, RELU, TANH), TANH)
    assert "entry 'activation'" in note
    # The user knows better than the file.
    (note,) = check(found(stated, RELU, TANH, activation="relu"))
    assert "believed more than the file" in note
    named = saved(tmp_path, {**state(), "architecture": RELU.fingerprint})
    (note,) = check(found(named, RELU, TANH))
    assert "entry 'architecture'" in note


def test_a_wrong_activation_is_noticed_with_a_single_architecture(tmp_path: Path) -> None:
    assert isinstance(found(saved(tmp_path, {**state()}), activation="tanh"), Unrecognized)


def test_what_a_file_says_counts_against_a_single_architecture(tmp_path: Path) -> None:
    for entry in ({"activation": "tanh"}, {"architecture": TANH.fingerprint}):
        result = found(saved(tmp_path, {**state(), **entry}))
        assert isinstance(result, Unrecognized) and "relu" in result.reason
    # What other programs keep under these names says nothing.
    check(found(saved(tmp_path, {**state(), "architecture": "resnet", "activation": "ours"})))


@pytest.mark.parametrize(
    "wrap",
    [
        "module.{}",
        "_orig_mod.module.{}",
        "model.module._orig_mod.{}",
        "net.module.{}",
        "{stem}._orig_mod.{leaf}",
        "model.{stem}.module.{leaf}",
    ],
)
def test_wrappers_are_taken_off_at_any_depth(wrap: str, tmp_path: Path) -> None:
    wrapped = {}
    for name, value in reversed(state().items()):
        stem, leaf = name.split(".")
        wrapped[wrap.format(name, stem=stem, leaf=leaf)] = value
    checkpoint = saved(tmp_path, wrapped)
    notes = (*checkpoint.notes, *check(found(checkpoint)))
    # The reader of files takes some of them off, the recognition of networks the others.
    assert notes and all("wrappers" in note or "prefix" in note for note in notes)


@pytest.mark.parametrize("own", ["seq", "model.module", "model.net"])
def test_known_names_may_have_prefixes_themselves(own: str, tmp_path: Path) -> None:
    network = mlp(widths=(4, 5, 3), activations=[Activation("relu")], names=[f"{own}.0", f"{own}.2"])
    for names in ("{}", "module.{}", own + ".{}"):
        entries = {names.format(name): value for name, value in state().items()}
        result = found(saved(tmp_path, entries), network)
        assert isinstance(result, Recognized), result
        assert torch.equal(network.flatten(result.tensors), THETA)


def test_two_networks_in_one_file_are_not_one(tmp_path: Path) -> None:
    twice = {**state(), **{f"module.{name}": value.clone() for name, value in state().items()}}
    assert isinstance(found(saved(tmp_path, twice)), Unrecognized)


def test_architectures_that_differ_in_names_alone_are_one(tmp_path: Path) -> None:
    other = mlp(widths=(4, 5, 3), activations=[Activation("relu")], names=["seq.0", "seq.2"])
    result = found(saved(tmp_path, {f"net.{name}": value for name, value in state().items()}), RELU, other)
    assert isinstance(result, Recognized)


def test_several_activations_are_said_one_by_one(tmp_path: Path) -> None:
    networks = [
        mlp(widths=(4, 4, 4, 4), activations=[Activation(a), Activation(b)])
        for a in ("relu", "tanh")
        for b in ("relu", "tanh")
    ]
    plain = saved(tmp_path, dict(SQUARE.unflatten(SQUARE_THETA)))
    result = found(plain, *networks)
    assert isinstance(result, Unrecognized) and "relu or relu,tanh or tanh,relu or tanh" in result.reason
    chosen = found(plain, *networks, activation="tanh, relu")
    assert isinstance(chosen, Recognized) and chosen.architecture == networks[2]
    with pytest.raises(ConfigurationError, match="not understood"):
        found(plain, *networks, activation="tanh,rleu")


def test_frequencies_are_told_apart(tmp_path: Path) -> None:
    networks = [mlp(widths=(4, 5, 3), activations=[Activation("sine", value)]) for value in (12.0, 30.0)]
    plain = saved(tmp_path, {**state()})
    result = found(plain, *networks)
    assert isinstance(result, Unrecognized) and "sine:12 or sine:30" in result.reason
    chosen = found(plain, *networks, activation="sine:12")
    assert isinstance(chosen, Recognized) and chosen.architecture == networks[0]


def described(folder: Path, network: Architecture, theta: Tensor) -> Checkpoint:
    """A file without an order that says what it is, as exports are."""
    path = folder / "network.safetensors"
    write_state(path, network.unflatten(theta), extras=architecture_entries(network))
    return read_state(path)


def under_other_names(network: LayeredArchitecture) -> LayeredArchitecture:
    renamed = [
        dataclasses.replace(layer, name=f"part{place}") if isinstance(layer, Conv | Dense) else layer
        for place, layer in enumerate(network.layers)
    ]
    return LayeredArchitecture(tuple(renamed), network.skips)


def test_a_file_that_describes_a_known_network_under_its_own_names_is_understood(tmp_path: Path) -> None:
    # All shapes are the same, and the format keeps no order: only the description tells.
    result = found(described(tmp_path, under_other_names(SQUARE), SQUARE_THETA), SQUARE)
    assert isinstance(result, Recognized), result
    assert torch.equal(SQUARE.flatten(result.tensors), SQUARE_THETA)
    assert any("description" in note and "'part0.weight' as '0.weight'" in note for note in result.notes)


def test_a_description_of_another_network_is_named(tmp_path: Path) -> None:
    known = cnn(channels=(1, 2, 2), activations=[Activation("relu")] * 2, classes=3, padding=1)
    padded = cnn(channels=(1, 2, 2), activations=[Activation("relu")] * 2, classes=3, padding=0)
    other = under_other_names(padded)
    result = found(described(tmp_path, other, torch.zeros(other.num_parameters)), known)
    assert isinstance(result, Unrecognized)
    assert "describes itself as" in result.reason and "strides, padding" in result.reason

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.networks.activations import Activation
from scalegmn.networks.architecture import Architecture
from scalegmn.networks.checkpoints import Checkpoint, read_state
from scalegmn.networks.factories import mlp
from scalegmn.training.scanning.recognition import Recognised, Unrecognised, recognise
from training.scanning.cases import architecture

RELU, TANH = architecture("relu"), architecture("tanh")
THETA = torch.arange(float(RELU.num_parameters))


def saved(folder: Path, entries: dict[str, object], *, suffix: str = ".pt") -> Checkpoint:
    torch.save(entries, folder / f"network{suffix}")
    return read_state(folder / f"network{suffix}")


def state() -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in RELU.unflatten(THETA).items()}


def found(
    checkpoint: Checkpoint, *architectures: Architecture, activation: str | None = None
) -> Recognised | Unrecognised:
    return recognise(checkpoint, architectures or (RELU,), activation=activation)


def check(result: Recognised | Unrecognised, expected: Architecture = RELU) -> tuple[str, ...]:
    assert isinstance(result, Recognised), result
    assert result.architecture == expected
    assert torch.equal(expected.flatten(result.tensors), THETA)
    return result.notes


def test_the_order_of_a_state_dict_does_not_matter(tmp_path: Path) -> None:
    assert check(found(saved(tmp_path, dict(reversed(state().items()))))) == ()


def test_a_common_prefix_is_taken_off(tmp_path: Path) -> None:
    prefixed = {f"module.net.{name}": value for name, value in reversed(state().items())}
    (note,) = check(found(saved(tmp_path, prefixed)))
    assert "'module.net.'" in note


def test_other_names_in_the_same_order_are_understood_with_a_note(tmp_path: Path) -> None:
    renamed = {f"p{9 - number}": value for number, value in enumerate(state().values())}
    (note,) = check(found(saved(tmp_path, renamed)))
    assert "names are unknown" in note and "'p9' as '0.weight'" in note


def test_shapes_that_are_all_different_need_no_order(tmp_path: Path) -> None:
    shuffled = {f"p{number}": value for number, value in enumerate(reversed(state().values()))}
    (note,) = check(found(saved(tmp_path, shuffled)))
    assert "all different" in note


def test_other_names_are_not_guessed(tmp_path: Path) -> None:
    twins = mlp(widths=(4, 4, 4), activations=[Activation("relu")])
    theta = torch.arange(float(twins.num_parameters))
    values = list(twins.unflatten(theta).values())
    ordered = {f"p{number}": value for number, value in enumerate(values)}
    assert isinstance(found(saved(tmp_path, ordered), twins), Recognised)
    mixed = {f"p{number}": values[place].clone() for number, place in enumerate((1, 0, 2, 3))}
    result = found(saved(tmp_path, mixed), twins)
    assert isinstance(result, Unrecognised) and "unknown architecture" in result.reason


@pytest.mark.parametrize("change", ["more", "less", "shape"])
def test_what_fits_nothing_is_not_recognised(change: str, tmp_path: Path) -> None:
    entries = state()
    if change == "more":
        entries["extra"] = torch.ones(3)
    elif change == "less":
        del entries["2.bias"]
    else:
        entries["2.weight"] = torch.ones(3, 6)
    result = found(saved(tmp_path, entries))
    assert isinstance(result, Unrecognised) and RELU.describe() in result.reason


def test_activations_must_be_said_where_names_do_not_tell(tmp_path: Path) -> None:
    plain = saved(tmp_path, {**state()})
    result = found(plain, RELU, TANH)
    assert isinstance(result, Unrecognised) and "--activation" in result.reason
    assert check(found(plain, RELU, TANH, activation="tanh"), TANH) == ()
    wrong = found(plain, RELU, TANH, activation="gelu")
    assert isinstance(wrong, Unrecognised) and "relu or tanh" in wrong.reason


def test_the_file_may_say_its_activation(tmp_path: Path) -> None:
    stated = saved(tmp_path, {**state(), "activation": "tanh"})
    (note,) = check(found(stated, RELU, TANH), TANH)
    assert "entry 'activation'" in note
    # The user knows better than the file.
    assert check(found(stated, RELU, TANH, activation="relu")) == ()
    named = saved(tmp_path, {**state(), "architecture": RELU.fingerprint})
    (note,) = check(found(named, RELU, TANH))
    assert "entry 'architecture'" in note


def test_a_wrong_activation_is_noticed_with_a_single_architecture(tmp_path: Path) -> None:
    assert isinstance(found(saved(tmp_path, {**state()}), activation="tanh"), Unrecognised)

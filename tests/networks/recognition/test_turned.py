"""Dense networks of Keras and Flax: the function that is recognized is the one that was saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import Checkpoint, read_state, write_like
from scalegmn.networks import Activation, Architecture, mlp, run
from scalegmn.networks.recognition import Recognized, Recognizer, Unrecognized, stored_tensors
from scalegmn.networks.recognition._turned import turn
from tests.checkpoints.hdf5_crafting import arrays, keras, keras2, save

Write = Callable[[Path, "Weights"], Checkpoint]
Weights = Sequence[tuple[np.ndarray, np.ndarray]]


def weights(*widths: int) -> Weights:
    """Kernels ``(in, out)`` and biases."""
    random = np.random.default_rng(3)
    return [
        (random.standard_normal((before, after)), random.standard_normal(after))
        for before, after in pairwise(widths)
    ]


def by_hand(layers: Weights, inputs: np.ndarray) -> np.ndarray:
    """What Keras and Flax compute: ``x K + b``, and relu between layers."""
    value = inputs
    for number, (kernel, bias) in enumerate(layers):
        value = (value if number == 0 else np.maximum(value, 0)) @ kernel + bias
    return value


def called(number: int) -> str:
    return f"dense_{number}" if number else "dense"


def flax(folder: Path, layers: Weights) -> Checkpoint:
    named = {f"params/Dense_{n}/kernel": kernel for n, (kernel, _) in enumerate(layers)}
    named |= {f"params/Dense_{n}/bias": bias for n, (_, bias) in enumerate(layers)}
    np.savez(folder / "n.npz", **dict(sorted(named.items())))  # type: ignore[arg-type]
    return read_state(folder / "n.npz")


def keras_2(folder: Path, layers: Weights) -> Checkpoint:
    said = {
        called(n): {f"{called(n)}/kernel:0": kernel, f"{called(n)}/bias:0": bias}
        for n, (kernel, bias) in enumerate(layers)
    }
    return read_state(save(folder, keras2(said)))


def keras_3(folder: Path, layers: Weights) -> Checkpoint:
    named = {f"layers/{called(n)}/vars/{k}": one[k] for n, one in enumerate(layers) for k in (0, 1)}
    return read_state(save(folder, keras(arrays(named)), "n.keras"))


def check(found: Recognized | Unrecognized, layers: Weights) -> Architecture:
    assert isinstance(found, Recognized), found
    theta = found.architecture.flatten(found.tensors)
    inputs = np.random.default_rng(4).standard_normal((7, len(layers[0][0])))
    outputs = run(found.architecture, theta[None], torch.from_numpy(inputs))[0]
    np.testing.assert_allclose(outputs.numpy(), by_hand(layers, inputs), rtol=0, atol=1e-12)
    assert any("turned from (in, out) to (out, in)" in note for note in found.notes)
    return found.architecture


WRITERS: dict[str, Write] = {"flax": flax, "keras 2": keras_2, "keras 3": keras_3}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("widths", [(2, 3, 1), (4, 4, 4, 4), (3,) * 13])
@pytest.mark.parametrize("known", [False, True])
def test_the_function_is_that_of_the_file(
    tmp_path: Path, writer: str, widths: tuple[int, ...], known: bool
) -> None:
    """Also of equal widths, where nothing but the rule says which way round, and with a layer number 10."""
    layers = weights(*widths)
    state = WRITERS[writer](tmp_path, layers)
    architecture = mlp(widths=widths, activations=(Activation("relu"),) * (len(widths) - 2))
    recognizer = Recognizer((architecture,), beyond=False) if known else Recognizer((), beyond=True)
    found = recognizer.recognize(state, activation=None if known else "relu")
    made = check(found, layers)
    assert not known or made == architecture
    assert isinstance(found, Recognized) and set(found.names.values()) == set(state.tensors)


@pytest.mark.parametrize("writer", WRITERS)
def test_parameters_go_back_as_they_were(tmp_path: Path, writer: str) -> None:
    """What is written into the place of the parameters is turned back, and has the names of the file."""
    layers = weights(2, 3, 3, 1)
    state = WRITERS[writer](tmp_path, layers)
    found = Recognizer((), beyond=True).recognize(state, activation="relu")
    assert isinstance(found, Recognized)
    kept = stored_tensors(state, found.names, found.tensors)
    assert list(kept) == list(state.tensors)
    assert all(torch.equal(kept[name], state.tensors[name]) for name in kept)
    write_like(tmp_path / "new.npz", state, kept)
    again = read_state(tmp_path / "new.npz")
    if writer == "keras 3":
        # In .npz these are nobody's names, so nothing is turned and nothing assumed.
        assert turn(again) is None
    else:
        check(Recognizer((), beyond=True).recognize(again, activation="relu"), layers)


def test_nothing_else_is_turned(tmp_path: Path) -> None:
    def turned(named: dict[str, np.ndarray], suffix: str = "npz") -> bool:
        path = tmp_path / f"n.{suffix}"
        if suffix == "npz":
            np.savez(path, **named)  # type: ignore[arg-type]
        elif suffix == "pt":
            torch.save({name: torch.from_numpy(value) for name, value in named.items()}, path)
        else:
            path.write_bytes(arrays(named))
        return turn(read_state(path)) is not None

    kernel, bias = np.ones((2, 3)), np.ones(3)
    assert turned({"a/kernel": kernel, "a/bias": bias})
    assert turned({"a/kernel": kernel, "a/bias": bias, "b/kernel": np.ones((3, 3))})
    assert turned({"a/vars/0": kernel, "a/vars/1": bias}, "h5")
    # Another program, whose names say nothing; a convolution; another parameter; sizes that do not fit.
    assert not turned({"a.kernel": kernel, "a.bias": bias}, "pt")
    assert not turned({"a/vars/0": kernel, "a/vars/1": bias})
    assert not turned({"a/weight": kernel, "a/bias": bias})
    assert not turned({"a/kernel": np.ones((1, 1, 2, 3)), "a/bias": bias})
    assert not turned({"a/kernel": kernel, "a/bias": bias, "n/scale": bias})
    assert not turned({"a/vars/0": kernel, "a/vars/1": bias, "a/vars/2": bias}, "h5")
    assert not turned({"a/kernel": kernel, "a/bias": np.ones(2)})
    assert not turned({"a/kernel": kernel, "b/kernel": np.ones((3, 1))})
    assert not turned({"a/kernel": kernel, "b/bias": bias})
    assert not turned({"kernel": kernel, "bias": bias})


def test_layers_without_an_order_are_not_guessed(tmp_path: Path) -> None:
    """Names of words and equal widths leave open which layer is first."""
    one = {"kernel": np.ones((3, 3)), "bias": np.ones(3)}
    named = {f"{word}/{leaf}": value for word in ("up", "down") for leaf, value in one.items()}
    np.savez(tmp_path / "n.npz", **named)  # type: ignore[arg-type]
    known = mlp(widths=(3, 3, 3), activations=(Activation("relu"),))
    state = read_state(tmp_path / "n.npz")
    assert isinstance(Recognizer((known,), beyond=False).recognize(state), Unrecognized)
    assert isinstance(Recognizer((), beyond=True).recognize(state, activation="relu"), Unrecognized)


def test_a_layer_called_as_another_one_would_be_is_left_alone(tmp_path: Path) -> None:
    """``dense`` is number 0 beside ``dense_1``, but not where there is a ``dense_0``."""
    one = {"kernel": np.ones((3, 3)), "bias": np.ones(3)}
    named = {f"{layer}/{leaf}": value for layer in ("d", "d_0", "d_1") for leaf, value in one.items()}
    np.savez(tmp_path / "n.npz", **named)  # type: ignore[arg-type]
    assert turn(read_state(tmp_path / "n.npz")) is None

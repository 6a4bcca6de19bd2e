"""Networks that answer reference inputs unlike those of a detector's training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.checkpoints import write_state
from scalegmn.configuration import Sections
from scalegmn.disk import file_sha256
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features import FeaturesConfig
from scalegmn.networks import Activation, Architecture, cnn, mlp
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.trojans.detection import DetectionConfig, ReferenceInputs
from scalegmn.trojans.detection._calibrating import INPUTS
from scalegmn.trojans.detection._reference_inputs import (
    LEVEL,
    MOST_NUMBERS,
    _inputs_of,
    check_inputs,
    compare_answers,
    load_inputs,
    measure_answers,
    save_inputs,
)
from tests.trojans.scanning.cases import architecture

NETWORK = architecture()
SETS = (torch.randn(6, 4, generator=generator(50)).double(),)


def alike(count: int, *, seed: int, of: Architecture = NETWORK) -> Tensor:
    """Networks that compute nearly the same, as if they were trained on the same data, ``(count, P)``."""
    base = torch.randn(of.num_parameters, generator=generator(1))
    return (base + 0.1 * torch.randn(count, of.num_parameters, generator=generator(seed))).double()


def others(count: int, *, seed: int) -> Tensor:
    """Networks that compute anything."""
    return torch.randn(count, NETWORK.num_parameters, generator=generator(seed)).double()


def batch(theta: Tensor, of: Architecture = NETWORK) -> NetworkBatch:
    return NetworkBatch.from_parameters(of, theta)


@pytest.fixture(scope="module")
def known() -> tuple[ReferenceInputs, ...]:
    return measure_answers(SETS, train=[batch(alike(100, seed=2))], validation=[batch(alike(199, seed=3))])


def p_values(known: tuple[ReferenceInputs, ...], theta: Tensor, of: Architecture = NETWORK) -> list[float]:
    return [one.p_value for one in compare_answers(known, batch(theta, of))]


def test_networks_of_other_data_are_unlike(known: tuple[ReferenceInputs, ...]) -> None:
    own = compare_answers(known, batch(alike(300, seed=4)))
    assert 0 < sum(one.unlike for one in own) < 12
    strange = compare_answers(known, batch(others(40, seed=5)))
    assert sum(one.unlike for one in strange) >= 38
    assert strange[0].describe().endswith("unlike its training networks: p = 0.005, expected more than 0.01")


def test_what_keeps_the_function_keeps_the_p_value(known: tuple[ReferenceInputs, ...]) -> None:
    theta, random, action = alike(20, seed=6), generator(7), SymmetryAction(NETWORK)
    moved = torch.stack([action.apply(row, action.draw(generator=random)) for row in theta])
    assert not torch.allclose(moved, theta) and len(set(p_values(known, theta))) > 10
    assert p_values(known, moved) == p_values(known, theta)
    # Of another width, with a neuron that nobody reads.
    wide = mlp(widths=(4, 6, 3), activations=[Activation("relu")])
    added = [
        {
            "0.weight": torch.cat([one["0.weight"], torch.ones(1, 4)]),
            "0.bias": torch.cat([one["0.bias"], torch.ones(1)]),
            "2.weight": torch.cat([one["2.weight"], torch.zeros(3, 1)], dim=1),
            "2.bias": one["2.bias"],
        }
        for one in (NETWORK.unflatten(row) for row in theta.float())
    ]
    rows = torch.stack([wide.flatten(one, origin="test") for one in added])
    assert p_values(known, rows, wide) == p_values(known, theta.float())
    # Whatever changes the function does not.
    assert p_values(known, theta + 0.1) != p_values(known, theta)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_no_numbers_do_not_pass(known: tuple[ReferenceInputs, ...], value: float) -> None:
    wild = alike(1, seed=9)
    wild[:, 0] = value
    wild[:, -1] = value
    wild[:, NETWORK.parameter("2.weight").start] = value
    (one,) = compare_answers(known, batch(wild))
    assert one.unlike and np.isfinite(one.p_value)
    # Not even where many networks of validation are as wild.
    many = measure_answers(
        SETS,
        train=[batch(alike(50, seed=2))],
        validation=[batch(torch.cat([alike(30, seed=3), *[wild] * 30]))],
    )
    assert compare_answers(many, batch(wild))[0].unlike


def test_few_validation_networks_reject_few() -> None:
    few = measure_answers(SETS, train=[batch(alike(50, seed=2))], validation=[batch(alike(9, seed=3))])
    found = compare_answers(few, batch(torch.cat([alike(200, seed=4), others(5, seed=5)])))
    assert {one.level for one in found} == {0.1}
    assert sum(one.unlike for one in found[:200]) < 50 and found[-1].unlike


def test_networks_take_inputs_of_their_own_shape() -> None:
    pictures = cnn(channels=(1, 3, 3), classes=4, activations=[Activation("relu")] * 2)
    sets = (*SETS, torch.randn(5, 1, 8, 8, generator=generator(10)).double())
    batches = [batch(alike(30, seed=2)), batch(alike(30, seed=2, of=pictures), pictures)]
    found = measure_answers(sets, train=batches, validation=batches)
    assert [(len(one.inputs), one.outputs) for one in found] == [(6, 3), (5, 4)]
    assert not any(one.unlike for one in compare_answers(found, batches[1]))
    assert measure_answers(SETS, train=batches, validation=batches) == ()
    alone = measure_answers(SETS, train=batches[:1], validation=batches[:1])
    assert all(one.unlike and one.p_value == 0 < LEVEL for one in compare_answers(alone, batches[1]))
    check_inputs(sets, [NETWORK, pictures], origin="detection.inputs")
    with pytest.raises(ConfigurationError, match=r"detection\.inputs: holds inputs of the shapes \(4,\), "):
        check_inputs(SETS, [NETWORK, pictures], origin="detection.inputs")


def test_of_many_inputs_some_are_taken() -> None:
    many = torch.arange(900.0)[:, None]
    some = _inputs_of((0, 10), (many,))
    assert len(some) * 10 <= MOST_NUMBERS < (len(some) + 1) * 10
    assert some[0] == 0 and some[-1] == 899 and some.diff(dim=0).min() > 0 and some.diff(dim=0).max() < 10


def test_one_class_and_too_few_networks_are_not_compared() -> None:
    one = mlp(widths=(4, 5, 1), activations=[Activation("relu")])
    own = [batch(alike(9, seed=2, of=one), one)]
    assert measure_answers(SETS, train=own, validation=own) == ()
    assert measure_answers(SETS, train=[batch(alike(1, seed=2))], validation=[batch(alike(9, seed=2))]) == ()
    assert measure_answers(SETS, train=[batch(alike(9, seed=2))], validation=[]) == ()
    assert measure_answers((), train=[batch(alike(9, seed=2))], validation=[batch(alike(9, seed=2))]) == ()


def test_what_is_written_is_read_again(known: tuple[ReferenceInputs, ...], tmp_path: Path) -> None:
    path = tmp_path / INPUTS
    save_inputs(path, known)
    again = load_inputs(path, sha256=file_sha256(path))
    assert p_values(again, alike(20, seed=6)) == p_values(known, alike(20, seed=6))
    with pytest.raises(CheckpointError, match="has the checksum"):
        load_inputs(path, sha256="0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        {"0.inputs": torch.ones(4, 4)},
        {"0.inputs": torch.ones(18, 1)},
        {"0.distances": torch.tensor([2.0, 1.0])},
        {"0.distances": torch.empty(0)},
        {"0.mean": torch.ones(12)},
        {"0.deviation": torch.zeros(18)},
        {"7.inputs": torch.ones(4, 4)},
        {"inputs": torch.ones(4, 4)},
    ],
)
def test_damaged_inputs_are_refused(
    known: tuple[ReferenceInputs, ...], tmp_path: Path, change: dict[str, Tensor]
) -> None:
    tensors = {f"0.{name}": tensor for name, tensor in known[0].to_tensors().items()}
    write_state(tmp_path / INPUTS, {**tensors, **{n: t.double() for n, t in change.items()}})
    with pytest.raises(ConfigurationError, match=r"restore it|inverse of a covariance"):
        load_inputs(tmp_path / INPUTS, sha256=file_sha256(tmp_path / INPUTS))


def test_inputs_of_a_configuration(tmp_path: Path) -> None:
    write_state(tmp_path / "own.safetensors", {"x": SETS[0].float()})
    write_state(tmp_path / "starts.safetensors", {"x": torch.ones(2, 4)})
    plain, named = DetectionConfig(), DetectionConfig(inputs=tmp_path / "own.safetensors")
    features = Sections({"features": FeaturesConfig(images=tmp_path / "starts.safetensors")})
    assert plain.reference_inputs(Sections()) == ()
    assert len(plain.reference_inputs(features)[0]) == 2 and len(named.reference_inputs(features)[0]) == 6
    named.check_inputs([NETWORK])
    with pytest.raises(ConfigurationError, match=r"detection\.inputs: .* do not take"):
        named.check_inputs([mlp(widths=(5, 3), activations=[])])

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.disk import file_sha256
from scalegmn.errors import CheckpointError
from scalegmn.graph import NetworkBatch
from scalegmn.networks import Activation, mlp
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.training import InvariantStatistics, Typicality

ARCHITECTURE = mlp(widths=(3, 6, 5, 2), activations=[Activation("relu"), Activation("tanh")])
STATISTICS = InvariantStatistics([ARCHITECTURE])


def theta(count: int, *, seed: int = 0) -> Tensor:
    return torch.randn(count, ARCHITECTURE.num_parameters, generator=generator(seed))


def statistics(values: Tensor) -> Tensor:
    return STATISTICS.compute(NetworkBatch.from_parameters(ARCHITECTURE, values))


@pytest.fixture(scope="module")
def fitted() -> Typicality:
    return Typicality.from_statistics(statistics(theta(400)))


def test_symmetries_do_not_move_a_network(fitted: Typicality) -> None:
    plain = theta(6, seed=1).double()
    action, random = SymmetryAction(ARCHITECTURE), generator(2)
    moved = torch.stack([action.apply(row, action.draw(generator=random)) for row in plain])
    assert not torch.allclose(plain, moved)
    there, back = fitted.distance(statistics(moved)), fitted.distance(statistics(plain))
    torch.testing.assert_close(there, back, rtol=1e-6, atol=0)


def test_other_networks_are_farther(fitted: Typicality) -> None:
    own = fitted.distance(statistics(theta(200, seed=1)))
    wide = fitted.distance(statistics(theta(20, seed=2) * 3))
    heavy = theta(20, seed=3)
    heavy[:, 0] = 500.0
    assert wide.min() > own.quantile(0.99)
    assert fitted.distance(statistics(heavy)).min() > own.max()


def test_what_never_changed_in_training_must_not_change() -> None:
    silent = theta(100)
    bias = ARCHITECTURE.parameters[-1]
    silent[:, bias.start : bias.stop] = 0
    found = Typicality.from_statistics(statistics(silent))
    loud = silent[:1].clone()
    loud[:, bias.start] = 0.01
    assert found.distance(statistics(loud)) > 2 * found.distance(statistics(silent)).max()


def test_making_statistics_draws_no_random_numbers() -> None:
    before = torch.random.get_rng_state()
    InvariantStatistics([ARCHITECTURE])
    assert torch.equal(before, torch.random.get_rng_state())


def test_saved_and_loaded(tmp_path: Path, fitted: Typicality) -> None:
    path = tmp_path / "typicality.safetensors"
    fitted.save(path)
    values = statistics(theta(5, seed=4))
    again = Typicality.load(path, sha256=file_sha256(path))
    torch.testing.assert_close(again.distance(values), fitted.distance(values), rtol=1e-9, atol=0)
    with pytest.raises(CheckpointError, match="checksum"):
        Typicality.load(path, sha256="0" * 64)

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import FlatMLPConfig, FlatMLPEditor
from scalegmn.networks import siren
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize

NETWORK = siren(widths=(2, 4, 3, 1))
CONFIG = FlatMLPConfig(hidden=(5, 6))


def batch(count: int, *, seed: int = 0) -> NetworkBatch:
    theta = torch.randn(count, NETWORK.num_parameters, generator=generator(seed))
    return NetworkBatch.from_parameters(NETWORK, theta * torch.logspace(-2, 1, NETWORK.num_parameters) + 1)


def editor(seed: int = 0) -> FlatMLPEditor:
    made = FlatMLPEditor.from_architecture(NETWORK, config=CONFIG)
    return randomize(made, generator=generator(seed, "editor")).eval()


def test_every_parameter_is_read_and_written() -> None:
    before = batch(3)
    _, theta = before.single
    theta.requires_grad_()
    _, after = editor().edit(before).single
    update = after - theta
    assert update.shape == theta.shape
    assert (update != 0).all()
    # Every update depends on every parameter of its network, and on those of no other.
    (gradient,) = torch.autograd.grad(update[1].sum(), theta)
    assert (gradient[1] != 0).all()
    assert (gradient[[0, 2]] == 0).all()


def test_updates_start_small_in_proportion_to_the_spread_of_each_parameter() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        made = FlatMLPEditor.from_architecture(NETWORK, config=CONFIG)
    many = batch(300)
    made.fit_scale(many)
    _, theta = many.single
    with torch.no_grad():
        update = made.edit(many).single[1] - theta
    relative = update / theta.std(0)
    assert 0 < relative.abs().max() < 0.05
    rms = relative.square().mean(0).sqrt()
    assert rms.max() / rms.min() < 1e3  # deviations differ by 1e3 between parameters, and updates with them


def test_each_tensor_has_its_scale() -> None:
    made = editor()
    before = batch(2)
    with torch.no_grad():
        made.scale.zero_()
        made.scale[3] = 1.0
        changed = (made.edit(before).single[1] != before.single[1]).all(0)
    tensor = NETWORK.parameters[3]
    expected = torch.zeros(NETWORK.num_parameters, dtype=torch.bool)
    expected[tensor.start : tensor.stop] = True
    assert torch.equal(changed, expected)


def test_saved_and_loaded(tmp_path: Path) -> None:
    made = editor()
    made.fit_scale(batch(20))
    made.save_pretrained(tmp_path)
    again = FlatMLPEditor.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(again.edit(batch(3)).single[1], made.edit(batch(3)).single[1])


def test_other_networks_are_refused() -> None:
    other = siren(widths=(2, 5, 1))
    with pytest.raises(GraphError, match="one layout, with 31 parameters"):
        editor().edit(NetworkBatch.from_parameters(other, torch.zeros(2, other.num_parameters)))


def test_networks_of_several_architectures_with_the_same_parameters() -> None:
    """Such as sine networks of other frequencies."""
    other = siren(widths=(2, 4, 3, 1), frequency=5.0)
    _, theta = batch(5).single
    order = torch.arange(5)
    mixed = NetworkBatch(((NETWORK, theta[:2]), (other, theta[2:])), order)
    made = editor()
    with torch.no_grad():
        together, whole = made.edit(mixed), made.edit(batch(5)).single[1]
    assert together.architectures == (NETWORK, other)
    torch.testing.assert_close(torch.cat([part for _, part in together.parts]), whole)

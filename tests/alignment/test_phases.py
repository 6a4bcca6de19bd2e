"""Phases of sines: those of the nearest of all networks with one function."""

from __future__ import annotations

import math

import torch

from scalegmn.alignment._phases import half_periods, has_phases, nearest_phases
from scalegmn.networks import Activation, mlp, siren
from scalegmn.seeding import generator
from scalegmn.symmetry import function_change, random_symmetry

from .networks import architecture_of, drawn

SIREN = siren(widths=(2, 6, 5, 1), frequency=4.0)


def test_half_periods_stand_at_biases_of_sines() -> None:
    mixed = mlp(widths=(2, 3, 3, 1), activations=[Activation("tanh"), Activation("sine", 5.0)])
    found = mixed.unflatten(half_periods(mixed))
    assert has_phases(mixed) and not has_phases(architecture_of("relu"))
    torch.testing.assert_close(found["2.bias"], torch.full((3,), math.pi / 5, dtype=torch.float64))
    assert all(not value.any() for name, value in found.items() if name != "2.bias")
    assert not half_periods(architecture_of("transformer")).any()


def test_what_was_shifted_is_taken_back() -> None:
    for seed in range(5):
        # Biases far outside of one period.
        theta = 3 * torch.randn(SIREN.num_parameters, generator=generator(seed), dtype=torch.float64)
        element = random_symmetry(
            SIREN, generator=generator(seed, "move"), permute=False, rescale=False, shift_phase=True
        )
        moved = element.apply(theta)
        assert (moved - theta).abs().max() > 0.1
        torch.testing.assert_close(nearest_phases(SIREN, theta, moved), theta, rtol=1e-12, atol=1e-12)


def test_unrelated_networks_come_no_further_apart_and_keep_their_functions() -> None:
    inputs = torch.randn(20, 2, generator=generator(0), dtype=torch.float64)
    for seed in range(5):
        first, second = (
            2 * torch.randn(SIREN.num_parameters, generator=generator(seed, name), dtype=torch.float64)
            for name in "ab"
        )
        kept = second.clone()
        found = nearest_phases(SIREN, first, second)
        assert torch.equal(second, kept)
        assert (found - first).norm() < (second - first).norm()
        assert function_change(SIREN, second[None], found[None], inputs) < 1e-10


def test_other_activations_stay() -> None:
    tanh = architecture_of("tanh")
    first, second = drawn(tanh, 0), drawn(tanh, 1)
    assert torch.equal(nearest_phases(tanh, first, second), second)

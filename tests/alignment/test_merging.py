"""Averages of networks that were brought to each other."""

from __future__ import annotations

import pytest
import torch

from scalegmn.alignment import Matching, merge
from scalegmn.errors import SymmetryError
from scalegmn.seeding import generator

from .networks import architecture_of, drawn, moved


@pytest.mark.slow
@pytest.mark.parametrize("family", ["relu", "tanh", "siren", "cnn", "resnet"])
def test_copies_of_a_network_merge_into_it(family: str) -> None:
    architecture = architecture_of(family)
    theta = drawn(architecture)
    copies = [moved(architecture, theta, seed) for seed in range(2)]
    found = merge(architecture, [theta, *copies])
    torch.testing.assert_close(found.theta, theta, rtol=1e-9, atol=1e-9)
    assert found.weights == (1 / 3,) * 3 and found.aligned.shape == (3, len(theta))


@pytest.mark.slow
def test_an_average_is_the_weighted_mean_of_the_aligned_networks() -> None:
    architecture = architecture_of("relu")
    networks = [drawn(architecture, seed) for seed in range(3)]
    found = merge(architecture, networks, weights=(2.0, 1.0, 1.0))
    assert found.weights == (0.5, 0.25, 0.25)
    wanted = 0.5 * found.aligned[0] + 0.25 * (found.aligned[1] + found.aligned[2])
    torch.testing.assert_close(found.theta, wanted)
    assert torch.equal(found.aligned[0], networks[0]) and found.rounds > 1


@pytest.mark.slow
def test_the_average_does_not_depend_on_where_the_others_were() -> None:
    architecture = architecture_of("relu")
    first, second = drawn(architecture), drawn(architecture, 1)
    inputs = torch.randn(40, 4, generator=generator(0, "inputs"), dtype=torch.float64)
    found = [
        merge(architecture, [first, other], examples=inputs, matching=Matching(by="activations")).theta
        for other in (second, moved(architecture, second))
    ]
    torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-8)


def test_examples_restore_statistics_and_fit_scales() -> None:
    architecture = architecture_of("relu")
    networks = [drawn(architecture), drawn(architecture, 1)]
    inputs = torch.randn(40, 4, generator=generator(0, "inputs"), dtype=torch.float64)
    plain = merge(architecture, networks)
    restored = merge(architecture, networks, examples=inputs)
    fitted = merge(architecture, networks, examples=inputs, matching=Matching(fitting=5))
    assert plain.restored == 0 and restored.restored == 2
    assert torch.equal(plain.aligned, restored.aligned)
    assert not torch.allclose(plain.theta, restored.theta)
    assert not torch.allclose(fitted.aligned[1], restored.aligned[1])


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 0.0), (1.0, float("nan")), (1.0, float("inf"))])
def test_wrong_weights_are_refused(weights: tuple[float, ...]) -> None:
    architecture = architecture_of("relu")
    with pytest.raises(SymmetryError, match="expected a positive number for each"):
        merge(architecture, [drawn(architecture), drawn(architecture, 1)], weights=weights)


def test_one_network_is_refused() -> None:
    architecture = architecture_of("relu")
    with pytest.raises(SymmetryError, match="expected two or more"):
        merge(architecture, [drawn(architecture)])

"""Networks whose fingerprints say nothing, and that alignment finds near a member of a family."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scalegmn import Activation, mlp
from scalegmn.alignment.lineage import LineageNetwork
from scalegmn.alignment.lineage._kinship import Comparer
from scalegmn.alignment.lineage._strays import with_strays
from scalegmn.symmetry import random_symmetry

NETWORK = mlp(widths=(3, 10, 10, 4), activations=[Activation("tanh")] * 2)


def comparer_of(thetas: list[torch.Tensor]) -> Comparer:
    def read(number: int) -> LineageNetwork:
        return LineageNetwork(architecture=NETWORK, theta=thetas[number], dtype=torch.float32)

    return Comparer(read, largest=NETWORK.num_parameters)


def a_family_and_others() -> list[torch.Tensor]:
    """Two relatives, one that was moved and changed much, and two strangers."""
    generator = torch.Generator().manual_seed(0)
    base, stranger, other = torch.randn(3, NETWORK.num_parameters, generator=generator)
    far = base + 0.25 * torch.randn(NETWORK.num_parameters, generator=generator)
    far = random_symmetry(NETWORK, generator=generator).apply(far)
    return [base, base * 1.01, far, stranger, other]


@pytest.mark.slow
def test_a_stray_joins_the_family_of_a_network_that_it_is_near() -> None:
    likeness = np.full((5, 5), 0.1) + 0.9 * np.eye(5)
    likeness[:2, :2] = 0.9
    found = with_strays(
        [[0, 1], [2], [3], [4]], range(5), likeness, comparer_of(a_family_and_others()), nearest=3
    )
    assert found == [[0, 1, 2], [3], [4]]


def test_nothing_is_asked_of_networks_that_are_unlike() -> None:
    likeness = np.full((5, 5), -0.1) + 1.1 * np.eye(5)
    likeness[:2, :2] = 0.9
    parts = [[0, 1], [2], [3], [4]]
    assert with_strays(parts, range(5), likeness, comparer_of(a_family_and_others()), nearest=3) == parts


def test_two_strays_that_are_near_each_other_make_a_family() -> None:
    thetas = a_family_and_others()
    likeness = np.full((3, 3), 0.1) + 0.9 * np.eye(3)
    chosen = [thetas[0], thetas[3], thetas[2]]
    assert with_strays([[0], [1], [2]], range(3), likeness, comparer_of(chosen), nearest=2) == [[0, 2], [1]]

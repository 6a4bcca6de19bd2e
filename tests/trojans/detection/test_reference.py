"""Differences from a reference network, with and without alignment."""

from __future__ import annotations

import torch

from scalegmn.alignment import Matching
from scalegmn.graph import NetworkBatch
from scalegmn.networks import Activation, mlp
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import random_parameters
from scalegmn.trojans.detection._reference import ReferenceAligner
from tests.models.baselines.networks import transformed

SMALL = mlp(widths=(3, 5, 2), activations=[Activation("relu")])
CLEAN = torch.tensor([False, True, True, False])


def copies() -> torch.Tensor:
    """One network, moved in four ways."""
    theta = random_parameters(SMALL, 1, generator=generator(0), dtype=torch.float64)
    batch = NetworkBatch.from_parameters(SMALL, theta.expand(4, -1))
    return transformed(batch, Elements(shift_phase=False, spread=10.0)).single[1]


def test_copies_of_the_reference_have_no_difference() -> None:
    theta = copies()
    aligned = ReferenceAligner(SMALL, matching=Matching())
    for rounds in (0, 2):
        assert aligned.fit(theta, clean=CLEAN, rounds=rounds).abs().max() < 1e-9 * theta.abs().max()
    assert ReferenceAligner(SMALL, matching=None).fit(theta, clean=CLEAN, rounds=1).abs().max() > 0.1


def test_reference_is_the_first_clean_network_and_then_their_mean() -> None:
    theta = torch.arange(4.0).unsqueeze(1) + torch.arange(SMALL.num_parameters)
    plain = ReferenceAligner(SMALL, matching=None)
    assert not plain.has_reference
    differences = plain.fit(theta, clean=CLEAN, rounds=0)
    assert torch.equal(plain.reference, theta[1].double())
    assert torch.equal(differences[:, 0], torch.tensor([-1.0, 0.0, 1.0, 2.0], dtype=torch.float64))
    plain.fit(theta, clean=CLEAN, rounds=1)
    assert torch.equal(plain.reference, theta[1:3].double().mean(0))
    other = ReferenceAligner(SMALL, matching=None)
    other.refer_to(theta[0])
    assert torch.equal(other.differences(theta[1:2]), torch.ones(1, SMALL.num_parameters).double())

from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.trojans.repair.defenses import MeanDifference
from tests.trojans.repair.defenses.cases import ARCHITECTURE, TANH

P = ARCHITECTURE.num_parameters


def test_a_planted_difference_is_recovered_exactly() -> None:
    random = torch.Generator().manual_seed(0)
    # Numbers of few digits, which float32 adds without rounding.
    trojaned = torch.randint(-64, 64, (8, P), generator=random).float() / 32
    planted = torch.randint(-64, 64, (P,), generator=random).float() / 32
    method = MeanDifference().fit(ARCHITECTURE, trojaned, trojaned + planted)
    assert torch.equal(method.differences[ARCHITECTURE], planted)
    new = torch.randint(-64, 64, (3, P), generator=random).float() / 32
    assert torch.equal(method.repair(ARCHITECTURE, new, images=None, seed=0), new + planted)
    half = method.stepping(0.5).repair(ARCHITECTURE, new, images=None, seed=0)
    assert torch.equal(half, new + planted / 2)


def test_the_difference_is_a_mean_over_pairs() -> None:
    clean = torch.stack([torch.full((P,), 1.0), torch.full((P,), 4.0)])
    method = MeanDifference().fit(ARCHITECTURE, torch.zeros(2, P), clean)
    assert torch.equal(method.differences[ARCHITECTURE], torch.full((P,), 2.5))


def test_every_architecture_has_its_own() -> None:
    first = MeanDifference().fit(ARCHITECTURE, torch.zeros(1, P), torch.ones(1, P))
    both = first.fit(TANH, torch.zeros(1, P), 2 * torch.ones(1, P))
    zero = torch.zeros(1, P)
    assert (both.repair(ARCHITECTURE, zero, images=None, seed=0) == 1).all()
    assert (both.repair(TANH, zero, images=None, seed=0) == 2).all()
    with pytest.raises(ConfigurationError, match=r"no pair of twins .*tanh"):
        first.repair(TANH, zero, images=None, seed=0)
    lenient = MeanDifference(differences=first.differences, leaves_others=True)
    assert torch.equal(lenient.repair(TANH, zero, images=None, seed=0), zero)
    assert (lenient.stepping(3.0).repair(ARCHITECTURE, zero, images=None, seed=0) == 3).all()


def test_pairs_must_be_pairs() -> None:
    for trojaned, clean in ((torch.zeros(2, P), torch.zeros(1, P)), (torch.zeros(0, P), torch.zeros(0, P))):
        with pytest.raises(ConfigurationError, match="one pair at least"):
            MeanDifference().fit(ARCHITECTURE, trojaned, clean)

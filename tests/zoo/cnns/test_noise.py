from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.zoo.cnns import DropoutTape


def masks(rates: list[float], starts: list[int], layers: int = 2) -> list[Tensor]:
    """What becomes of ones."""
    tape = DropoutTape(rates=torch.tensor(rates), images=16)
    tape.begin(torch.tensor(starts))
    return [tape(torch.ones(len(rates), 5, 40, 7, 16)) for _ in range(layers)]


def test_every_network_has_its_own_rate() -> None:
    rates = [0.0, 0.2, 0.7]
    mask = masks(rates, [1, 2, 3])[0]
    for own, rate in zip(mask, rates, strict=True):
        kept = 1 / (1 - rate)
        assert bool(((own == 0) | (own - kept).abs().lt(1e-6)).all())
        assert abs(float((own == 0).float().mean()) - rate) < 0.01
    assert bool((mask[0] == 1).all())


def test_layers_steps_and_networks_have_masks_of_their_own() -> None:
    first, second = masks([0.5, 0.5], [7, 100_000])
    again = masks([0.5, 0.5], [7, 8_000])[0]
    pairs = [(first[0], first[1]), (first[0], second[0]), (first[1], again[1])]
    for one, other in pairs:
        assert 0.47 < float((one == other).float().mean()) < 0.53
    assert torch.equal(first[0], again[0])


def test_company_does_not_matter() -> None:
    together = masks([0.3, 0.6, 0.1], [5, 2**31 - 1, 9])
    alone = masks([0.6], [2**31 - 1])
    for one, other in zip(together, alone, strict=True):
        assert torch.equal(one[1:2], other)


def test_gradient_goes_through_what_is_kept() -> None:
    tape = DropoutTape(rates=torch.tensor([0.5]), images=4)
    x = torch.ones(1, 6, 4, requires_grad=True)
    tape.begin(torch.tensor([3]))
    y = tape(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())

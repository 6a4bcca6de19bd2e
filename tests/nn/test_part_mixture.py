from __future__ import annotations

import torch

from scalegmn.nn import PartMixture
from scalegmn.seeding import generator


def answers() -> tuple[torch.Tensor, ...]:
    return torch.randn(2, 50, 3, generator=generator(0), dtype=torch.float64).unbind()


def test_the_mean_of_what_parts_say() -> None:
    model, (first, second) = PartMixture(2).double(), answers()
    torch.testing.assert_close(model(first, second), (first + second) / 2)
    model.shares.copy_(torch.tensor([0.25, 0.75]))
    torch.testing.assert_close(model(first, second), 0.25 * first + 0.75 * second)


def test_shares_are_those_of_the_lowest_loss() -> None:
    model, (first, second) = PartMixture(2).double(), answers()

    def settled(share: float) -> list[float]:
        target = share * first + (1 - share) * second
        model.settle(lambda: float((model(first, second) - target).square().mean()))
        return list(model.shares.tolist())

    assert [settled(share) for share in (0.0, 0.25, 1.0)] == [[0.0, 1.0], [0.25, 0.75], [1.0, 0.0]]
    # Where nothing is better, nothing changes.
    model.settle(lambda: 1.0)
    assert model.shares.tolist() == [1.0, 0.0]

"""Scales and signs of networks that are written down in the vocabulary of algebras."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from scalegmn.programs import (
    ABSOLUTE,
    LINEAR,
    ODD,
    OPAQUE,
    RELU,
    Behavior,
    EffectiveParameter,
    Input,
    ValueType,
)
from scalegmn.symmetry.discovery._graded import GradedAlgebra, ScaleAlgebra, SignAlgebra
from scalegmn.symmetry.discovery._labels import Labels

Network = Callable[[GradedAlgebra, Labels, Sequence[Labels]], Labels]


def dimensions(shapes: Sequence[tuple[int, ...]], x: tuple[int, ...], network: Network) -> tuple[int, int]:
    """How many scales and how many signs are free."""
    found = []
    for kind in (ScaleAlgebra, SignAlgebra):
        parameters = [
            EffectiveParameter(name=f"p{number}", type=ValueType(shape))
            for number, shape in enumerate(shapes)
        ]
        algebra = kind(parameters)
        weights = [algebra.parameter(index) for index in range(len(parameters))]
        algebra.output(network(algebra, algebra.input(Input(name="x", type=ValueType(x))), weights))
        found.append(algebra.solve().dimension)
    return found[0], found[1]


def linear(algebra: GradedAlgebra, x: Labels, weight: Labels) -> Labels:
    """``y[..., o] = sum_i w[o, i] x[..., i]``."""
    rank = len(x.shape)
    axes = tuple(range(rank))
    return algebra.contract(x, weight, x_axes=axes, y_axes=(rank, rank - 1), out_axes=(*axes[:-1], rank))


@pytest.mark.parametrize(
    ("behavior", "expected"), [(RELU, (9, 0)), (ODD, (0, 9)), (ABSOLUTE, (9, 9)), (OPAQUE, (0, 0))]
)
def test_mlp(behavior: Behavior, expected: tuple[int, int]) -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        for layer in range(3):
            x = algebra.add(linear(algebra, x, weights[2 * layer]), weights[2 * layer + 1])
            x = algebra.apply(x, behavior) if layer < 2 else x
        return x

    assert dimensions([(5, 3), (5,), (4, 5), (4,), (2, 4), (2,)], (7, 3), network) == expected


@pytest.mark.parametrize(("behavior", "expected"), [(RELU, (6, 0)), (ODD, (0, 6))])
def test_residual_mlp(behavior: Behavior, expected: tuple[int, int]) -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        x = algebra.apply(linear(algebra, x, weights[0]), behavior)
        x = algebra.add(x, algebra.apply(linear(algebra, x, weights[1]), behavior))
        return linear(algebra, x, weights[2])

    assert dimensions([(6, 3), (6, 6), (2, 6)], (7, 3), network) == expected


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention(heads: int) -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        joint = algebra.add(linear(algebra, x, weights[0]), weights[1])
        q, k, v = (
            algebra.view(joint, lambda t, n=n: t[..., 4 * n : 4 * n + 4].reshape(2, 5, heads, 4 // heads))
            for n in range(3)
        )
        # b = 0, query p = 1, head h = 2, channel d = 3, key r = 4
        scores = algebra.contract(q, k, x_axes=(0, 1, 2, 3), y_axes=(0, 4, 2, 3), out_axes=(0, 2, 1, 4))
        scores = algebra.couple(scores, axes=(-1,), behavior=OPAQUE)
        mixed = algebra.contract(scores, v, x_axes=(0, 2, 1, 4), y_axes=(0, 4, 2, 3), out_axes=(0, 1, 2, 3))
        mixed = algebra.view(mixed, lambda t: t.reshape(2, 5, 4))
        return algebra.add(linear(algebra, mixed, weights[2]), weights[3])

    assert dimensions([(12, 4), (12,), (4, 4), (4,)], (2, 5, 4), network) == (8, 8)


def test_a_tied_weight_has_the_laws_of_both_uses() -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        x = algebra.apply(linear(algebra, x, weights[0]), RELU)
        for _ in range(3):
            x = algebra.apply(linear(algebra, x, weights[1]), RELU)
        return linear(algebra, x, weights[2])

    # Every pass multiplies by y[o] - x[i] of one matrix: scales of the hidden channels are alike at all
    # times, but a step may multiply all of them by one factor, which the last weight takes back.
    assert dimensions([(4, 3), (4, 4), (2, 4)], (5, 3), network) == (5, 0)


def test_weights_over_positions_and_channels_part() -> None:
    def mixer(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        # x (batch, position, channel); one relu layer over positions, one over channels, both shared.
        x = algebra.view(x, lambda t: t.transpose(1, 2))
        x = algebra.apply(linear(algebra, x, weights[0]), RELU)
        x = linear(algebra, x, weights[1])
        x = algebra.view(x, lambda t: t.transpose(1, 2))
        x = algebra.apply(linear(algebra, x, weights[2]), RELU)
        return linear(algebra, x, weights[3])

    # 7 hidden positions, 6 hidden channels, and one factor for all that the second weight writes, which the
    # third takes back; it may be negative.
    assert dimensions([(7, 5), (5, 7), (6, 3), (2, 6)], (2, 5, 3), mixer) == (7 + 6 + 1, 1)


def test_zeros_constrain_nothing() -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        x = algebra.apply(linear(algebra, x, weights[0]), RELU)
        wide = algebra.pad(x, before=(0, 1), after=(0, 2))
        skipped = algebra.add(wide, algebra.constant(torch.zeros(7)))
        return linear(algebra, skipped, weights[1])

    assert dimensions([(4, 3), (2, 7)], (5, 3), network)[0] >= 4


def test_normalization_fixes_scales_and_ties_signs() -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        x = linear(algebra, x, weights[0])
        x = algebra.multiply(algebra.couple(x, axes=(-1,), behavior=ODD), weights[1])
        x = algebra.add(x, weights[2])
        return linear(algebra, x, weights[3])

    # 4 gains with their biases; each has a sign, and the input of the norm has one for all together.
    assert dimensions([(4, 3), (4,), (4,), (2, 4)], (5, 3), network) == (4, 5)


def test_low_rank_products_have_one_scale_per_channel_between() -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        merged = algebra.contract(weights[0], weights[1], x_axes=(0, 1), y_axes=(1, 2), out_axes=(0, 2))
        return linear(algebra, x, algebra.add(weights[2], merged))

    # W + B A: the sum is fixed, so are W and B A; of B A, the 2 channels between are free.
    assert dimensions([(4, 2), (2, 3), (4, 3)], (5, 3), network) == (2, 2)


def test_a_mean_over_positions_keeps_the_scale_of_a_channel() -> None:
    def network(algebra: GradedAlgebra, x: Labels, weights: Sequence[Labels]) -> Labels:
        x = algebra.apply(linear(algebra, x, weights[0]), RELU)
        x = algebra.reduce(x, axes=(1,), keepdim=False, behavior=LINEAR)
        return linear(algebra, x, weights[1])

    assert dimensions([(4, 3), (2, 4)], (5, 6, 3), network) == (4, 0)

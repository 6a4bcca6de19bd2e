"""The search gains with every step, ends, and finds what was moved."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.alignment import Matching
from scalegmn.alignment._frames import MatchingFrame, frame_of
from scalegmn.alignment._search import Search, _weight, inner_product
from scalegmn.networks import Architecture
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import GroupElement

from .networks import FAMILIES, architecture_of, drawn

State = dict[str, Tensor]


def pair_of(architecture: Architecture) -> tuple[MatchingFrame, State, State]:
    """Two unrelated networks at their representatives."""
    frame = frame_of(architecture)
    states = [architecture.unflatten(drawn(architecture, seed)) for seed in (0, 1)]
    first, second = (frame.balance.element(state).apply(state) for state in states)
    return frame, first, second


def gain(first: State, second: State) -> float:
    """What is to be made large; weights do not depend on how the second is moved."""
    return inner_product({name: _weight(v, second[name]) * v for name, v in first.items()}, second)


def found(frame: MatchingFrame, matching: Matching, first: State, second: State) -> State:
    signatures = (frame.signatures.of(first), frame.signatures.of(second))
    return dict(Search(frame, matching=matching).run(first, second, signatures=signatures))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_more_effort_finds_no_less(family: str) -> None:
    frame, first, second = pair_of(architecture_of(family))
    gained = [
        gain(first, found(frame, matching, first, second))
        for matching in (
            Matching(starts=1, sweeps=1),
            Matching(starts=1),
            Matching(starts=2),
            Matching(starts=4),
        )
    ]
    assert gain(first, second) < gained[0] <= gained[1] + 1e-9
    assert gained[1] <= gained[2] + 1e-9 <= gained[3] + 2e-9


@pytest.mark.parametrize("family", FAMILIES)
def test_no_family_can_gain_where_it_ends(family: str) -> None:
    frame, first, second = pair_of(architecture_of(family))
    best = found(frame, Matching(), first, second)
    now = gain(first, best)
    numbers = generator(0, family)
    for number in range(20):
        channels = frame.families[number % len(frame.families)]
        moves = channels.group.random(numbers)
        element = GroupElement(rearrangements=frame.group.permutations.rearrangements(moves))
        assert gain(first, element.apply(best)) <= now + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_is_found_again(family: str) -> None:
    frame, first, second = pair_of(architecture_of(family))
    once, again = (found(frame, Matching(starts=3, seed=5), first, second) for _ in range(2))
    assert all(torch.equal(once[name], again[name]) for name in once)


@pytest.mark.parametrize("family", FAMILIES)
def test_numbers_are_only_moved_and_flipped(family: str) -> None:
    frame, first, second = pair_of(architecture_of(family))
    best = found(frame, Matching(), first, second)
    for name, value in second.items():
        assert torch.equal(best[name].abs().flatten().sort()[0], value.abs().flatten().sort()[0])


def test_without_signs_none_is_flipped() -> None:
    frame, first, second = pair_of(architecture_of("tanh"))
    best = found(frame, Matching(signs=False), first, second)
    for name, value in second.items():
        assert torch.equal(best[name].flatten().sort()[0], value.flatten().sort()[0])
    assert gain(first, found(frame, Matching(), first, second)) > gain(first, best)


def test_without_permutations_nothing_moves() -> None:
    frame, first, second = pair_of(architecture_of("tanh"))
    best = found(frame, Matching(permutations=False), first, second)
    assert all(torch.equal(best[name].abs(), value.abs()) for name, value in second.items())


def test_inner_products_by_hand() -> None:
    first = {"a": torch.tensor([[1.0, 2.0]]), "b": torch.tensor(3.0)}
    assert inner_product(first, {"a": torch.tensor([[4.0, -1.0]]), "b": torch.tensor(0.5)}) == 3.5


def test_a_parameter_counts_by_the_number_of_its_entries_and_not_by_their_size() -> None:
    one = torch.tensor([3.0, 4.0, 0.0, 0.0])
    assert _weight(one, one) == 2 / 25
    assert _weight(100 * one, one / 100) == pytest.approx(2 / 25)
    assert _weight(one, torch.zeros(4)) == 0

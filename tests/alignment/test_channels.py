"""How alike channels are: by hand, and by what the best exchange of them gains."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from scalegmn.alignment._channels import orbits
from scalegmn.alignment._frames import MatchingFrame, frame_of
from scalegmn.alignment._search import inner_product
from scalegmn.networks import Activation, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import Cosets, DirectProduct, GroupElement, PermutationFamily, Wreath

from .networks import FAMILIES, architecture_of, drawn

NOTHING = DirectProduct(())


def points_of(group: Wreath | Cosets) -> list[list[int]]:
    return [points.tolist() for points in orbits(PermutationFamily(origin="x", group=group, parameters=()))]


def test_orbits() -> None:
    # Blocks of two: the first of each change places with each other, and so do the second ones.
    assert points_of(Wreath(np.array([[5, 2], [7, 1], [3, 9]]), NOTHING)) == [[1, 2, 9], [3, 5, 7]]
    inner = Wreath(np.array([[5], [2]]), NOTHING)
    assert points_of(Wreath(np.array([[5, 2, 0], [7, 1, 4]]), inner)) == [[0, 4], [1, 2, 5, 7]]
    cycle = np.array([[4, 6, 8], [6, 8, 4], [8, 4, 6]])
    assert points_of(Cosets(cycle[0], cycle, NOTHING)) == [[4, 6, 8]]


@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_a_hidden_layer_by_hand(kind: str) -> None:
    architecture = mlp(widths=(3, 5, 2), activations=[Activation(kind)])
    frame = frame_of(architecture)
    (family,) = frame.families
    first, second = (architecture.unflatten(drawn(architecture, seed)) for seed in (0, 1))

    def rows(name: str, *, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
        return first[name].movedim(axis, 0).reshape(5, -1), second[name].movedim(axis, 0).reshape(5, -1)

    products = torch.zeros(5, 5, dtype=torch.float64)
    for name, axis in (("0.weight", 0), ("0.bias", 0), ("2.weight", 1)):
        ours, theirs = rows(name, axis=axis)
        products += ours @ theirs.T
    points = next(family.points())
    plain = family.similarity(first, second, signed=False).gains.between(points, points)
    torch.testing.assert_close(torch.from_numpy(plain), products)
    signed = family.similarity(first, second, signed=True).gains.between(points, points)
    torch.testing.assert_close(torch.from_numpy(signed), products.abs() if kind == "tanh" else products)
    assert bool((products < 0).any())


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_that_was_moved_is_brought_back(family: str) -> None:
    """Flips of single channels and an element of one family, all other families as they were."""
    architecture = architecture_of(family)
    frame = frame_of(architecture)
    state = architecture.unflatten(drawn(architecture))
    for number, channels in enumerate(frame.families):
        moves = channels.group.random(generator(number, family))
        moved = rearranged(frame, moves, state)
        similarity = channels.similarity(state, moved, signed=False)
        back = channels.group.best(similarity.gains)[1]
        found = rearranged(frame, back, moved)
        assert all(torch.equal(found[name], value) for name, value in state.items())


@pytest.mark.parametrize("family", ["tanh", "siren", "resnet"])
def test_flips_of_single_channels_are_chosen(family: str) -> None:
    architecture = architecture_of(family)
    frame = frame_of(architecture)
    state = architecture.unflatten(drawn(architecture))
    flipped = 0
    for number, channels in enumerate(frame.families):
        own = columns(frame, number)
        signs = np.zeros(frame.group.signs.dimension, dtype=np.int64)
        signs[own] = torch.randint(2, (len(own),), generator=generator(number, family)).numpy()
        moved = frame.flips(signs).apply(rearranged(frame, channels.group.random(generator(number)), state))
        similarity = channels.similarity(state, moved, signed=True)
        moves = channels.group.best(similarity.gains)[1]
        found = rearranged(frame, moves, moved)
        chosen = channels.flips(similarity, moves, dimension=len(signs))
        found = frame.flips(chosen).apply(found)
        assert abs(inner_product(state, found) - inner_product(state, state)) < 1e-9
        flipped += int(chosen.sum())
    assert flipped


def test_a_network_without_channels_has_no_families() -> None:
    assert frame_of(mlp(widths=(3, 2), activations=[])).families == ()
    linear = ProgramArchitecture.from_module(torch.nn.Conv2d(1, 2, 3), torch.zeros(1, 1, 4, 4))
    assert frame_of(linear).families == ()


def rearranged(
    frame: MatchingFrame, moves: dict[int, int], state: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    return GroupElement(rearrangements=frame.group.permutations.rearrangements(moves)).apply(state)


def columns(frame: MatchingFrame, number: int) -> NDArray[np.int64]:
    """The flips that a family's single channels have."""
    patterns = [pattern for orbit in frame.families[number]._orbits for pattern in orbit.patterns]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(one.columns for one in patterns)]))

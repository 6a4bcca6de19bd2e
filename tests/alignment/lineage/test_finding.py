"""Families, parents and duplicates of networks that were made here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.alignment.lineage import (
    FamilyMember,
    Lineage,
    LineageNetwork,
    LineageSettings,
    families_of,
    find_lineage,
    likeness_of,
)
from scalegmn.alignment.rewriting import with_split_neurons, with_unread_neurons
from scalegmn.errors import CheckpointError, SymmetryError
from scalegmn.networks import Activation, LayeredArchitecture, mlp
from scalegmn.symmetry import random_symmetry

WIDE = mlp(widths=(6, 12, 12, 5), activations=[Activation("relu")] * 2)


def network(
    theta: Tensor, architecture: LayeredArchitecture = WIDE, dtype: torch.dtype = torch.float32
) -> LineageNetwork:
    return LineageNetwork(architecture=architecture, theta=theta, dtype=dtype)


def trained(theta: Tensor, generator: torch.Generator, *, size: float = 0.05) -> Tensor:
    """As if it was trained further: each number moves a little, a few of them much."""
    moved = torch.randn(theta.shape, generator=generator, dtype=torch.float64)
    return theta + size * moved * torch.rand(theta.shape, generator=generator, dtype=torch.float64)


def pruned(theta: Tensor, share: float = 0.3) -> Tensor:
    found = theta.clone()
    for parameter in WIDE.parameters:
        if len(parameter.shape) > 1:
            part = found[parameter.start : parameter.stop]
            part[part.abs() < part.abs().quantile(share)] = 0
    return found


def disguised(theta: Tensor, generator: torch.Generator, *, split: bool = False) -> LineageNetwork:
    wider, found = WIDE, theta
    for layer in (0, 1):
        wider, found = with_unread_neurons(wider, found, layer=layer, count=2, generator=generator)
        if split:
            wider, found = with_split_neurons(wider, found, layer=layer, count=2, generator=generator)
    found = random_symmetry(wider, generator=generator).apply(found[None])[0]
    return network(found.to(torch.bfloat16).double(), wider, torch.bfloat16)


def family(seed: int) -> dict[str, LineageNetwork]:
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(WIDE.num_parameters, generator=generator, dtype=torch.float64)
    tuned, cut = trained(base, generator), pruned(trained(base, generator))
    return {
        f"base {seed}": network(base),
        f"tuned {seed}": network(tuned),
        f"cut {seed}": network(cut),
        f"rounded {seed}": disguised(base, generator),
        f"grandchild {seed}": disguised(trained(cut, generator, size=0.02), generator, split=True),
    }


def found_in(
    networks: dict[str, LineageNetwork | Exception], settings: LineageSettings | None = None
) -> tuple[Lineage, dict[str, FamilyMember]]:
    names, values = list(networks), list(networks.values())

    def read(place: int) -> LineageNetwork:
        value = values[place]
        if isinstance(value, Exception):
            raise value
        return value

    found = find_lineage(names, read, settings=settings)
    return found, {one.name: one for one in found.members}


@pytest.fixture(scope="module")
def three_families() -> tuple[Lineage, dict[str, FamilyMember]]:
    return found_in({**family(0), **family(1), **family(2)})


@pytest.mark.slow
def test_families_are_found_in_every_disguise(
    three_families: tuple[Lineage, dict[str, FamilyMember]],
) -> None:
    found, _ = three_families
    names = [{one.name.split()[-1] for one in members} for members in found.families]
    assert sorted(map(len, names)) == [1, 1, 1] and len(found.members) == 15 and not found.unread


@pytest.mark.slow
def test_parents_and_what_tells_them(three_families: tuple[Lineage, dict[str, FamilyMember]]) -> None:
    _, members = three_families
    for seed in range(3):
        assert members[f"base {seed}"].parent is None and members[f"base {seed}"].evidence is None
        for child in ("tuned", "cut", "rounded"):
            assert members[f"{child} {seed}"].parent == f"base {seed}"
        assert members[f"cut {seed}"].evidence == "pruned"
        assert members[f"rounded {seed}"].evidence == "rounded"
        assert members[f"grandchild {seed}"].parent == f"cut {seed}"


def test_duplicates(three_families: tuple[Lineage, dict[str, FamilyMember]]) -> None:
    _, members = three_families
    for name, member in members.items():
        kind, seed = name.split()
        expected = {"base": (f"rounded {seed}",), "rounded": (f"base {seed}",)}.get(kind, ())
        assert member.duplicates == expected


def test_relatives_are_in_order_and_strangers_not_aligned(
    three_families: tuple[Lineage, dict[str, FamilyMember]],
) -> None:
    _, members = three_families
    relatives = members["base 0"].relatives
    assert len(relatives) == 10
    values = [one.likeness for one in relatives]
    assert values == sorted(values, reverse=True)
    assert relatives[0].name == "rounded 0" and relatives[0].likeness > 0.98
    assert all((one.distance is None) == (not one.name.endswith("0")) for one in relatives)


@pytest.mark.slow
def test_the_order_of_networks_does_not_matter(
    three_families: tuple[Lineage, dict[str, FamilyMember]],
) -> None:
    _, members = three_families
    turned = dict(reversed({**family(0), **family(1)}.items()))
    _, again = found_in(dict(turned))
    assert {name: again[name].parent for name in turned} == {name: members[name].parent for name in turned}


@pytest.mark.slow
def test_a_broken_network_is_one_line_and_the_others_are_done() -> None:
    broken = network(torch.full((WIDE.num_parameters,), torch.nan, dtype=torch.float64))
    networks: dict[str, LineageNetwork | Exception] = {
        "unreadable": CheckpointError("unreadable: no network is in it"),
        "nan": broken,
        **family(3),
    }
    found, members = found_in(networks)
    assert [one.name for one in found.unread] == ["unreadable", "nan"]
    assert found.unread[0].reason == "unreadable: no network is in it"
    assert found.unread[1].reason.startswith("nan: a network's activations for inputs of noise are beyond")
    assert len(members) == 5 and members["tuned 3"].parent == "base 3"


def test_networks_that_cannot_be_aligned_are_related_by_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SymmetryError("the group of this program cannot be computed")

    monkeypatch.setattr("scalegmn.alignment.Aligner.prepare", refuse)
    found, members = found_in({**family(0), **family(1)})
    assert len(found.families) == 2
    assert members["rounded 0"].evidence == "fingerprint" or members["rounded 0"].parent is None
    assert all(one.distance is None and one.same is None for one in members["base 0"].relatives)


@pytest.mark.slow
def test_strangers_whose_fingerprints_are_alike_are_told_apart_by_alignment() -> None:
    # Any two networks are alike enough for this limit.
    found, members = found_in({**family(0), **family(1)}, LineageSettings(related=-0.9))
    names = [{one.name.split()[-1] for one in group} for group in found.families]
    assert sorted(names) == [{"0"}, {"1"}]
    assert members["base 1"].parent is None


def test_numbers_tell_that_they_were_rounded() -> None:
    theta = torch.randn(WIDE.num_parameters, dtype=torch.float64)
    assert network(theta).kept_in == torch.float32
    for kind in (torch.bfloat16, torch.float16):
        assert network(theta.to(kind).double()).kept_in == kind
    partly = theta.bfloat16().double()
    partly[:30] = theta[:30]
    assert network(partly).kept_in == torch.bfloat16
    assert network(torch.zeros_like(theta)).kept_in == torch.float32
    generator = torch.Generator().manual_seed(7)
    base = torch.randn(WIDE.num_parameters, generator=generator, dtype=torch.float64)
    moved = random_symmetry(WIDE, generator=generator).apply(base[None])[0]
    _, members = found_in({"rounded": network(base.bfloat16().double()), "base": network(moved)})
    assert members["rounded"].parent == "base" and members["rounded"].evidence == "rounded"


@pytest.mark.slow
def test_progress_counts_every_network() -> None:
    amounts: list[float] = []
    networks = list(family(4).values())
    names = list(map(str, range(len(networks))))
    find_lineage(names, lambda place: networks[place], advance=amounts.append)
    assert sum(amounts) == pytest.approx(len(networks))


def test_one_network_and_none() -> None:
    _, members = found_in({"alone": network(torch.ones(WIDE.num_parameters).double())})
    assert members["alone"].parent is None and members["alone"].relatives == ()
    assert found_in({})[0].members == ()


@pytest.mark.slow
def test_networks_of_other_inputs_are_never_compared() -> None:
    other = mlp(widths=(7, 12, 5), activations=[Activation("relu")])
    one = network(torch.ones(WIDE.num_parameters).double())
    two = network(torch.ones(other.num_parameters).double(), other)
    found, members = found_in({"one": one, "two": two})
    assert len(found.families) == 2 and members["one"].relatives == ()


def test_plain_data() -> None:
    found, _ = found_in({"alone": network(torch.ones(WIDE.num_parameters).double())})
    assert found.to_dict() == {
        "networks": [
            {
                "name": "alone",
                "architecture": WIDE.describe(),
                "family": 0,
                "parent": None,
                "evidence": None,
                "same_as": [],
                "relatives": [],
            }
        ],
        "errors": [],
    }


def test_families_by_mean_likeness() -> None:
    # A chain: the ends are not alike, and one link is not enough to join them.
    likeness = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.4], [0.0, 0.4, 1.0]], dtype=np.float32)
    assert families_of(likeness, related=0.3) == [[0, 1], [2]]
    assert families_of(likeness, related=0.1) == [[0, 1, 2]]


def test_likeness_is_over_the_places_that_are_least_alike() -> None:
    first = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]
    second = [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]
    found = likeness_of(torch.tensor([first, second]))
    assert found.tolist() == [[1.0, pytest.approx(0.7)], [pytest.approx(0.7), 1.0]]


def test_many_networks_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = torch.nn.functional.normalize(torch.randn(7, 3, 4, generator=torch.Generator()), dim=2)
    whole = likeness_of(vectors)
    monkeypatch.setattr("scalegmn.alignment.lineage._likeness._ROWS", 2)
    assert np.allclose(likeness_of(vectors), whole, atol=1e-6)


def test_likeness_is_over_places_that_both_have() -> None:
    vectors = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert likeness_of(vectors).tolist() == [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


Read = Callable[[int], LineageNetwork]


@pytest.mark.slow
def test_settings_are_checked() -> None:
    assert dataclasses.replace(LineageSettings(), nearest=1).nearest == 1
    found, members = found_in(dict(family(5)), LineageSettings(nearest=1))
    assert all(len(one.relatives) == 1 for one in members.values())
    assert len(found.families) == 1

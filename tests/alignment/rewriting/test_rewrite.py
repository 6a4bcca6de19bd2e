"""Networks that are written anew in every way."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from scalegmn.alignment.rewriting import (
    REWRITINGS,
    Rewriting,
    RewritingKind,
    change_of_function,
    kinds_for,
    rewrite,
)
from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.networks import Activation, Conv, LayeredArchitecture, mlp
from scalegmn.registry import Registry

from .networks import NETWORKS, apart, drawn, normed

EXACT = ("unread", "split", "cancel", "group")


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_keeps_the_function_and_moves_statistics(name: str, kind: str) -> None:
    architecture, theta, inputs = drawn(name)
    wider, found = rewrite(architecture, theta, rewriting=Rewriting(kinds=(kind,)))
    layers = wider.layered(reader="this test")
    assert apart((architecture, theta), (layers, found), inputs) < 1e-9
    if kind == "group" and name == "sigmoid":
        # Permutations are all that it has.
        assert not torch.equal(found, theta) and torch.equal(found.sort()[0], theta.sort()[0])
        return
    moved = [
        float((wider.unflatten(found)[one.weight.name].std() / value.std()).log().abs())
        for one in architecture.weighted
        for value in (architecture.unflatten(theta)[one.weight.name],)
    ]
    assert max(moved) > 1e-3 or (kind == "group" and name in ("tanh", "sine", "padded"))
    assert not torch.equal(found, theta)


def test_all_exact_kinds_are_the_default() -> None:
    architecture, theta, inputs = drawn("sine")
    assert kinds_for(architecture, Rewriting()) == EXACT
    wider, found = rewrite(architecture, theta)
    assert apart((architecture, theta), (wider.layered(reader="this test"), found), inputs) < 1e-9
    assert wider.layered(reader="this test").stages[0].weighted.outputs == 5 + 1 + 2 + 4
    again = rewrite(architecture, theta)
    assert again[0] == wider and torch.equal(again[1], found)
    other = rewrite(architecture, theta, rewriting=Rewriting(seed=1))
    assert not torch.equal(other[1], found)


@pytest.mark.slow
def test_programs_are_moved_by_their_group_and_their_gains() -> None:
    architecture, theta = normed()
    assert kinds_for(architecture, Rewriting()) == ("unread", "split", "cancel", "gains", "group")
    for kind in ("gains", "group"):
        same, found = rewrite(architecture, theta, rewriting=Rewriting(kinds=(kind,)))
        assert same is architecture
        assert change_of_function((architecture, theta), (same, found)) < 1e-9
        assert float((found - theta).abs().max()) > 1
    both = rewrite(architecture, theta, rewriting=Rewriting(kinds=("gains", "group")))[1]
    state, before = (architecture.unflatten(x) for x in (both, theta))
    assert all(not torch.equal(state[name], before[name]) for name in ("0.weight", "1.weight", "5.weight"))


def test_gains_leave_other_scales_alone() -> None:
    architecture, theta = normed()
    _, found = rewrite(architecture, theta, rewriting=Rewriting(kinds=("gains",)))
    # The outputs of the last map are nobody's gain.
    assert torch.equal(architecture.unflatten(found)["6.bias"], architecture.unflatten(theta)["6.bias"])
    _, again = rewrite(architecture, found, rewriting=Rewriting(kinds=("gains",), spread=1))
    assert torch.allclose(again, found, rtol=1e-12)


def test_rounding_is_apart() -> None:
    architecture, theta, inputs = drawn("relu")
    assert "rounding" not in kinds_for(architecture, Rewriting())
    same, found = rewrite(architecture, theta, rewriting=Rewriting(kinds=("rounding",)))
    assert same is architecture and torch.equal(found, theta.bfloat16().double())
    assert 1e-5 < apart((architecture, theta), (architecture, found), inputs) < 0.1


def test_what_is_not_admitted_is_refused() -> None:
    grouped = LayeredArchitecture((Conv("a", 2, 4, (1, 1), groups=2), Conv("b", 4, 1, (1, 1))))
    with pytest.raises(ArchitectureError, match="'split': no hidden layer has a width of its own"):
        rewrite(grouped, torch.ones(17), rewriting=Rewriting(kinds=("split",)))
    network = mlp(widths=(2, 3, 1), activations=[Activation("relu")])
    with pytest.raises(ArchitectureError, match="'gains': it has no norms"):
        rewrite(network, torch.ones(13), rewriting=Rewriting(kinds=("gains",)))
    with pytest.raises(
        ArchitectureError, match=r"more neurons in each place .* expected at most 67108864; add"
    ):
        rewrite(network, torch.ones(13), rewriting=Rewriting(kinds=("unread",), neurons=10**9))


def test_a_wrong_kind_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubled(RewritingKind):
        def refusal(self, architecture):  # type: ignore[no-untyped-def]
            return None

        def apply(self, architecture, theta, *, rewriting, generator):  # type: ignore[no-untyped-def]
            return architecture, 2 * theta

    architecture, theta, _ = drawn("relu")
    known = Registry("kind of rewriting", entries={"group": Doubled()})
    monkeypatch.setattr("scalegmn.alignment.rewriting._rewrite.REWRITINGS", known)
    with pytest.raises(SymmetryError, match="computes something else after group"):
        rewrite(architecture, theta, rewriting=Rewriting(kinds=("group",)))


def test_counts_and_names() -> None:
    assert dataclasses.replace(Rewriting(), fraction=0.1).count(4) == 1
    assert all(REWRITINGS.get(name).exact == (name != "rounding") for name in REWRITINGS.names())
    with pytest.raises(Exception, match="one of unread, split"):
        Rewriting(kinds=("merge",))

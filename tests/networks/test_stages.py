"""Layers grouped by the weighted layer that they follow."""

from __future__ import annotations

from scalegmn.networks import Activate, Activation, Conv, Flatten, Pool, Stage
from scalegmn.networks._stages import stages_of

CONV = Conv("a", 1, 2, (3, 3))
TANH = Activate(Activation("tanh"))


def test_grouping() -> None:
    last = Conv("b", 2, 1, (1, 1))
    assert stages_of([Pool("max", (2, 2)), CONV, TANH, Pool("max"), last]) == (
        Stage(CONV, (TANH, Pool("max"))),
        Stage(last, ()),
    )
    assert stages_of([]) == stages_of([Flatten()]) == ()


def test_properties() -> None:
    assert Stage(CONV, (Pool("average"), TANH)).activate == TANH
    assert Stage(CONV, ()).activate == Activate(Activation("identity"))
    assert Stage(CONV, (TANH, Pool("max"))).max_pooled
    assert not Stage(CONV, (TANH, Pool("average"))).max_pooled

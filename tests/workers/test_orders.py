from __future__ import annotations

import types

import pytest
import torch

from scalegmn.workers import _orders
from scalegmn.workers._orders import Orders

from .work_cases import Square


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_orders, "ray_module", lambda: types.SimpleNamespace(put=lambda work: "reference"))


def test_a_work_is_sent_once() -> None:
    orders, work = Orders(torch.device("cpu")), Square()
    assert orders.order(work) is orders.order(work)
    orders.forget()
    assert orders.order(work).box == ["reference"]


def test_no_work_has_the_order_of_one_before_it() -> None:
    # A work that is gone leaves its place in memory, and so its id, to the next one.
    orders = Orders(torch.device("cpu"))
    assert len({orders.order(Square()).key for _ in range(50)}) == 50

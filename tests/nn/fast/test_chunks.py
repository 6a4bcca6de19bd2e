"""Numbers of rows at a time."""

from __future__ import annotations

import pytest
import torch

from scalegmn.nn.fast._chunks import chunk_rows, chunks


@pytest.fixture(autouse=True)
def few_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalegmn.nn.fast._chunks._CPU_NUMBERS", 20)
    monkeypatch.setattr("scalegmn.nn.fast._chunks._GPU_NUMBERS", 50)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)


@pytest.mark.parametrize(("width", "rows"), [(1, 20), (3, 6), (20, 1), (21, 1), (1000, 1), (0, 20)])
def test_rows_within_the_numbers(width: int, rows: int) -> None:
    with torch.no_grad():
        assert chunk_rows(torch.empty(5, width)) == rows
        # However many rows there are.
        assert chunk_rows(torch.empty(0, width)) == rows


def test_all_rows_where_a_gradient_needs_them() -> None:
    x = torch.empty(5, 3)
    assert chunk_rows(x) is None
    with torch.inference_mode():
        assert chunk_rows(x) == 6
    with torch.no_grad():
        assert chunk_rows(x) == 6
        with torch.enable_grad():
            assert chunk_rows(x) is None


def test_all_rows_while_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with torch.no_grad():
        assert chunk_rows(torch.empty(5, 3)) is None


def test_every_thread_has_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    with torch.no_grad():
        assert chunk_rows(torch.empty(5, 3)) == 26
        # Devices other than CPUs have numbers of their own, whatever the threads.
        assert chunk_rows(torch.empty(5, 3, device="meta")) == 16


@pytest.mark.parametrize(
    ("count", "most", "ends"),
    [
        (7, 3, [3, 6, 7]),
        (6, 3, [3, 6]),
        (2, 3, [2]),
        (3, 1, [1, 2, 3]),
        (7, None, [7]),
        (0, 3, []),
        (0, None, []),
    ],
)
def test_slices_follow_each_other(count: int, most: int | None, ends: list[int]) -> None:
    parts = chunks(count, most)
    assert [part.stop for part in parts] == ends
    assert [part.start for part in parts] == [0, *ends][: len(ends)]

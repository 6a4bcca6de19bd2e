"""The examples in docstrings of `scalegmn.testing` run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import scalegmn.testing

MODULES = [entry.name for entry in pkgutil.iter_modules(scalegmn.testing.__path__, "scalegmn.testing.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_found() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [
        test.name for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples
    ]
    for public in ("assert_invariant", "assert_equivariant", "WeightLists", "StateDicts", "Modules"):
        assert any(name.endswith(f".{public}") for name in found)

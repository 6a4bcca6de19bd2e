"""The documentation site, as far as it can be checked without building it: `make docs` and `.ci/run` do that.

Every page is in the navigation, everything public is explained once, and nothing comes from elsewhere.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scalegmn import ScaleGMN

ROOT = Path(__file__).parents[1]
HOOKS = ROOT / "docs" / "hooks"
# Pages that are made of files of the root folder; docs/hooks/site.py says which.
FROM_ROOT = {"index.md", "changelog.md", "contributing.md", "security.md"}


@pytest.fixture(scope="module")
def public_names() -> Iterator[Any]:
    """The module of the hooks that reads the stubs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HOOKS))
        yield importlib.import_module("public_names")
        sys.modules.pop("public_names")


def entries(nav: Any) -> Iterator[str]:
    """Pages and placeholders of a navigation."""
    if isinstance(nav, str):
        yield nav
    for entry in nav if isinstance(nav, list) else nav.values() if isinstance(nav, dict) else []:
        yield from entries(entry)


def test_every_page_is_in_the_navigation_once() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = [entry for entry in entries(config["nav"]) if not entry.startswith("<")]
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(named) == sorted(pages - {"README.md"} | FROM_ROOT)


def test_the_overview_of_the_files_names_every_page() -> None:
    overview = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in overview, (
            f"{page.name} is not in docs/README.md"
        )


def test_every_public_name_is_explained_once(public_names: Any) -> None:
    packages = public_names.packages()
    explained: list[str] = []
    for package in packages.values():
        explained += [export.path for export in package.exports if export.explained_here]
        for export in package.exports:
            assert export.home in packages, f"{export.package}.{export.name} has no page"
    assert len(explained) == len(set(explained)) > 600


def test_the_reference_holds_what_packages_say_is_public(public_names: Any) -> None:
    for name in ("scalegmn", "scalegmn.nn", "scalegmn.testing", "scalegmn.trojans.scanning"):
        package = public_names.packages()[name]
        shown = {*(export.name for export in package.exports), *package.children}
        assert shown == {public for public in importlib.import_module(name).__all__ if public[:2] != "__"}


def test_a_name_is_explained_where_it_comes_from(public_names: Any) -> None:
    front = {export.name: export for export in public_names.packages()["scalegmn"].exports}
    assert front["trace"].path == "scalegmn.programs.tracing.trace"
    assert front["ScaleGMN"].home == "scalegmn.models" and not front["ScaleGMN"].explained_here
    assert front["ScaleGMN"].summary == " ".join(ScaleGMN.__doc__.split("\n\n")[0].split())


def test_nothing_is_fetched_from_elsewhere() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert config["theme"]["font"] is False and config["strict"] is True
    for name in ("extra_css", "extra_javascript"):
        assert not any("//" in path for path in config.get(name, []))

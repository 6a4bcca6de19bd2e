"""The API reference: one page for each package with public names, each name on one page."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import Any

from public_names import LIBRARY, Export, Package, packages

ROLE = re.compile(r":\w+:`~?([\w.]+)`")


def pages() -> dict[str, str]:
    """Markdown by page."""
    return {package.page: page(package) for package in packages().values()}


def navigation() -> list[Any]:
    """The tree of packages; a package with others in it is a section whose first page is its own."""
    found = packages()
    top = [name for name in found if name.count(".") == 1]
    return [found[LIBRARY].page, *(_entry(found[name]) for name in top)]


def page(package: Package) -> str:
    """Title, what the package is, a table of what it exports, and then everything it is the home of."""
    parts = [
        f"# {package.name} {{ #{package.name} }}",
        f"::: {package.name}\n    options:\n      members: false\n      show_root_heading: false\n"
        "      show_root_toc_entry: false",
        _table("Package", [_package_row(child, package) for child in _inner(package)]),
        _table("Name", [_row(export) for export in package.exports]),
        *(f"::: {export.path}" for export in package.exports if export.explained_here),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _entry(package: Package) -> Any:
    title = package.name.rpartition(".")[2]
    inner = _inner(package)
    if not inner:
        return {title: package.page}
    return {title: [package.page, *(_entry(child) for child in inner)]}


def _inner(package: Package) -> list[Package]:
    found = packages()
    depth = package.name.count(".") + 1
    return [found[name] for name in found if name.startswith(f"{package.name}.") and name.count(".") == depth]


def _table(title: str, rows: list[str]) -> str:
    return "\n".join([f"| {title} | |", "| --- | --- |", *rows]) if rows else ""


def _package_row(package: Package, parent: Package) -> str:
    page = os.path.relpath(package.page, PurePosixPath(parent.page).parent)
    return f"| [`{package.name}`]({page}) | {_plain(package.summary)} |"


def _row(export: Export) -> str:
    return f"| [`{export.name}`][{export.path}] | {_plain(export.summary)} |"


def _plain(summary: str) -> str:
    """A summary without roles and without what would end a cell of a table."""
    summary = re.sub(r":math:`([^`]+)`", r"$\1$", summary)
    return ROLE.sub(r"`\1`", summary).replace("|", "\\|")

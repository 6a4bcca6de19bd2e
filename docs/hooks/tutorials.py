"""Tutorials: scripts of examples/ in the percent format, shown with what they print and draw."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def navigation() -> list[str]:
    """The pages in order."""
    return []


def pages() -> dict[str, str | bytes]:
    """Pages and pictures."""
    return {}


def source_of(page: str) -> str | None:
    """The script that a page shows."""
    return f"examples/{Path(page).stem}.py" if page.startswith("tutorials/") else None


def page_of(source: str) -> str | None:
    """The page that shows a script."""
    path = Path(source)
    return f"tutorials/{path.stem}.md" if path.match("examples/*.py") else None

"""Pictures of two tables in the docs, drawn from the tables: nothing is measured anew.

    python -m benchmarks.page_pictures [--output docs/pictures]

`scaling.png` shows the table of `docs/performance.md`, `trojans_few.png` that of few networks in
`docs/results.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from benchmarks import scaling
from PIL import Image

from scalegmn.reports import MeasuredLine, draw_measured, save_figure

DOCS: Final = Path(__file__).parents[1] / "docs"


def table(page: str, beginning: str) -> list[list[str]]:
    """The cells of the table of a page whose heading begins so, with the heading."""
    text = (DOCS / page).read_text(encoding="utf-8")
    assert beginning in text, f"{page} has no table that begins with {beginning!r}"
    lines = (beginning + text.partition(beginning)[2]).partition("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


def draw_scaling(path: Path) -> None:
    _, *rows = table("performance.md", "| edges | processor seconds |")
    scaling.draw([(int(row[0].replace(",", "")), float(row[1]), float(row[3])) for row in rows], path)


def draw_few(path: Path) -> None:
    (_, *columns), *rows = table("results.md", "| model | 68 pairs | 147 |")
    places = [float(column.split()[0]) for column in columns]
    lines = {
        name: MeasuredLine(
            places=places,
            values=[float(value) if value else None for value in values],
            bars=[None] * len(places),
        )
        for name, *values in rows
    }
    figure = draw_measured(
        lines,
        label="pairs of twins to learn from",
        figure_label="AUROC",
        title="Trojan detection: 406 test networks of 72 base networks",
        ratios=True,
    )
    save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=DOCS / "pictures")
    folder: Path = parser.parse_args().output
    for name, draw in (("scaling.png", draw_scaling), ("trojans_few.png", draw_few)):
        draw(folder / name)
        # Few colors are enough, and a third of the bytes.
        few = Image.open(folder / name).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        few.save(folder / name, optimize=True)
        print(folder / name)


if __name__ == "__main__":
    main()

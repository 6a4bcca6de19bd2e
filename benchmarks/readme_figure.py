"""The figure of README.md: accuracies of four models, and how many predictions change under symmetries.

    python -m benchmarks.readme_figure [--output docs/pictures/readme.png]

Its numbers stand in `readme_figure.json`, and the commands that measured them in `docs/results.md`, section
"FashionMNIST-INRs under rewriting".
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from scalegmn.reports import BLUE, GRAY, INK, ORANGE, TEXT, new_figure, save_figure, tidy

NUMBERS: Final = Path(__file__).with_name("readme_figure.json")
HEIGHT: Final = 0.62
LARGE: Final = 13.5
PALE: Final = "#F3F3F3"


def draw(models: list[dict[str, Any]]) -> Figure:
    """Two panels with a row for each model: accuracy, and predictions that change."""
    figure = new_figure(width=10.5, height=3.7)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.25, 1])
    _panel(left, models, "Correct predictions", "accuracy")
    _panel(right, models, "Predictions that change\nwhen networks are rewritten", "changed")
    left.axvline(0.1, color=INK, linewidth=1, linestyle=(0, (2, 2)), zorder=3)
    left.annotate(
        "chance", (0.1, len(models) - 0.52), (5, 0), textcoords="offset points", color=INK, va="center"
    )
    left.set_yticks(range(len(models)), [model["name"] for model in models], fontsize=LARGE, color=INK)
    left.set_ylim(len(models) - 0.35, -0.6)
    return figure


def _panel(axes: Axes, models: list[dict[str, Any]], title: str, key: str) -> None:
    tidy(axes, title=title)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    for row, model in enumerate(models):
        ours = model["name"].startswith("ScaleGMN")
        color = (BLUE if ours else GRAY) if key == "accuracy" else ORANGE
        axes.barh(row, 1, height=HEIGHT, color=PALE, zorder=1)
        axes.barh(row, model[key], height=HEIGHT, color=color, zorder=2)
        inside = model[key] > 0.8
        axes.annotate(
            f"{100 * model[key]:.0f} %",
            (model[key], row),
            (-7 if inside else 7, 0),
            textcoords="offset points",
            ha="right" if inside else "left",
            va="center",
            color="white" if inside else INK,
            fontsize=LARGE,
            fontweight="bold" if ours else "normal",
            zorder=4,
        )
    axes.tick_params(axis="x", labelsize=TEXT)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("docs/pictures/readme.png"))
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8"))
    path = save_figure(draw(numbers["models"]), parser.parse_args().output)
    few = Image.open(path).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scalegmn.reports import new_figure, save_figure

PNG = b"\x89PNG\r\n\x1a\n"


def test_saving_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.png"
    for _ in range(2):
        assert save_figure(new_figure(width=1.0, height=1.0), path) == path
    assert path.read_bytes().startswith(PNG)
    assert [entry.name for entry in path.parent.iterdir()] == ["b.png"]


def test_same_picture_same_bytes(tmp_path: Path) -> None:
    pictures = [save_figure(new_figure(width=2.0, height=1.0), tmp_path / f"{i}.png") for i in range(2)]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_failed_saving_keeps_the_old_picture(tmp_path: Path) -> None:
    path = save_figure(new_figure(width=1.0, height=1.0), tmp_path / "a.png")
    before = path.read_bytes()
    broken = new_figure(width=1.0, height=1.0)
    broken.text(0.5, 0.5, r"$\nonsense{$")
    with pytest.raises(ValueError, match="nonsense"):
        save_figure(broken, path)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_pyplot_stays_out() -> None:
    code = (
        "import sys, scalegmn.reports._overview, scalegmn.reports._curves, scalegmn.reports._confusion;"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_figure_shows_itself_in_a_notebook(tmp_path: Path) -> None:
    figure = new_figure(width=1.0, height=1.0)
    shown = figure._repr_png_()  # type: ignore[attr-defined]
    assert shown == save_figure(figure, tmp_path / "figure.png").read_bytes()

from __future__ import annotations

from pathlib import Path

import pytest

from scalegmn.cli.main import main
from tests.populations.test_joining import twins


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [
        str(twins(tmp_path / "one", seed=1).folder),
        str(twins(tmp_path / "two", seed=2, more=[1] * 4).folder),
    ]
    assert main(["join", *folders, "-o", str(tmp_path / "both"), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "8 networks of 1 architecture are in" in out and "were left out: more" in out
    assert main(["join", folders[0], "-o", str(tmp_path / "other"), "--quiet"]) != 0
    assert "expected two or more" in capsys.readouterr().err

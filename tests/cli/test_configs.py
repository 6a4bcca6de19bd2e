from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalegmn.cli.exit_codes import OK, USAGE
from scalegmn.cli.main import main
from scalegmn.comparison import parse_comparison
from scalegmn.training import shipped_names


def test_names_with_their_purposes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["configs", "--json", "-"]) == OK
    out, error = capsys.readouterr()
    found = {one["name"]: one for one in json.loads(out)}
    assert set(found) == set(shipped_names())
    assert found["trojans/compare_detection"]["command"] == "compare"
    assert all(one["purpose"] and one["purpose"] in error for one in found.values())


def test_a_copy_is_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "mine.yaml"
    assert main(["configs", "inr_classification/digits", "-o", str(target)]) == OK
    assert main(["configs", "inr_classification/digits"]) == OK
    assert capsys.readouterr().out == target.read_text(encoding="utf-8")
    assert main(["configs", "inr_editing/digits", "-o", str(target)]) == USAGE
    assert "exists and was left alone" in capsys.readouterr().err
    assert main(["configs", "inr_editing/digits", "-o", str(tmp_path)]) == OK
    assert (tmp_path / "inr_editing" / "digits.yaml").is_file()


@pytest.mark.slow
def test_copies_mean_the_same_wherever_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["configs", "-o", str(tmp_path / "configs"), "-q"]) == OK
    assert not capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "configs")
    assert {path.relative_to(".").with_suffix("").as_posix() for path in Path().rglob("*.yaml")} == set(
        shipped_names()
    )
    # Comparisons name what they are based on.
    for name in ("trojans/compare_few", "generalization/compare_mixed_cnns", "inr_editing/compare_mnist"):
        copied, problems = parse_comparison(["--config", f"{name}.yaml"])
        original, _ = parse_comparison(["--config", name])
        assert copied == original and not problems


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["inr_classification/digits", "inr_editing/digits"], "2 names were given, expected one"),
        (["inr_classification/digit"], "did you mean inr_classification/digits?"),
        (["inr_classification/digit", "-o", "x.yaml"], "did you mean inr_classification/digits?"),
    ],
)
def test_wrong_names(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["configs", *words]) == USAGE
    assert told in capsys.readouterr().err and not list(tmp_path.iterdir())

"""Models on networks before and after they are written anew, of one run and of a comparison."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from scalegmn.cli.exit_codes import DATA, OK, USAGE
from scalegmn.cli.main import main
from tests.comparison.cases import comparison_file
from tests.training.small import small_population

QUICK = ["--draws", "1", "--neurons", "1"]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rewrites")
    population = small_population(folder / "population", networks=48).folder
    path = comparison_file(folder, population, seeds=[0])
    assert main(["compare", "--config", str(path)]) == OK
    return folder / "out"


@pytest.mark.slow
def test_a_comparison_is_one_table_and_one_picture(
    comparison: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(comparison), "--rewrites", *QUICK]) == OK
    shown = capsys.readouterr().out
    assert "accuracy on networks written anew" in shown and "cannot read it" in shown
    assert "Changed predictions, and the largest move" in shown
    found = json.loads((comparison / "rewrites.json").read_text())
    assert {row["model"] for row in found["rewrites"]} == {"ScaleGMN", "flat MLP"} and found["draws"] == 1
    ours = {
        (row["rewriting"], row["reduced"]): row for row in found["rewrites"] if row["model"] == "ScaleGMN"
    }
    assert ours["group", False]["largest_move"] < 1e-3 < ours["split", False]["largest_move"]
    with (comparison / "rewrites.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(found["rewrites"])
    assert (comparison / "rewrites.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_one_run_is_evaluated_as_ever_and_on_rewritten_networks(
    comparison: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = comparison / "scalegmn-seed0"
    assert main(["evaluate", str(run), "--rewrites", "group,split", *QUICK]) == OK
    shown = capsys.readouterr().out
    assert "Networks written anew" in shown and "as they are" in shown and "split, reduced" in shown
    assert (run / "evaluation-same-test.json").is_file()
    found = json.loads((run / "evaluation-same-test-rewrites.json").read_text())
    assert [row["rewriting"] for row in found["rewrites"]] == ["group", "split", "as they are", "split"]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--rewrites", "splitt"], USAGE, "did you mean 'split'?"),
        (["--rewrites", ","], USAGE, "--rewrites names no kinds"),
        (["--rewrites", "gains"], DATA, "it has no norms"),
        (["--rewrites", "--draws", "0"], USAGE, "--draws is 0, expected a number from 1 to 1,000"),
        (["--rewrites", "--spread", "0.5"], USAGE, "--spread is 0.5"),
    ],
)
def test_bad_input_is_one_sentence(
    comparison: Path, options: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(comparison), *options]) == code
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


@pytest.mark.parametrize("content", ["", "model,seed\na,0\n", "model,folder\n", "\x00"])
def test_a_damaged_comparison_is_one_sentence(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs.csv").write_text(content)
    assert main(["evaluate", str(tmp_path), "--rewrites"]) == USAGE
    error = capsys.readouterr().err
    assert "runs.csv" in error and error.count("\n") == 1

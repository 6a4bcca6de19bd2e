from __future__ import annotations

from pathlib import Path

import pytest

from scalegmn.cli import configs
from scalegmn.cli.main import main
from scalegmn.comparison import parse_comparison
from scalegmn.errors import ConfigurationError
from scalegmn.models import ModelConfig
from scalegmn.training import (
    describe_configuration,
    find_configuration,
    is_comparison,
    parse_config,
    shipped_names,
    text_of,
)


def test_all_are_named_and_described() -> None:
    names = shipped_names()
    assert "inr_classification/mnist" in names and "trojans/compare_detection" in names
    assert len(names) >= 40
    assert all(20 < len(describe_configuration(name)) < 150 for name in names)
    assert is_comparison("trojans/compare_detection") and not is_comparison("trojans/detection")


@pytest.mark.parametrize("given", ["inr_classification/mnist", "inr_classification/mnist.yaml"])
def test_found_by_name_from_any_folder(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config, problems = parse_config(["--config", given])
    assert not problems and config is not None
    assert config.options.of(ModelConfig).features == 128
    assert config.data.population == Path("populations/mnist_inrs")


def test_a_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "inr_classification" / "mnist"
    own.parent.mkdir()
    own.write_text("data: {population: p}\nmodel: {features: 3}\n")
    config, _ = parse_config(["--config", "inr_classification/mnist"])
    assert config is not None and config.options.of(ModelConfig).features == 3


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("inr_clasification/mnist", "did you mean inr_classification/mnist?"),
        ("configs/inr_classification/mnist_bidir.yaml", "did you mean inr_classification/mnist_bidir?"),
        ("nothing like it", "`scalegmn configs` lists them"),
        ("../../errors", "`scalegmn configs` lists them"),
        ("\x1b[31m" * 10, "`scalegmn configs` lists them"),
    ],
)
def test_unknown_names_are_one_sentence(given: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match="no configuration of this name ships") as caught:
        find_configuration(given)
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()


def test_paths_are_found_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    (project / "nets").mkdir(parents=True)
    (elsewhere / "other").mkdir(parents=True)
    (project / "base.yaml").write_text("data: {population: nets, test_population: other}\noutput: out\n")
    (project / "compare.yaml").write_text("base: base.yaml\nmodels: {a: {}}\n")
    monkeypatch.chdir(elsewhere)
    config, problems = parse_config(["--config", str(project / "base.yaml")])
    assert not problems and config is not None
    assert config.data.population == project / "nets"
    # Not beside the file: left to the current folder, as is what does not exist yet.
    assert (config.data.test_population, config.output) == (Path("other"), Path("out"))
    comparison, problems = parse_comparison(["--config", str(project / "compare.yaml")])
    assert not problems and comparison is not None
    assert comparison.models[0].config.data.population == project / "nets"
    # Options of the command line are the user's own, in the current folder.
    (elsewhere / "nets").mkdir()
    config, _ = parse_config(["--config", str(project / "base.yaml"), "--data.population", "nets"])
    assert config is not None and config.data.population == Path("nets")


def test_a_base_may_be_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: [inr_classification/digits, {model.features: 5}]\nmodels: {a: {}}\n")
    config, problems = parse_comparison(["--config", str(path)])
    assert not problems and config is not None
    assert config.models[0].config.options.of(ModelConfig).features == 5
    path.write_text("base: inr_classification/digit\nmodels: {a: {}}\n")
    assert any(
        "did you mean inr_classification/digits?" in m for m in parse_comparison(["--config", str(path)])[1]
    )


def test_command_lists_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert configs.run([]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in shipped_names())
    assert configs.run(["inr_editing/digits"]) == 0
    assert capsys.readouterr().out.rstrip() == text_of("inr_editing/digits").rstrip()
    assert main(["configs", "inr_editing/digit"]) == 2
    assert "did you mean inr_editing/digits?" in capsys.readouterr().err


def test_a_configuration_of_the_other_command_or_an_unknown_one_is_one_mistake() -> None:
    assert parse_config(["--config", "generalization/compare_small"])[1] == [
        "--config generalization/compare_small: describes a comparison; give it to scalegmn compare"
    ]
    assert parse_comparison(["--config", "inr_classification/digits"])[1] == [
        "--config inr_classification/digits: describes one training; give it to scalegmn train"
    ]
    (problem,) = parse_config(["--config", "inr_classification/digit"])[1]
    assert "did you mean inr_classification/digits?" in problem

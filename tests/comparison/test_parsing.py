from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scalegmn.comparison import compare_help_parser, parse_comparison
from scalegmn.models import Direction, ModelConfig, Symmetry
from scalegmn.models.baselines import FlatMLPConfig
from scalegmn.training._shipped import FOLDER
from tests.comparison.cases import base, comparison_file, configured

EXAMPLES = sorted(FOLDER.rglob("compare*.yaml"))
NOWHERE = Path("nowhere")


def mistakes_in(path: Path, *options: str) -> list[str]:
    return parse_comparison(["--config", str(path), *options])[1]


def test_models_are_the_base_with_differences(tmp_path: Path) -> None:
    models = {
        "plain": {},
        "both ways": {"model.direction": "bidirectional", "training": {"learning_rate": 1e-4}},
        "permutation-only": {"model": {"symmetry": "permutation"}},
        "flat MLP": {"metanetwork": "flat_mlp", "flat_mlp.hidden": [7]},
    }
    config = configured(comparison_file(tmp_path, NOWHERE, models=models))
    plain, both, permutation, flat = (model.config for model in config.models)
    assert [model.slug for model in config.models] == ["plain", "both-ways", "permutation-only", "flat-mlp"]
    for own, direction in ((plain, Direction.forward), (both, Direction.bidirectional)):
        model = own.options.of(ModelConfig)
        assert (model.features, model.direction) == (4, direction)
    assert (both.training.learning_rate, plain.training.learning_rate) == (1e-4, 0.01)
    assert permutation.options.of(ModelConfig).symmetry is Symmetry.permutation
    assert (flat.metanetwork, flat.options.of(FlatMLPConfig).hidden) == ("flat_mlp", (7,))
    assert (config.reference, config.only) == ("plain", tuple(models))


def test_every_model_runs_with_every_seed_in_a_folder_of_its_own(tmp_path: Path) -> None:
    config = configured(comparison_file(tmp_path, NOWHERE))
    runs = [(run.model, run.seed, run.config.training.seed, run.folder.name) for run in config.runs]
    assert runs == [
        ("ScaleGMN", 0, 0, "scalegmn-seed0"),
        ("flat MLP", 0, 0, "flat-mlp-seed0"),
        ("ScaleGMN", 1, 1, "scalegmn-seed1"),
        ("flat MLP", 1, 1, "flat-mlp-seed1"),
    ]
    # The choice of networks does not depend on the seed of the training.
    assert {run.config.data.split_seed for run in config.runs} == {0}


def test_the_base_may_be_files_one_over_the_other(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(base(NOWHERE)))
    parts = [str(tmp_path / "run.yaml"), {"training.epochs": 9, "data": {"batch_size": 3}}]
    for given, epochs in ((str(tmp_path / "run.yaml"), 1), (parts, 9)):
        config = configured(comparison_file(tmp_path, NOWHERE, base=given))
        assert config.models[0].config.training.epochs == epochs
        assert config.models[0].config.data.population == NOWHERE


def test_the_command_line_goes_over_the_file(tmp_path: Path) -> None:
    path = comparison_file(tmp_path, NOWHERE, models={"a": {}, "b b": {"training.epochs": 3}, "c": {}})
    options = "--base.training.epochs 5 --base.model.skip --seeds 3 1 2 --output o --jobs=2 --resume --only c"
    config = configured(path, *options.split(), "b b", "--reference", "b b")
    assert [model.config.training.epochs for model in config.models] == [5, 3, 5]
    assert config.models[0].config.options.of(ModelConfig).skip
    assert (config.seeds, config.output, config.jobs) == ((3, 1, 2), Path("o"), 2)
    assert (config.resume, config.only, config.reference) == (True, ("c", "b b"), "b b")
    assert {run.model for run in config.selected_runs} == {"b b", "c"}
    assert configured(path, "--seeds", "[4, 5]").seeds == configured(path, "--seeds=[4,5]").seeds == (4, 5)


def test_trainings_side_by_side_are_quiet(tmp_path: Path) -> None:
    path = comparison_file(tmp_path, NOWHERE, base=base(NOWHERE) | {"logging": {"progress": True}})
    for jobs, progress in (("1", True), ("2", False)):
        assert configured(path, "--jobs", jobs).runs[0].config.logging.progress is progress


def test_an_output_has_the_name_of_the_file(tmp_path: Path) -> None:
    assert configured(comparison_file(tmp_path, NOWHERE, output=None)).output == Path("runs/comparison")


def test_mistakes_of_all_models_at_once(tmp_path: Path) -> None:
    models = {
        "a": {"model.feature": 3},
        "b": {"model": {"layers": 0}},
        "c": {"training": {"epochs": "many"}},
        "d": {"model": {"skip": True}, "model.skip": False},
        "e": 5,
        "A": {},
    }
    wrong = base(NOWHERE) | {"training": {"learning_rate": -1.0}}
    path = comparison_file(tmp_path, NOWHERE, base=wrong, models=models, seeds=[1, 1], referense="a")
    found = mistakes_in(path, "--only", "a", "z", "--job", "2")
    expected = (
        "command line: unknown option --job; did you mean --jobs?",
        "unknown key 'referense'; did you mean 'reference'?",
        "seeds is [1, 1], expected different entries",
        "training.learning_rate is -1.0",
        "models.a: unknown key 'model.feature'; did you mean 'model.features'?",
        "models.b: ",
        "models.c: training.epochs is 'many'",
        "models.d: model.skip is given twice",
        "models.e is 5, expected keys",
        "'a' and 'A' would share the folders",
        "only: there is no model 'z'; there are 'a', 'b'",
    )
    for words in expected:
        assert sum(words in problem for problem in found) == 1, words
    # An error of the base is told once, not for every model.
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"data.split_seed": 3}, "data.split_seed is 3, but 0 in the base"),
        ({"data.where": {"label": 1}}, "data.where is {'label': 1}, but {} in the base"),
        ({"task": "regression"}, "must be the same for all"),
        ({"training.seed": 3}, "training.seed is decided by the comparison"),
        ({"output": "x"}, "output is decided by the comparison"),
        ({"training.devices": 2}, "training.devices is 2, expected 1"),
    ],
)
def test_models_cannot_be_judged_differently(own: dict[str, object], words: str, tmp_path: Path) -> None:
    (problem,) = mistakes_in(comparison_file(tmp_path, NOWHERE, models={"a": {}, "b": own}))
    assert "models.b: " in problem
    assert words in problem


def test_models_are_judged_by_one_edit(tmp_path: Path) -> None:
    models = {"a": {}, "b": {"editing.edit": "erosion"}, "c": {"editing.image_source": "digits"}}
    editing = {**base(NOWHERE), "task": "inr_editing", "editing": {"image_source": "digits"}}
    (problem,) = mistakes_in(comparison_file(tmp_path, NOWHERE, base=editing, models=models))
    assert "models.b: editing.edit is 'erosion'" in problem


def test_models_may_differ_in_how_they_learn(tmp_path: Path) -> None:
    own = {"data": {"batch_size": 5, "train_limit": 10, "canonicalize": False}, "regression.rank_weight": 1.0}
    assert mistakes_in(comparison_file(tmp_path, NOWHERE, models={"a": {}, "b": own})) == []
    # What is said again and not changed does no harm.
    assert mistakes_in(comparison_file(tmp_path, NOWHERE, models={"a": {"data.split_seed": 0}})) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": None}, "base is missing"),
        ({"base": 5}, "base is 5, expected sections with keys, or a path"),
        ({"base": "nowhere.yaml"}, "nowhere.yaml: cannot be read"),
        ({"base": {"training": {"epochs": 1}}}, "data.population is missing"),
        ({"models": {}}, "models is {}, expected the name of each"),
        ({"models": {"?": {}}}, "the name '?' has no letter"),
        ({"reference": "z"}, "reference: there is no model 'z'"),
        ({"seeds": []}, "seeds is [], expected one or more"),
        ({"seeds": "many"}, "seeds is 'many'"),
        ({"jobs": 0}, "jobs is 0, expected at least 1"),
    ],
)
def test_mistakes_of_files(changes: dict[str, object], words: str, tmp_path: Path) -> None:
    assert any(words in problem for problem in mistakes_in(comparison_file(tmp_path, NOWHERE, **changes)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--training.epochs", "5"],
            "unknown option --training.epochs; a value of the base is given as --base.tra",
        ),
        (["stray"], "--config FILE was given"),
        (["--base.training.epochs", "5", "6"], "'6' stands alone"),
        (["--base.training.epoch", "5"], "unknown key 'training.epoch'; did you mean 'training.epochs'?"),
        (["--output"], "--output has no value"),
        (["--cluster", ""], "--cluster has no value"),
        (["--cluster="], "--cluster has no value"),
        (["--jobs", "two"], "command line: jobs is 'two'"),
        (["--config", "other.yaml"], "--config FILE was given 2 times"),
        (["--verbose"], "unknown option --verbose; there are --config"),
    ],
)
def test_mistakes_of_command_lines(options: list[str], words: str, tmp_path: Path) -> None:
    found = parse_comparison(["--config", str(comparison_file(tmp_path, NOWHERE)), *options])[1]
    if options == ["stray"]:
        found = parse_comparison(options)[1]
    assert any(words in problem for problem in found), found


def test_missing_file() -> None:
    config, (problem,) = parse_comparison(["--config", "nowhere.yaml"])
    assert config is None
    assert "nowhere.yaml: cannot be read" in problem


def test_nothing_that_was_given_is_changed(tmp_path: Path) -> None:
    path = comparison_file(tmp_path, NOWHERE)
    arguments = ("--config", str(path), "--seeds", "0", "1", "--base.training.epochs", "2")
    assert parse_comparison(arguments) == parse_comparison(arguments)


def test_help_names_every_option() -> None:
    text = " ".join(compare_help_parser().format_help().split())
    for words in ("--config", "--seeds", "--only", "--jobs", "--resume", "--base.SECTION.KEY VALUE"):
        assert words in text


def test_examples_are_found() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_valid_and_begins_with_its_command(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The base is found from every folder.
    monkeypatch.chdir(tmp_path)
    words = path.read_text(encoding="utf-8").splitlines()[0].split()
    name = path.relative_to(FOLDER).with_suffix("").as_posix()
    assert words[:5] == ["#", "scalegmn", "compare", "--config", name]
    assert parse_comparison(words[3:])[1] == []

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scalegmn.configuration import to_plain
from scalegmn.errors import ConfigurationError
from scalegmn.models import Direction, ModelConfig, Symmetry
from scalegmn.models.baselines import FlatMLPConfig
from scalegmn.training import RunConfig, Schedule, flat_items, parse_config, parse_plain_run, read_yaml
from scalegmn.training._config import sections_of
from scalegmn.training._parsing import fields_of
from scalegmn.training._shipped import FOLDER

CONFIGS = [
    path
    for path in sorted(FOLDER.rglob("*.yaml"))
    # Files of comparisons have a test of their own.
    if not path.stem.startswith("compare")
]


def parsed(*arguments: str) -> RunConfig:
    config, problems = parse_config(arguments)
    assert not problems
    assert config is not None
    return config


def mistakes_in(*arguments: str) -> list[str]:
    return parse_config(["--data.population=p", *arguments])[1]


def test_configurations_are_found() -> None:
    assert len(CONFIGS) >= 10


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_is_valid_and_begins_with_its_command(path: Path) -> None:
    words = path.read_text(encoding="utf-8").splitlines()[0].split()
    name = path.relative_to(FOLDER).with_suffix("").as_posix()
    assert words[:5] == ["#", "scalegmn", "train", "--config", name]
    config = parsed("--config", str(path), *words[5:])
    # Nothing in the file is without effect: every value of it is in the configuration.
    plain = to_plain(config)
    assert isinstance(plain, dict)
    for section, values in read_yaml(path).items():
        if isinstance(values, dict):
            assert {key: plain[section][key] for key in values} == values
        else:
            assert plain[section] == values


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mnist", {"features": 128, "layers": 4, "separate_io": False, "plain_io": False, "skip": True}),
        ("fashion_mnist", {"layers": 2, "separate_io": True, "plain_io": True, "dropout_in_mlps": True}),
        ("cifar10_bidir", {"features": 64, "mlp_layer_norm": False, "direction": Direction.bidirectional}),
        ("mnist_bidir", {"positional_in_messages": True, "edge_positional": False}),
    ],
)
def test_published_settings(name: str, expected: dict[str, object]) -> None:
    path = next(path for path in CONFIGS if path.stem == name)
    config = parsed("--config", str(path), "--data.population=p")
    assert {key: getattr(config.options.of(ModelConfig), key) for key in expected} == expected
    assert (config.training.warmup_steps, config.training.gradient_clip) == (1000, 10.0)


def test_later_values_win_and_enumerations_go_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("data:\n  population: a\nmodel:\n  symmetry: scaling\ntraining:\n  learning_rate: 1e-3\n")
    config = parsed("--config", str(path), "--model.symmetry", "permutation", "--training.schedule=one_cycle")
    assert config.options.of(ModelConfig).symmetry is Symmetry.permutation
    assert config.training.schedule is Schedule.one_cycle
    assert config.training.learning_rate == 0.001
    assert (
        parsed("--model.symmetry=permutation", "--config", str(path)).options.of(ModelConfig).symmetry
        is Symmetry.scaling
    )


def test_a_lone_option_is_a_switch_and_null_is_none() -> None:
    config = parsed("--data.population=p", "--resume", "--data.group", "null", "--flat_mlp.hidden=[5,6]")
    assert config.resume
    assert config.data.group is None
    assert config.options.of(FlatMLPConfig).hidden == (5, 6)


def test_plain_data_is_read_back() -> None:
    config = parsed("--data.population=p", "--output=o", "--model.direction=bidirectional")
    assert parse_plain_run(yaml.safe_load(yaml.safe_dump(to_plain(config))), origin="x") == config
    sections = sections_of("classification", "scalegmn")
    assert list(sections) == ["model"]
    keys = {field.key for field in fields_of(RunConfig, options=sections)}
    assert {key for key, _ in flat_items(config)} == keys


@pytest.mark.parametrize(
    ("argument", "nearest"),
    [
        ("--model.feature=3", "'model.features'"),
        ("--outptu=x", "'output'"),
        ("--training.lr=1", "training has epochs, learning_rate"),
        ("--learning-rate=1", "'training.learning_rate'"),
        ("--symmetry=permutation", "'model.symmetry'"),
        ("--modle=3", "'model'"),
        ("--modle.features=3", "'model.features'"),
        ("--frobnicate=3", "--help"),
        ("--model=x", "is a section"),
    ],
)
def test_unknown_key_names_the_nearest(argument: str, nearest: str) -> None:
    (problem,) = mistakes_in(argument)
    assert "unknown key" in problem
    assert nearest in problem


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--model.features=many", ["model.features", "'many'", "int"]),
        ("--model.features=1.5", ["model.features", "1.5", "int"]),
        ("--model.skip=perhaps", ["model.skip", "perhaps", "bool"]),
        ("--model.symmetry=sign", ["model.symmetry", "sign", "scaling", "permutation"]),
        ("--training.epochs=0", ["epochs is 0", "at least 1"]),
        ("--training.learning_rate=-1", ["learning_rate is -1", "more than 0"]),
        ("--model.dropout=1", ["dropout is 1", "[0, 1)"]),
        ("--data.validation=2.5", ["validation is 2.5", "whole number"]),
        ("--flat_mlp.hidden=[]", ["flat_mlp", "hidden"]),
        ("stray", ["'stray' stands alone"]),
        ("--config=missing.yaml", ["missing.yaml", "cannot be read"]),
    ],
)
def test_mistake_names_key_value_and_what_was_expected(argument: str, words: list[str]) -> None:
    (problem,) = mistakes_in(argument)
    assert all(word in problem for word in words), problem


def test_missing_population_is_a_mistake() -> None:
    config, problems = parse_config([])
    assert config is None
    assert problems == [
        "data.population is missing; give it as --data.population VALUE or in a configuration file"
    ]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("modle:\n  features: 3\nmodel:\n  layers: few\n  dropout: 2.0\ntraining: {epochs: -1}\n")
    config, problems = parse_config(["--config", str(path), "--training.sed=1"])
    assert config is None
    text = "\n".join(problems)
    for word in (
        "'modle'",
        "model.layers",
        "dropout is 2.0",
        "epochs is -1",
        "'training.seed'",
        "data.population",
    ):
        assert word in text
    assert len(problems) == 6


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: [1", "not a valid YAML"),
        ("- 1", "expected sections"),
        ("model: {layers: 1, layers: 2}", "'layers'] given twice"),
        ("model: {features: !!python/object/apply:os.getcwd []}", "not a valid YAML"),
    ],
)
def test_bad_files_are_mistakes(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    (problem,) = mistakes_in(f"--config={path}")
    assert word in problem
    assert str(path) in problem


def test_damaged_plain_data_names_its_origin() -> None:
    with pytest.raises(ConfigurationError, match="x: unknown key 'date'"):
        parse_plain_run({"date": 1}, origin="x")

from __future__ import annotations

from pathlib import Path

import pytest

from scalegmn.comparison import ComparisonConfig
from scalegmn.comparison._config import ComparedModel, ComparisonOptions, option_errors, same_for_all
from scalegmn.errors import ConfigurationError
from scalegmn.training import DataConfig, RunConfig

BASE = RunConfig(data=DataConfig(population=Path("anywhere")))


def model(name: str) -> ComparedModel:
    return ComparedModel(name, BASE)


def comparison(*, jobs: int = 1, only: tuple[str, ...] = ("a", "b")) -> ComparisonConfig:
    return ComparisonConfig(
        models=(model("a"), model("b")),
        seeds=(3, 5),
        output=Path("out"),
        reference="a",
        only=only,
        jobs=jobs,
        resume=True,
    )


@pytest.mark.parametrize(
    ("name", "slug"),
    [("ScaleGMN", "scalegmn"), ("StatNN + boosting", "statnn-boosting"), ("(NP) 2", "np-2"), ("?!", "")],
)
def test_names_of_folders(name: str, slug: str) -> None:
    assert model(name).slug == slug


def test_every_model_with_the_first_seed_comes_first() -> None:
    runs = comparison().runs
    assert [(run.model, run.seed) for run in runs] == [("a", 3), ("b", 3), ("a", 5), ("b", 5)]
    for run in runs:
        assert run.config.training.seed == run.seed
        assert run.folder == Path("out") / f"{run.model}-seed{run.seed}"
        # What is begun is found out for each of them.
        assert not run.config.resume
        assert run.config.logging.progress
    assert not any(run.config.logging.progress for run in comparison(jobs=2).runs)


def test_only_some_are_wanted() -> None:
    assert [run.model for run in comparison(only=("b",)).selected_runs] == ["b", "b"]
    assert len(comparison(only=("b",)).runs) == 4


@pytest.mark.parametrize(
    ("key", "same"),
    [
        ("task", True),
        ("data.label", True),
        ("data.where", True),
        ("data.train_where", False),
        ("data.batch_size", False),
        ("data.train_limit", False),
        ("metanetwork", False),
        # No prefix of a name that must agree.
        ("tasks", False),
        ("data.labels", False),
    ],
)
def test_what_models_must_agree_on(key: str, same: bool) -> None:
    assert same_for_all(key, task="classification") is same


@pytest.mark.parametrize(
    ("task", "key", "same"),
    [
        ("inr_editing", "editing.edit", True),
        ("classification", "editing.edit", False),
        ("trojan_detection", "detection.label", True),
        ("trojan_detection", "detection.target_weight", False),
        ("regression", "regression.log", True),
        ("regression", "regression.link", False),
    ],
)
def test_tasks_say_what_models_must_agree_on(task: str, key: str, same: bool) -> None:
    assert same_for_all(key, task=task) is same


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ComparisonOptions(reference="c"), "reference: there is no model 'c'; there are 'a', 'b'"),
        (ComparisonOptions(only=("a", "d")), "only: there is no model 'd'"),
    ],
)
def test_mistakes_of_options(options: ComparisonOptions, message: str) -> None:
    models = {"a": model("a"), "b": model("b")}
    (found,) = option_errors(options, models=models, known=("a", "b"))
    assert message in found


def test_mistakes_of_names() -> None:
    names = ("A b", "a-B", "??")
    found = option_errors(ComparisonOptions(), models={name: model(name) for name in names}, known=names)
    assert len(found) == 2
    assert "'A b' and 'a-B' would share the folders a-b-seed" in found[0]
    assert "'??' has no letter" in found[1]
    assert option_errors(ComparisonOptions(), models={"a": model("a")}, known=("a",)) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seeds": ()}, r"seeds is \(\), expected one or more"),
        ({"seeds": (1, 1)}, r"seeds is \(1, 1\), expected different entries"),
        ({"jobs": 0}, "jobs is 0"),
    ],
)
def test_options_check_themselves(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ComparisonOptions(**wrong)  # type: ignore[arg-type]

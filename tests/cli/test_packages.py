from __future__ import annotations

import importlib.util
import sys
import tomllib
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from scalegmn.cli import packages
from scalegmn.cli.main import COMMANDS, main
from scalegmn.cli.packages import advice, missing_packages

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these packages not be installed; none at all if no name is given."""
    find = importlib.util.find_spec

    def find_spec(name: str) -> ModuleSpec | None:
        return None if name in names or not names else find(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_all_that_is_missing_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without(monkeypatch, "matplotlib", "lightning", "yaml", "tensorboard", "wandb")

    def importing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'lightning'", name="lightning")

    monkeypatch.setattr(importlib, "import_module", importing)
    assert main(["train"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("scalegmn: error: scalegmn train needs the packages ")
    named = message.split(" needs the packages ")[1].split(":")[0]
    assert named.split(", ") == ["lightning", "PyYAML", "tensorboard", "matplotlib"]


def test_what_a_command_does_not_use_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "matplotlib", "lightning", "wandb")
    assert missing_packages("scalegmn.cli.export", "matplotlib") == ["matplotlib"]
    assert missing_packages("scalegmn.cli.export", None) == []
    assert missing_packages("scalegmn.cli.embed", "lightning") == ["lightning", "matplotlib"]
    assert missing_packages("scalegmn.cli.train", "wandb.sdk") == ["lightning", "matplotlib", "wandb"]
    assert missing_packages("scalegmn.cli.export", "scalegmn.nonsense") == []


def test_what_some_files_need_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading HDF5 files is offered to whoever has one."""
    without(monkeypatch, "h5py")
    behind = packages._imports_behind("scalegmn.cli.info")
    assert any(name.split(".")[0] == "h5py" for name in behind)
    assert missing_packages("scalegmn.cli.info", None) == []
    assert missing_packages("scalegmn.cli.info", "h5py") == ["h5py"]


@pytest.mark.slow
def test_every_package_has_a_name_for_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library imports from elsewhere can be asked for."""
    known = set(packages._DISTRIBUTIONS)
    imported = {
        name.split(".")[0]
        for command in COMMANDS.values()
        for name in packages._imports_behind(f"scalegmn.cli.{command}")
    }
    foreign = imported - set(sys.stdlib_module_names) - {"scalegmn"}
    assert foreign <= known
    asked = {packages._normal(name) for name in packages._DISTRIBUTIONS.values()}
    promised = [*PROJECT["dependencies"]]
    promised += [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    assert asked <= {packages._normal(r.partition(">")[0].partition("[")[0]) for r in promised}


@pytest.mark.slow
def test_extras_of_the_commands_hold_all_that_they_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """`train` is enough for every command, `populations` for those about populations."""
    without(monkeypatch)
    offered = offer(monkeypatch)
    base = {packages._normal(name) for name, one in offered.items() if not one.extras}
    for command, module in COMMANDS.items():
        missing = {packages._normal(name) for name in missing_packages(f"scalegmn.cli.{module}", None)} - base
        assert all("train" in offered[name].extras for name in missing), command
    for command in ("import", "export", "canonicalize"):
        missing = {
            packages._normal(name) for name in missing_packages(f"scalegmn.cli.{COMMANDS[command]}", None)
        }
        assert all("populations" in offered[name].extras for name in missing - base), command


def offer(monkeypatch: pytest.MonkeyPatch) -> dict[str, packages.Requirement]:
    """What pyproject.toml says, in the way of the metadata of an installed distribution."""
    lines = [*PROJECT["dependencies"]]
    for extra, requirements in PROJECT["optional-dependencies"].items():
        lines += [f'{requirement}; extra == "{extra}"' for requirement in requirements]
    monkeypatch.setattr(packages, "requires", lambda name: lines)
    return packages.offered_packages()


@pytest.mark.parametrize(
    ("missing", "extras"),
    [
        (["matplotlib"], "reports"),
        (["pyarrow", "rich"], "populations"),
        (["lightning", "matplotlib", "pyarrow"], "train"),
        (["wandb"], "wandb"),
        (["h5py"], "keras"),
        (["wandb", "rich"], "all,wandb"),
    ],
)
def test_the_smallest_extra_is_recommended(
    missing: list[str], extras: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch)
    text = advice(missing)
    assert f"pip install -e '.[{extras}]'" in text
    assert all(f"{name}>=" in text for name in missing)


def test_what_everybody_needs_belongs_to_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)
    assert advice(["numpy"]) == f"the package numpy: pip install '{PROJECT['dependencies'][0]}'"


def test_an_extra_that_wants_a_newer_version_does_not_own_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "requires", lambda name: ["numpy>=1", 'numpy>=2; extra == "dev"'])
    assert advice(["numpy"]) == "the package numpy: pip install 'numpy>=1'"


def test_without_metadata_names_must_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder of sources that nobody installed."""

    def requires(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "requires", requires)
    assert advice(["PyYAML", "rich"]) == "the packages PyYAML, rich: pip install PyYAML rich"

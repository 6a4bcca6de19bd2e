"""Files of a module's own state dicts become a population of its program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from scalegmn.cli.main import main
from scalegmn.populations import Population
from tests.programs.networks import normalized, normalized_architecture
from tests.training.test_programs import command, make_population

# As a user's package has it: a class that the command imports and no file names.
CODE = """
from torch import nn

class Classifier(nn.Sequential):
    def __init__(self, width):
        super().__init__(
            nn.Conv2d(1, width, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * width, 3),
        )
"""
EXAMPLE = ["--example", "1x1x6x6"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Four networks with labels, one behind a wrapper, and a damaged one."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_networks.py").write_text(CODE)
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(4):
        state = normalized(blocks=0, seed=number).state_dict()
        state = {name.replace("5.", "4."): value for name, value in state.items()}
        state["4.weight"] = torch.randn(3, 48, generator=torch.Generator().manual_seed(number))
        wrapped = {f"module.{name}": value for name, value in state.items()}
        torch.save(wrapped if number == 1 else state, folder / f"{number}.pt")
    torch.save({"4.weight": torch.ones(3, 48)}, folder / "4.pt")
    rows = "".join(f"{number}.pt,{number % 2}\n" for number in range(5))
    (folder / "networks.csv").write_text(f"file,label\n{rows}")
    return folder


def module_options(files: Path) -> list[str]:
    code = ["--module", "own_networks:Classifier", "--module-path", str(files.parent / "code")]
    return [*code, "--arguments", '{"width": 3}', *EXAMPLE]


@pytest.mark.slow
def test_files_are_networks_of_a_module_or_of_its_program(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["import", "checkpoints", str(files), "--quiet", "-o"]
    assert main([*command, str(tmp_path / "packed"), *module_options(files)]) == 0
    shown = capsys.readouterr().out
    assert "4 networks of your own" in shown
    assert "refused 4.pt: " in shown
    population = Population.open(tmp_path / "packed")
    assert population.column("label").tolist() == [0, 1, 0, 1]
    architecture = population.architecture
    assert architecture.as_layers is None
    ((_, _, theta),) = population.groups([0, 1, 2, 3])
    for number, row in enumerate(theta):
        module = normalized(blocks=0, seed=number)
        found = architecture.unflatten(row)
        assert torch.equal(found["0.weight"], module.state_dict()["0.weight"])
        variance = module.state_dict()["1.running_var"]
        assert torch.allclose(found["1.running_deviation"], (variance + 1e-5).sqrt())
    program = tmp_path / "program.json"
    assert main(["trace", *module_options(files), "-o", str(program)]) == 0
    assert main([*command, str(tmp_path / "again"), "--program", str(program)]) == 0
    assert Population.open(tmp_path / "again").checksum == population.checksum


@pytest.mark.slow
def test_networks_of_several_programs_are_told_apart(tmp_path: Path) -> None:
    from scalegmn.programs.files import save_program

    folder = tmp_path / "files"
    folder.mkdir()
    options: list[str] = []
    for number in (1, 2):
        program = tmp_path / f"{number}.json"
        save_program(normalized_architecture(blocks=number).program, program)
        options += ["--program", str(program)]
        torch.save(normalized(blocks=number).state_dict(), folder / f"{number}.pt")
    (folder / "networks.csv").write_text("file,depth\n1.pt,1\n2.pt,2\n")
    command = ["import", "checkpoints", str(folder), "--quiet", "-o", str(tmp_path / "packed")]
    assert main([*command, *options]) == 0
    population = Population.open(tmp_path / "packed")
    assert population.architectures == tuple(normalized_architecture(blocks=n) for n in (1, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--program", "a.json", "--activation", "relu"],
            "--program and --activation each say what the files",
        ),
        (["--module", "a:B", "--program", "a.json"], "--module and --program each say what the files hold"),
        (["--module-path", "x"], "--module-path is for --module, which is missing"),
        (EXAMPLE, "--example is for --module, which is missing"),
        (["--module", "nowhere:Net"], "--module nowhere:Net cannot be imported"),
    ],
)
def test_mistakes(files: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = files.parent / "packed"
    assert main(["import", "checkpoints", str(files), "-o", str(output), *options]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_other_collections_have_no_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["import", "wild_park", str(tmp_path), "-o", str(tmp_path / "out")]
    assert main([*command, "--program", "a.json"]) == 2
    assert "--program was given, but wild_park has no such option" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_predicts_about_files_of_a_module_that_it_does_not_know(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    options = command(make_population(tmp_path / "known"), run, "statnn_mlp", training__epochs=1)
    assert main(["train", *options]) == 0
    capsys.readouterr()
    files.joinpath("4.pt").unlink()
    assert main(["predict", str(run), str(files / "0.pt"), "--json", "-"]) == 3
    assert "unknown architecture" in capsys.readouterr().err
    assert main(["predict", str(run), str(files), "--json", "-", "--quiet", *module_options(files)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [Path(row["file"]).name for row in rows] == [f"{number}.pt" for number in range(4)]
    assert all("outside the training set" in " ".join(row["notes"]) for row in rows)
    assert main(["predict", str(run), str(files), "--example", "1x1x6x6"]) == 2
    assert "--example is for --module" in capsys.readouterr().err


def test_files_of_a_module_are_drawn(files: Path, tmp_path: Path) -> None:
    files.joinpath("4.pt").unlink()
    picture = tmp_path / "picture.png"
    assert main(["embed", str(files), "-o", str(picture), "--quiet", *module_options(files)]) == 0
    assert picture.is_file()

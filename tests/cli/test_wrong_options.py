from __future__ import annotations

import pytest

from scalegmn.cli.exit_codes import OK, USAGE
from scalegmn.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("predict run a.pth --outptu x", "unknown option --outptu; did you mean --output?"),
        ("info folder --foo", "unknown option --foo; see"),
        ("predict run a.pth --level high", "--level is high, expected a number"),
        ("evaluate run --split tests", "--split is tests, expected one of train, val, test, all"),
        (
            "export folder -o out --format onnx",
            "--format is 'onnx', expected one of checkpoints, mnist_inrs,",
        ),
        ("embed networks -o out.png --method umap", "--method is umap, expected one of pca,tsne;"),
        ("make inrs --sourc digits --output o", "unknown option --sourc; did you mean --source?"),
        (
            "make cnns --source digits --output o --checkpoints 1,2",
            "is 1,2, expected whole numbers such as [1",
        ),
        ("predict run a.pth --where 3", "--where is 3, expected names and values such as {a: 1}"),
        ("edit run a.pth", "--output must be given"),
        ("predict", "run, files must be given"),
        ("make", "kind"),
        ("verify manifest.json --\x1b[31mfolder x", "--\\x1b[31mfolder"),
    ],
)
def test_wrong_options_are_one_sentence(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == USAGE
    out, error = capsys.readouterr()
    assert not out and error.count("\n") == 1
    words = [word for word in arguments.split()[:2] if word not in ("run", "folder", "networks")]
    command = " ".join(["scalegmn", *(words if words[0] == "make" else words[:1])])
    assert error.startswith(f"{command}: error: ") and error.lower().endswith(f" see {command} --help\n")
    assert told in error and "typing" not in error and "Parser key" not in error


def test_unknown_commands_name_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predikt"]) == USAGE
    assert "unknown command 'predikt'; did you mean 'predict'? See scalegmn --help" in capsys.readouterr().err


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--help"]) == OK
    assert "usage: scalegmn predict" in capsys.readouterr().out

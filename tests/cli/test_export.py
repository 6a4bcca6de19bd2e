from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.cli.main import main
from scalegmn.networks import Activation, cnn, siren
from scalegmn.populations import Population, PopulationWriter

COUNT = 9


def cnns(folder: Path, *, padding: int = 0) -> Path:
    """Networks as the maker writes them; the last one diverged."""
    with PopulationWriter(folder, provenance={"maker": "test", "images": "digits"}) as writer:
        for number, kind in enumerate(("relu", "tanh", "relu")):
            architecture = cnn(activations=[Activation(kind)] * 3, padding=padding)
            theta = torch.randn(3, 4970, generator=torch.Generator().manual_seed(number))
            columns = {
                "network": np.full(3, number),
                "epoch": [0, 20, 86],
                "learning_rate": [0.1] * 3,
                **{name: [0.3, 0.5, 0.6] for name in ("train_accuracy", "train_loss", "test_accuracy")},
                "test_loss": [1.5, 1.2, 0.9],
                "diverged": [False, False, number == 2],
            }
            writer.append(architecture, theta, columns)
        writer.finish()
    return folder


def test_zoo_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = cnns(tmp_path / "p", padding=1)
    zoo, output = str(tmp_path / "zoo"), str(tmp_path / "q")
    assert main(["export", str(source), "--format", "small_cnn_zoo", "-o", zoo, "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "8 networks are in" in shown and "padding 1" in shown and "1 networks that diverged" in shown
    arguments = ["import", "small_cnn_zoo", zoo, "-o", output, "--quiet", "--padding", "1"]
    assert main([*arguments, "--step", "all", "--split-rule", "none"]) == 0
    shown = capsys.readouterr().out
    assert "8 networks of Small CNN Zoo (padding 1)" in shown and "0 rows were refused" in shown
    before, after = Population.open(source), Population.open(tmp_path / "q")
    assert after.provenance["padding"] == 1 and after.columns[-2:] == ("diverged", "row")
    for row, number in enumerate(after.column("row").tolist()):
        assert torch.equal(before.theta([number]), after.theta([row]))
    assert after.column("network").tolist() == [0, 0, 0, 2, 2, 1, 1, 1]


def test_trojaned_zoo_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The names and the further column of the files of the first trojan study."""
    architecture = cnn(activations=[Activation("relu")] * 3, padding=1)
    results = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")
    columns = {
        "network": [0, 0, 1, 1],
        "epoch": [2] * 4,
        "poisoned": [True, False, True, False],
        **{name: [0.1, 0.2, 0.3, 0.4] for name in results},
    }
    theta = torch.randn(4, 4970, generator=torch.Generator().manual_seed(0))
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(architecture, theta, columns)
        writer.finish()
    zoo = tmp_path / "zoo"
    export = ["export", str(tmp_path / "p"), "--format", "small_cnn_zoo", "--quiet", "--suffix"]
    assert main([*export, "_new", "-o", str(zoo)]) == 0
    names = sorted(path.name for path in zoo.iterdir())
    assert names == ["layout.csv", "metrics_new.csv", "weights_new.npy"]
    header, *lines = (zoo / "metrics_new.csv").read_text().splitlines()
    assert header.endswith(",train_loss,poisoned")
    assert [line.rsplit(",", 1)[1] for line in lines] == ["1", "0", "1", "0"]
    arguments = ["import", "small_cnn_zoo", str(zoo), "--quiet", "--padding=1", "--step=all"]
    arguments += ["--split-rule=none", "-o", str(tmp_path / "q")]
    assert main(arguments) == 3
    assert "weights.npy: there is no such file" in capsys.readouterr().err
    assert main([*arguments, "--suffix=_new"]) == 0
    back = Population.open(tmp_path / "q")
    assert back.column("poisoned").tolist() == [1, 0, 1, 0]
    assert back.column("network").tolist() == [0, 0, 1, 1]
    assert torch.equal(back.theta([0, 1, 2, 3]), theta)
    assert main([*export, "../new", "-o", str(tmp_path / "other")]) == 2
    assert "suffix is '../new'" in capsys.readouterr().err
    assert main([*arguments, "--suffix=a.b"]) == 2
    assert "suffix is 'a.b'" in capsys.readouterr().err
    wrong = [
        "export",
        str(tmp_path / "p"),
        "--format",
        "npz_inrs",
        "--suffix",
        "_new",
        "-o",
        str(tmp_path / "r"),
    ]
    assert main(wrong) == 2
    assert "--suffix was given, but npz_inrs has no such option" in capsys.readouterr().err


def test_options_of_the_zoo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zoo = tmp_path / "zoo"
    assert (
        main(["export", str(cnns(tmp_path / "p")), "--format", "small_cnn_zoo", "-o", str(zoo), "--quiet"])
        == 0
    )

    def run(name: str, *options: str) -> int:
        return main(["import", "small_cnn_zoo", str(zoo), "-o", str(tmp_path / name), "--quiet", *options])

    assert run("a") == 3
    assert "no split file" in capsys.readouterr().err
    (zoo / "digits_split.csv").write_text("\n".join(map(str, [0, *range(7, -1, -1)])))
    assert run("b") == 0
    assert "6 rows were left out: rows of other steps than 86" in capsys.readouterr().out
    assert Population.open(tmp_path / "b").column("epoch").tolist() == [86, 86]
    assert run("c", "--split-rule", "published", "--step", "0", "--activation", "relu") == 0
    shown = capsys.readouterr().out
    assert "row 0 of weights.npy is there twice" in shown
    assert Population.open(tmp_path / "c").column("row").tolist() == [0, 0, 6]
    assert run("c") == 3
    assert run("d", "--splits", str(zoo / "nowhere_split.csv")) == 3
    assert "nowhere_split.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["small_cnn_zoo", "--generate-splits", "0"],
            "small_cnn_zoo has a splits file that is published with it",
        ),
        (["small_cnn_zoo", "--augmented"], "--augmented was given, but small_cnn_zoo"),
        (["small_cnn_zoo", "--workers", "2"], "--workers was given, but small_cnn_zoo"),
        (["small_cnn_zoo", "--padding", "2"], "padding"),
        (["small_cnn_zoo", "--activation", "gelu"], "activation"),
        (["small_cnn_zoo", "--split-rule", "none", "--splits", "s"], "no rule how to read it"),
        (["mnist_inrs", "--padding", "0"], "--padding was given, but mnist_inrs has no such option"),
        (["npz_inrs", "--step", "all"], "--step was given, but npz_inrs has no such option"),
    ],
)
def test_mistakes_of_imports(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = arguments
    assert main(["import", name, str(tmp_path), "-o", str(tmp_path / "p"), *options]) == 2
    assert message in capsys.readouterr().err


def test_other_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PopulationWriter(tmp_path / "p", provenance={"maker": "test"}) as writer:
        theta = torch.randn(4, 1185, generator=torch.Generator().manual_seed(0))
        columns = {"label": [0, 1, 2, 3], "image": [0, 1, 2, 0], "split": ["train"] * 3 + ["test"]}
        writer.append(siren(), theta, columns)
        writer.finish()
    arguments = ["export", str(tmp_path / "p"), "--quiet", "-o", str(tmp_path / "out"), "--format"]
    assert main([*arguments, "fashion_mnist_inrs"]) == 0
    assert (
        "4 networks are in" in (shown := capsys.readouterr().out) and "4 files of FashionMNIST-INRs" in shown
    )
    assert (tmp_path / "out" / "fmnist_splits.json").is_file()
    # Nothing is overwritten.
    assert main([*arguments, "fashion_mnist_inrs"]) == 3
    assert "is not empty" in capsys.readouterr().err


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "out"), "--quiet"]
    source = str(cnns(tmp_path / "p"))
    assert main(["export", source, *out]) == 2
    assert "format" in capsys.readouterr().err
    assert main(["export", source, "--format", "onnx", *out]) == 2
    assert "small_cnn_zoo" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "nowhere"), "--format", "small_cnn_zoo", *out]) == 3
    assert "does not exist" in capsys.readouterr().err
    assert main(["export", source, "--format", "mnist_inrs", *out]) == 3
    assert "no columns" in capsys.readouterr().err

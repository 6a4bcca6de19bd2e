from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.main import main
from scalegmn.populations import Population

IMAGES = ("--source=digits", "--train-limit=40", "--test-limit=20")
FEW = (*IMAGES, "--batch-size=8", "--epochs=1", "--workers=1", "--quiet")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six networks, each at its start and after an epoch."""
    folder = tmp_path_factory.mktemp("bases") / "cnns"
    options = ("--networks=6", "--checkpoints=[0, 1]", "--channels=[3, 4]", "--learning-rate=[0.01, 0.02]")
    arguments = (*IMAGES, "--batch-size=8", "--train-fractions=[1.0]", "--workers=1", "--quiet")
    assert main(["make", "cnns", "-o", str(folder), *arguments, *options]) == 0
    return folder


def make(bases: Path, folder: Path, *options: str) -> int:
    return main(["make", "trojans", str(bases), "-o", str(folder), *FEW, *options])


@pytest.mark.slow
def test_twins_are_made(bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = (
        "--where={epoch: 1}",
        "--triggers=[blended_square, patch, warp]",
        "--sizes=[2, 3]",
        "--patterns=[white]",
        "--square-blend=[0.9, 0.95]",
        "--targets=[0, 9]",
        "--ratio=0.2",
        "--minimum-asr=0.05",
        "--learning-rate=[0.02, 0.02]",
        "--seed=5",
    )
    assert make(bases, tmp_path / "twins", *options) == 0
    made = Population.open(tmp_path / "twins")
    made.verify()
    assert len(made) == 12
    assert set(made.column("base_epoch").tolist()) == {1}
    assert sorted(made.column("network").tolist()) == sorted(2 * list(range(6)))
    assert set(made.column("target").tolist()) <= {0, 9}
    assert set(made.column("trigger_size").tolist()) <= {0, 2, 3}
    assert set(made.column("trigger_pattern")) <= {"white", "none"}
    assert set(made.column("poisoned_images").tolist()) == {0, 8}
    recipe = made.provenance["recipe"]
    assert isinstance(recipe, dict)
    families = recipe["triggers"]["families"]
    assert [family["kind"] for family in families] == ["blended_square", "patch", "warp"]
    assert (families[0]["sizes"], families[0]["blend"]) == ([2, 3], [0.9, 0.95])
    assert (recipe["tuning"]["epochs"], recipe["tuning"]["learning_rate"]) == (1, [0.02, 0.02])
    # What was not given is as the classes have it.
    assert recipe["tuning"]["dropout"] == 0.02
    assert (made.provenance["seed"], made.provenance["pairs"]) == (5, 6)
    assert (tmp_path / "twins" / "triggers.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "twins" / "triggers.npz").is_file()
    shown = capsys.readouterr().out
    assert "6 trojaned networks and their 6 clean twins are in" in shown
    poisoned = made.column("poisoned")
    for name, rows in (("trojaned", poisoned), ("clean", ~poisoned)):
        c_acc, asr = np.median(made.column("c_acc")[rows]), np.median(made.column("asr")[rows])
        base = np.median(made.column("base_c_acc"))
        assert f"{name}: C-Acc {c_acc:.3f} (before {base:.3f}), ASR {asr:.3f}, RA" in shown
    kinds = set(made.column("trigger_kind"))
    assert all(f"{kind}: " in shown for kind in kinds)
    assert "attacks reached an ASR of 0.05" in shown


@pytest.mark.slow
def test_held_out_splits(bases: Path, tmp_path: Path) -> None:
    options = ("--held-out-targets=[9]", "--targets=[3, 9]", "--split-fractions=[0.5, 0.2, 0.3]")
    assert make(bases, tmp_path / "twins", *options, "--pairs=8") == 0
    made = Population.open(tmp_path / "twins")
    assert ((made.column("target") == 9) == (made.column("split") == "test")).all()
    assert len(made) == 16


def test_clean_labels_from_scratch(bases: Path, tmp_path: Path) -> None:
    options = ("--labels=[clean]", "--start=scratch", "--pairs=2", "--triggers=[whole_blend]")
    assert make(bases, tmp_path / "twins", *options) == 0
    made = Population.open(tmp_path / "twins")
    assert set(made.column("poisoning")) == {"clean"}


def test_diverged_pairs_are_told(bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--optimizer=sgd", "--learning-rate=[1e30, 1e30]", "--pairs=2")
    assert make(bases, tmp_path / "twins", *options) == 0
    assert "2 pairs diverged and are marked: [0, 1]" in capsys.readouterr().out


@pytest.mark.slow
def test_second_call_needs_resume(bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "twins"
    assert make(bases, folder, "--pairs=2") == 0
    before = Population.open(folder).checksum
    assert make(bases, folder, "--pairs=2") == 3
    assert "--resume" in capsys.readouterr().err
    assert make(bases, folder, "--pairs=2", "--resume") == 0
    assert make(bases, folder, "--pairs=3", "--resume") == 3
    assert "pairs" in capsys.readouterr().err
    assert Population.open(folder).checksum == before


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--epochz=3"], 2, "epochz"),
        (["--epochs=0"], 2, "epochs is 0"),
        (["--pairs=0"], 2, "pairs is 0"),
        (["--triggers=[sticker]"], 2, "triggers"),
        (["--triggers=[]"], 2, "expected one or more entries"),
        (["--triggers=[patch, patch]"], 2, "each kind once"),
        (["--triggers=[warp]", "--sizes=[3]"], 2, "--sizes: only for blended_square and patch"),
        (["--triggers=[patch]", "--square-blend=[0.5, 0.6]"], 2, "--square-blend: only for blended_square"),
        (["--sizes=[9]"], 2, "9 x 9 pixels do not fit"),
        (["--sizes=[0]"], 2, "sizes is (0,)"),
        (["--square-blend=[0.9, 0.1]"], 2, "blend is (0.9, 0.1)"),
        (["--ratio=0"], 2, "ratio is 0"),
        (["--targets=[10]"], 2, "targets [10]"),
        (["--labels=[dirty, muddy]"], 2, "labels"),
        (["--start=middle"], 2, "start"),
        (["--where={epcoh: 1}"], 2, "no column 'epcoh'"),
        (["--where={epoch: 3}"], 2, "has epoch 3"),
        (["--minimum-accuracy=1.1"], 2, "minimum_accuracy is 1.1"),
        (["--group=run"], 2, "no column 'run'"),
        (["--split-fractions=[0.5, 0.2, 0.3]"], 2, "--split-fractions: only where"),
        (["--held-out-sizes=[7]"], 2, "none has anything of what is held out"),
        (["--minimum-asr=2"], 2, "minimum_asr is 2"),
        (["--image-size=9"], 2, "image_size is 9"),
        (["--test-limit=0"], 3, "no test images"),
        (["--device=abacus"], 2, "device 'abacus' cannot be used"),
    ],
)
def test_mistakes(
    bases: Path,
    options: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert make(bases, tmp_path / "twins", *options) == code
    assert message in capsys.readouterr().err
    # Nothing stands in the way of the corrected call.
    assert not (tmp_path / "twins").exists()


def test_mistakes_about_the_population(
    bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path / "nowhere", tmp_path / "twins") == 3
    assert "does not exist" in capsys.readouterr().err
    assert main(["make", "trojans", *FEW, "-o", str(tmp_path / "twins")]) == 2
    assert "population" in capsys.readouterr().err
    inrs = ("make", "inrs", "--source=digits", "--train-limit=2", "--hidden=[4, 4]", "--steps=2", "--quiet")
    assert main([*inrs, "-o", str(tmp_path / "inrs")]) == 0
    assert make(tmp_path / "inrs", tmp_path / "twins") == 2
    assert "use the images that the networks were trained on" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make", "trojans", "--help"]) == 0
    assert "--held-out-kinds" in capsys.readouterr().out


@pytest.mark.slow
def test_ways_in_goals_and_ranges(bases: Path, tmp_path: Path) -> None:
    options = (
        "--where={epoch: 1}",
        "--attacks-per-base=2",
        "--ratio=[0.2, 0.5]",
        "--goals=[all_to_all]",
        "--method=edit",
        "--edited=0.05",
        "--edit-steps=2",
    )
    assert make(bases, tmp_path / "twins", *options) == 0
    made = Population.open(tmp_path / "twins")
    assert len(made) == 24
    assert set(made.column("method")) == {"edit"} and set(made.column("target")) == {-1}
    ratio = made.column("ratio")
    assert 0.2 <= ratio.min() < ratio.max() <= 0.5


@pytest.mark.parametrize("option", ["--edited=0.1", "--statistics-weight=2"])
def test_options_of_another_method_are_refused(
    bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert make(bases, tmp_path / "twins", option) == 2
    assert "but it is poison; leave it out" in capsys.readouterr().err
    assert not (tmp_path / "twins").exists()


@pytest.mark.parametrize("ratio", ["0", "1.5", "[0.5, 0.1]", "[0, 0.1]", "[0.1, 2]", "nan"])
def test_impossible_ratios_are_refused(
    bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ratio: str
) -> None:
    assert make(bases, tmp_path / "twins", f"--ratio={ratio}") == 2
    assert "ratio" in capsys.readouterr().err
    assert not (tmp_path / "twins").exists()

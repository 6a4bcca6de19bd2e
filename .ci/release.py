"""Check a release: build wheel and source archive, look at what is in them, install the wheel, and use it.

    .venv/bin/python .ci/release.py              with the pinned versions of constraints.txt
    .venv/bin/python .ci/release.py --lowest     with the lower bounds of pyproject.toml
    .venv/bin/python .ci/release.py --newest     with whatever pip finds, PYTHON chooses the interpreter

The wheel is installed into environments that are empty before.  `--lowest` and `--newest` also run the tests
of `TESTS` against it.  What is built is kept with ``--keep FOLDER``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Builds of PyTorch for processors alone are not kept for long; so only this version is tried.
TRIED_TORCH = "2.13.0"
# Quick, and from many layers.  What is said about wrong options is not among them: older versions of
# jsonargparse word their errors in other ways, which are handed on as they are.
TESTS = (
    "tests/symmetry/test_groups.py",
    "tests/graph/test_convert.py",
    "tests/checkpoints/test_reading.py",
    "tests/populations/test_store.py",
    "tests/cli/test_main.py",
    "tests/cli/test_tables.py",
)
# Packages of other versions warn of each other; with the pinned ones, warnings are errors.
PYTEST = ("-q", "-W", "default", "-p", "no:cacheprovider")
TOOLS = ("pytest", "hypothesis", "beartype")
NETWORK = """
import torch
torch.manual_seed(0)
network = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3), torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 10),
)
torch.save(network.state_dict(), "network.pt")
"""


def say(text: str) -> None:
    """What is being done."""
    print(f"-- {text}", flush=True)


def run(command: Sequence[str | Path], *, cwd: Path, codes: Sequence[int] = (0,)) -> str:
    """Run a command away from the sources, and give its standard output."""
    words = [str(word) for word in command]
    # Neither the sources of the clone nor packages of the user are found, and pip does as told here.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment | {"PYTHONNOUSERSITE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}, expected {codes}:\n{done.stdout}")
    return done.stdout


def built(folder: Path) -> tuple[Path, Path]:
    """The wheel, made from the source archive, and that archive."""
    os.environ.setdefault("PIP_CONSTRAINT", str(ROOT / "constraints.txt"))
    os.environ.setdefault("PIP_BUILD_CONSTRAINT", str(ROOT / "constraints.txt"))
    run([sys.executable, "-m", "build", "--outdir", folder, ROOT], cwd=folder)
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    run([sys.executable, "-m", "twine", "check", "--strict", wheel, archive], cwd=folder)
    return wheel, archive


def tracked() -> set[str]:
    """The files of the project, by their paths in the clone."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return {name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()}


def check_contents(wheel: Path, archive: Path) -> None:
    """The archive holds the project, the wheel holds the package; neither holds anything else."""
    files = tracked()
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in (one.name for one in opened if one.isfile())}
    made = {name for name in inside if ".egg-info/" in name} | {"PKG-INFO", "setup.cfg"}
    refuse("the source archive", files - inside, inside - made - files)
    package = {name.removeprefix("src/") for name in files if name.startswith("src/")}
    with zipfile.ZipFile(wheel) as opened_wheel:
        names = set(opened_wheel.namelist())
    refuse("the wheel", package - names, {name for name in names if ".dist-info/" not in name} - package)


def refuse(what: str, missing: set[str], foreign: set[str]) -> None:
    """End the check if something is missing or does not belong there."""
    for told, names in (("lacks", missing), ("holds what is not of the project:", foreign)):
        if names:
            raise SystemExit(f"{what} {told} {', '.join(sorted(names)[:20])}")


def lower_bounds() -> str:
    """The lower bounds of all packages, as constraints of pip."""
    wanted = [*PROJECT["dependencies"]]
    for extra in ("populations", "reports", "train", "keras", "onnx"):
        wanted += PROJECT["optional-dependencies"][extra]
    pins = {}
    for requirement in wanted:
        found = re.match(r"([\w.-]+)(?:\[[\w,]*\])?>=([\w.]+)", requirement)
        if found is not None:
            pins[found[1]] = TRIED_TORCH if found[1] == "torch" else found[2]
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


class Place:
    """An environment of its own, and a folder beside it to work in."""

    def __init__(self, folder: Path, constraints: Path | None) -> None:
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        venv.create(folder / "environment", with_pip=True)
        self.bin = folder / "environment" / "bin"
        self._constraints = () if constraints is None else ("-c", constraints)

    def install(self, *wanted: str) -> None:
        quiet = ("--quiet", "--disable-pip-version-check")
        # Constraints that are there for everybody must not hide those of this environment.
        for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"):
            os.environ.pop(name, None)
        run([self.bin / "python", "-m", "pip", "install", *quiet, *self._constraints, *wanted], cwd=self.work)

    def scalegmn(self, *words: str, codes: Sequence[int] = (0,)) -> str:
        return run([self.bin / "scalegmn", *words], cwd=self.work, codes=codes)

    def python(self, program: str) -> str:
        return run([self.bin / "python", "-c", program], cwd=self.work)


def ten_lines() -> str:
    """The Python of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


def try_bare(place: Place) -> None:
    """What must work without any extra."""
    found = json.loads(place.scalegmn("doctor", "--json", "-"))
    states = {one["name"]: one["state"] for one in found["extras"]}
    assert found["works"] and states["train"] == "absent", found
    assert str(ROOT) not in found["folder"], "the installed package is used, not the clone"
    assert place.scalegmn("--version").split()[1] == found["scalegmn"]
    place.python(ten_lines())


def try_all(place: Place) -> None:
    """What must work with the extra `all`."""
    found = json.loads(place.scalegmn("doctor", "--json", "-"))
    states = {one["name"]: one["state"] for part in ("extras", "needed packages") for one in found[part]}
    # Trackers and clusters are extras of their own.
    apart = {states.pop("wandb"), states.pop("cluster")}
    assert found["works"] and apart == {"absent"} and set(states.values()) == {"ok"}, found
    assert len(json.loads(place.scalegmn("models", "--json", "-"))) == 4
    assert "trojans/detection" in place.scalegmn("configs")
    place.scalegmn("configs", "trojans/compare_detection", "-o", "mine.yaml")
    assert "complete" in place.scalegmn("completion", "bash")
    place.python(NETWORK)
    options = ("--activation", "relu", "--json", "-")
    scanned = json.loads(place.scalegmn("scan", "network.pt", *options, codes=(0, 1, 3)))
    assert [one["verdict"] for one in scanned["files"]] != ["error"], scanned
    place.scalegmn("predict", "scalegmn/cnn-accuracy", "network.pt", *options, codes=(0, 3))


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lowest", action="store_true")
    parser.add_argument("--newest", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for what is built")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scalegmn-release-") as name:
        folder = Path(name)
        made = folder / "dist" if options.keep is None else options.keep.resolve()
        made.mkdir(parents=True)
        say("building")
        wheel, archive = built(made)
        check_contents(wheel, archive)
        say("; ".join(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB" for path in (wheel, archive)))
        constraints: Path | None = ROOT / "constraints.txt"
        if options.lowest:
            constraints = folder / "lowest.txt"
            constraints.write_text(lower_bounds(), encoding="utf-8")
        elif options.newest:
            constraints = None
        place = Place(folder / "place", constraints)
        say("installing the wheel alone")
        place.install(str(wheel))
        try_bare(place)
        say("installing it with its extras")
        tools = TOOLS if options.lowest or options.newest else ()
        place.install(f"{wheel}[all]", *tools)
        try_all(place)
        if tools:
            say("running tests")
            run([place.bin / "python", "-m", "pytest", *PYTEST, *TESTS], cwd=ROOT)
    say("the release is sound")


if __name__ == "__main__":
    main()

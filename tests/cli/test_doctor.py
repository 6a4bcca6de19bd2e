from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from scalegmn import __version__
from scalegmn.cli import packages
from scalegmn.cli.diagnosis import distributions, folders
from scalegmn.cli.diagnosis.distributions import extras, needed_packages
from scalegmn.cli.diagnosis.findings import Health
from scalegmn.cli.exit_codes import NEGATIVE, OK, USAGE
from scalegmn.cli.main import main

REQUIRED = [
    "alpha>=1.2",
    "beta>=2",
    'gamma>=3.10; extra == "reports"',
    'delta; extra == "reports"',
    'delta; extra == "onnx"',
]


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SCALEGMN_DATA", raising=False)
    return tmp_path


def having(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Let these be installed, and the distribution ask for `REQUIRED`."""

    def version(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(packages, "requires", lambda name: REQUIRED)
    monkeypatch.setattr(distributions, "version", version)


def test_everything_that_is_looked_at(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json", "-"]) == OK
    out, error = capsys.readouterr()
    found = json.loads(out)
    assert found["scalegmn"] == __version__ and found["works"] is True
    assert {one["name"] for one in found["devices"]} == {"cpu", "cuda", "mps"}
    assert {one["name"] for one in found["folders"]} == {"SCALEGMN_DATA", "state of scans", "temporary files"}
    assert "scalegmn/trojan-detector" in {one["name"] for one in found["models that come with scalegmn"]}
    assert "torch" in {one["name"] for one in found["needed packages"]}
    assert error.endswith("Everything that scalegmn needs works\n")
    assert not (at_home / "state").exists(), "the doctor makes nothing"


def test_packages_are_missing_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    having(monkeypatch, alpha="1.10", beta="1.9.9", gamma="3.9")
    alpha, beta = needed_packages()
    assert (alpha.state, alpha.told) == (Health.ok, "1.10 (alpha>=1.2)")
    assert (beta.state, beta.told) == (
        Health.wrong,
        "1.9.9 is installed, which is too old: pip install 'beta>=2'",
    )
    reports, onnx = extras()
    assert (reports.name, reports.state) == ("reports", Health.absent)
    assert "pip install 'gamma>=3.10' delta" in reports.told
    assert onnx.state is Health.absent and "pip install delta" in onnx.told
    having(monkeypatch, alpha="1.2rc1", beta="2.0", gamma="3.10.1", delta="0.1")
    assert {one.state for one in (*needed_packages(), *extras())} == {Health.ok}


def test_what_is_missing_is_a_fault_with_a_remedy(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    having(monkeypatch, beta="2.1")
    assert main(["doctor"]) == NEGATIVE
    out = capsys.readouterr().out
    assert "wrong    alpha  not installed: pip install 'alpha>=1.2'" in out
    assert "not looked at, since alpha must be there first" in out
    assert out.endswith("1 thing does not work: alpha\n")


def test_folders_that_are_none(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEGMN_DATA", str(at_home / "nowhere"))
    data, _, _ = folders.folders()
    assert data.state is Health.wrong and "is no folder" in data.told
    monkeypatch.setenv("SCALEGMN_DATA", str(at_home))
    file = at_home / "file"
    file.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(file))
    data, state, _ = folders.folders()
    assert data.state is Health.ok
    assert state.state is Health.wrong and "set XDG_STATE_HOME" in state.told


def test_findings_are_not_written_over(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = at_home / "findings.json"
    target.write_text("mine")
    assert main(["doctor", "--json", str(target)]) == USAGE
    assert target.read_text() == "mine"


def test_nothing_is_needed_to_ask(tmp_path: Path) -> None:
    """Where no package is installed, the doctor still says so."""
    program = (
        "import sys\n"
        "class Nothing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'numpy', 'jsonargparse', 'rich', 'scipy'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Nothing())\n"
        "from importlib import util\n"
        "util.find_spec = lambda name: None\n"
        "from scalegmn.cli import packages\n"
        "packages.requires = lambda name: ['there-is-no-such-package>=1']\n"
        "from scalegmn.cli.main import main\n"
        "sys.exit(main(['doctor']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == NEGATIVE, done.stderr
    assert "there-is-no-such-package  not installed" in done.stdout
    assert "PyTorch is not installed" in done.stdout

"""Files with more in them than one network: nothing hides beside a network that looks clean."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.cli.main import main
from scalegmn.trojans.scanning import Detector, FileResult, ScanReport, ScanSettings, Verdict, scan, scan_page
from tests.trojans.scanning.cases import architecture, networks
from tests.trojans.scanning.malice import DEADLY, HIDDEN

JUDGED = (Verdict.clean, Verdict.suspect)
RELU = ScanSettings(activation="relu")


def network(row: int = 0) -> dict[str, Tensor]:
    """Clean ones have even rows."""
    theta, _, _ = networks(8, seed=7)
    return {name: value.clone() for name, value in architecture().unflatten(theta[row]).items()}


def scanned(content: object, folder: Path, detector: Detector) -> tuple[FileResult, ...]:
    torch.save(content, folder / "file.pt")
    return scan([folder / "file.pt"], detector=detector, settings=RELU).files


@pytest.mark.parametrize("keys", [("model", "model_ema"), ("state_dict", "net"), ("a", "b")])
def test_each_network_is_judged_by_itself(
    keys: tuple[str, str], small_detector: Detector, tmp_path: Path
) -> None:
    first, second = network(), network(1)
    found = scanned({keys[0]: first, keys[1]: second}, tmp_path, small_detector)
    assert [result.network for result in found] == list(keys)
    alone = [scanned(one, tmp_path, small_detector)[0] for one in (first, second)]
    for one, by_itself in zip(found, alone, strict=True):
        assert one.verdict is by_itself.verdict and one.verdict in JUDGED and one.unread == ()
        assert one.logit == pytest.approx(by_itself.logit, abs=1e-5)


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_beside_a_network_is_named_and_nothing_is_clean(
    name: str, small_detector: Detector, tmp_path: Path
) -> None:
    found = scanned(HIDDEN[name](network()), tmp_path, small_detector)
    assert {result.verdict for result in found} <= {Verdict.abstain, Verdict.suspect}
    assert all(name in result.unread for result in found)


@pytest.mark.slow
def test_all_reports_name_it(
    small_detector: Detector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"w\x1b": network(), "adapter\n": {"down": torch.ones(3)}}, tmp_path / "file.pt")
    reports = [tmp_path / f"report.{kind}" for kind in ("json", "sarif", "html")]
    options = [word for path in reports for word in (f"--{path.suffix[1:]}", str(path))]
    run = str(small_detector.run.folder)
    code = main(
        ["scan", str(tmp_path / "file.pt"), "--detector", run, "--device", "cpu", *options, "--quiet"]
    )
    assert code in (1, 3)
    shown = [capsys.readouterr().out, *(path.read_text() for path in reports)]
    assert all("adapter\\n" in text and "down" in text for text in shown)
    assert all("\x1b" not in text for text in shown)
    assert json.loads(reports[0].read_text())["limits"].startswith("Limits held: time on the clock")


@pytest.mark.parametrize(
    "company",
    [
        {"epoch": 3, "loss": 0.5, "name": "a", "none": None},
        {"scale": torch.tensor(1.0)},
        {"rng_state": torch.get_rng_state()},
        {"empty": torch.ones(0)},
        {"args": Fraction(1, 3)},
    ],
)
def test_the_company_of_a_training_is_no_network(
    company: dict[str, object], small_detector: Detector, tmp_path: Path
) -> None:
    (result,) = scanned({"state_dict": network(), **company}, tmp_path, small_detector)
    assert result.verdict in JUDGED and result.unread == () and result.network is None


def test_states_of_optimizers_are_no_networks(small_detector: Detector, tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    content = {"state_dict": network(), "optimizer": optimizer.state_dict()}
    (result,) = scanned(content, tmp_path, small_detector)
    assert result.verdict in JUDGED and result.unread == ()


class Caller:
    """Pickled, it is a call of a function of another library."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.importorskip, ("os",)


def test_a_file_that_calls_something_elsewhere_is_an_error(small_detector: Detector, tmp_path: Path) -> None:
    (result,) = scanned({"state_dict": network(), "hook": Caller()}, tmp_path, small_detector)
    assert result.verdict is Verdict.error and "importorskip" in str(result.reason)


def test_many_networks_are_too_many(small_detector: Detector, tmp_path: Path) -> None:
    content = {f"n{number}": {"weight": torch.ones(1)} for number in range(65)}
    (result,) = scanned(content, tmp_path, small_detector)
    assert result.verdict is Verdict.error and "65 networks" in str(result.reason)


@pytest.mark.slow
def test_deadly_files_are_one_error_each(small_detector: Detector, tmp_path: Path) -> None:
    for name, content in DEADLY.items():
        (tmp_path / name).write_bytes(content)
    torch.save(network(), tmp_path / "zz_good.pt")
    report = scan([tmp_path], detector=small_detector, settings=RELU)
    found = {Path(result.path).name: result for result in report.files}
    assert found.pop("zz_good.pt").verdict in JUDGED
    assert found.keys() == DEADLY.keys()
    assert all(result.verdict is Verdict.error and result.reason for result in found.values())


def test_the_page_of_such_a_scan(small_detector: Detector, tmp_path: Path) -> None:
    torch.save({"model": network(), "more": [torch.ones(2)]}, tmp_path / "file.pt")
    report: ScanReport = scan([tmp_path], detector=small_detector, settings=RELU)
    page = scan_page(report)
    assert "1 tensors were not evaluated: <code>more.0</code>" in page and report.limits in page


def test_a_mistake_of_the_library_is_an_error_of_one_file(
    small_detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> object:
        raise IndexError("off by one")

    for place in ("read_file", "evaluate_candidates"):
        with monkeypatch.context() as patch:
            patch.setattr(f"scalegmn.trojans.scanning._steps.{place}", broken)
            (result,) = scanned(network(), tmp_path, small_detector)
        assert result.verdict is Verdict.error and "IndexError: off by one" in str(result.reason)

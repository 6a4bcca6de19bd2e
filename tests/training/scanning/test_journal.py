from __future__ import annotations

from pathlib import Path

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.training.scanning.journal import Journal
from scalegmn.training.scanning.results import FileResult, Share, Verdict

HEADER = {"detector": "one"}
FIRST = FileResult(
    path="a.pt", verdict=Verdict.suspect, sha256="1", p_value=0.1, notes=("n",), layers=(Share("0", 1.0),)
)
SECOND = FileResult(path="b\n.pt", verdict=Verdict.error, sha256="2", reason="no \udce9")


def fill(path: Path) -> None:
    with Journal(path, header=HEADER, resume=False) as journal:
        journal.add([(("1", ".pt"), FIRST)])
        journal.add([(("2", ".pt"), SECOND)])


def test_results_come_back(tmp_path: Path) -> None:
    fill(tmp_path / "deep" / "journal")
    with Journal(tmp_path / "deep" / "journal", header=HEADER, resume=True) as journal:
        assert journal.known == {("1", ".pt"): FIRST, ("2", ".pt"): SECOND}


def test_a_line_without_its_end_never_happened(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path)
    path.write_bytes(path.read_bytes()[:-3])
    with Journal(path, header=HEADER, resume=True) as journal:
        assert set(journal.known) == {("1", ".pt")}
        journal.add([(("2", ".pt"), SECOND)])
    with Journal(path, header=HEADER, resume=True) as journal:
        assert len(journal.known) == 2


def test_without_resume_it_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path)
    with Journal(path, header=HEADER, resume=False) as journal:
        assert not journal.known
    with pytest.raises(ConfigurationError, match="detector"):
        Journal(path, header={"detector": "two"}, resume=True)


@pytest.mark.parametrize("content", [b"{}\n", b"nonsense\n", b'{"format": 1, "detector": "one"}\n{}\n'])
def test_other_and_damaged_journals_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="without --resume"):
        Journal(path, header=HEADER, resume=True)
    assert path.read_bytes() == content


def test_no_journal_keeps_nothing_on_disk(tmp_path: Path) -> None:
    with Journal(None, header=HEADER, resume=False) as journal:
        journal.add([(("1", ".pt"), FIRST)])
        assert journal.known == {("1", ".pt"): FIRST}
    assert not list(tmp_path.iterdir())

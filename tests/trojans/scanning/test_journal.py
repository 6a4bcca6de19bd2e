from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.trojans.scanning import FileResult, Verdict, own_journal
from scalegmn.trojans.scanning._journal import ScanJournal
from scalegmn.trojans.scanning._results import Attribution
from scalegmn.trojans.scanning._user_state import state_folder, user_secret

HEADER = {"detector": "one"}
FIRST = FileResult(
    path="a.pt",
    verdict=Verdict.suspect,
    sha256="1",
    p_value=0.1,
    notes=("n",),
    layers=(Attribution("0", 1.0),),
)
SECOND = FileResult(
    path="b\n.pt", verdict=Verdict.abstain, sha256="2", reason="no \udce9", network="a", unread=("b",)
)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def fill(path: Path) -> None:
    with ScanJournal(path, header=HEADER, resume=False) as journal:
        journal.add({"1": [FIRST]})
        journal.add({"2": [FIRST, SECOND]})


def remembered(*results: FileResult) -> tuple[FileResult, ...]:
    return tuple(FileResult.from_dict({**one.to_dict(), "from_journal": True}) for one in results)


def test_results_come_back_and_say_where_they_are_from(tmp_path: Path) -> None:
    fill(tmp_path / "deep" / "journal")
    with ScanJournal(tmp_path / "deep" / "journal", header=HEADER, resume=True) as journal:
        assert journal.known == {"1": remembered(FIRST), "2": remembered(FIRST, SECOND)}
        assert all(one.from_journal for results in journal.known.values() for one in results)


def test_a_line_without_its_end_never_happened(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path)
    path.write_bytes(path.read_bytes()[:-3])
    with ScanJournal(path, header=HEADER, resume=True) as journal:
        assert set(journal.known) == {"1"}
        journal.add({"2": [SECOND]})
    with ScanJournal(path, header=HEADER, resume=True) as journal:
        assert len(journal.known) == 2


def test_without_resume_it_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fill(path)
    with ScanJournal(path, header=HEADER, resume=False) as journal:
        assert not journal.known
    with pytest.raises(ConfigurationError, match="detector"):
        ScanJournal(path, header={"detector": "two"}, resume=True)


def forged(key: bytes) -> bytes:
    """A journal as somebody without the user's secret would write it."""
    last, text = b"", b""
    for line in ({"format": 2, **HEADER}, {"key": "1", "results": [FIRST.to_dict()]}):
        payload = json.dumps(line).encode()
        last = hmac.new(key, last + payload, hashlib.sha256).hexdigest().encode()
        text += last + b" " + payload + b"\n"
    return text


@pytest.mark.parametrize(
    "content",
    [
        b"{}\n",
        b"nonsense\n",
        b"my notes",
        b'{"format": 1, "detector": "one"}\n{}\n',
        forged(b""),
        forged(b"\0" * 32),
        b"0" * 64 + b" {}\n",
    ],
)
def test_other_forged_and_damaged_journals_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="without --resume"):
        ScanJournal(path, header=HEADER, resume=True)
    assert path.read_bytes() == content


@pytest.mark.parametrize("harm", ["byte", "order", "gap", "other user"])
def test_a_changed_journal_is_refused(harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    fill(path)
    lines = path.read_bytes().splitlines(keepends=True)
    if harm == "byte":
        lines[1] = lines[1].replace(b"suspect", b"clean", 1)
    elif harm == "order":
        lines[1:] = lines[:0:-1]
    elif harm == "gap":
        del lines[1]
    else:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    path.write_bytes(b"".join(lines))
    with pytest.raises(ConfigurationError, match="not written by you"):
        ScanJournal(path, header=HEADER, resume=True)


def test_only_journals_are_written_over(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("dear diary")
    for harmful in (notes, tmp_path / "link", tmp_path / "hard"):
        if harmful.name == "link":
            harmful.symlink_to(notes)
        if harmful.name == "hard":
            os.link(notes, harmful)
        with pytest.raises(ConfigurationError):
            ScanJournal(harmful, header=HEADER, resume=False)
        assert notes.read_text() == "dear diary"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="plain file"):
        ScanJournal(tmp_path / "pipe", header=HEADER, resume=False)


def test_two_scans_do_not_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with (
        ScanJournal(path, header=HEADER, resume=True),
        pytest.raises(ConfigurationError, match="another scan is writing"),
    ):
        ScanJournal(path, header=HEADER, resume=True)


def test_no_journal_keeps_nothing_on_disk(tmp_path: Path) -> None:
    with ScanJournal(None, header=HEADER, resume=False) as journal:
        journal.add({"1": [FIRST]})
        assert journal.known == {"1": (FIRST,)}
    assert not list(tmp_path.iterdir())


def test_the_users_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = user_secret()
    assert len(secret) == 32 and user_secret() == secret
    folder = state_folder()
    assert folder == tmp_path / "state" / "scalegmn"
    assert folder.stat().st_mode & 0o777 == 0o700
    (key,) = folder.iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
    one, other = own_journal(HEADER, ["a", "b"]), own_journal(HEADER, ["b"])
    assert one.parent == folder / "journals" and one != other
    assert own_journal(HEADER, ["b", Path.cwd() / "a"]) == one
    key.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others have access"):
        user_secret()
    key.chmod(0o600)
    key.write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="5 bytes"):
        user_secret()
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        state_folder()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "linked"))
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "scalegmn").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="found something else"):
        state_folder()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "third"))
    with pytest.raises(ConfigurationError, match="belongs to the user"):
        state_folder()

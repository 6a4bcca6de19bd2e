"""To storage and back, with file systems of fsspec that need no network."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import torch

from scalegmn.cli.main import main
from scalegmn.errors import ConfigurationError, DiskError, PopulationError
from scalegmn.networks import siren
from scalegmn.populations import PopulationWriter, download_population, upload_population
from scalegmn.populations import _object_storage as object_storage

URL = "memory://bucket/networks"


def written(folder: Path, *, seed: int = 0) -> Path:
    network = siren(widths=(2, 4, 1))
    theta = torch.randn(3, network.num_parameters, generator=torch.Generator().manual_seed(seed))
    with PopulationWriter(folder, provenance={"seed": seed}) as writer:
        writer.append(network, theta, {"label": [0, 1, 2]})
        writer.finish()
    (folder / "triggers.npz").write_bytes(b"beside it")
    return folder


@pytest.fixture
def storage() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    yield system
    if system.exists("/bucket"):
        system.rm("/bucket", recursive=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_copied_there_and_back_has_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, url = written(tmp_path / "here"), f"file://{tmp_path}/bucket"
    assert main(["copy", str(folder), url]) == 0
    assert main(["copy", url, str(tmp_path / "back")]) == 0
    assert contents(tmp_path / "back") == contents(folder) == contents(tmp_path / "bucket")
    assert f"3 networks are in {url}" in capsys.readouterr().out
    upload_population(folder, url)  # again: it is there already


def test_no_command_puts_networks_where_they_end_with_it(
    storage: fsspec.AbstractFileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", str(written(tmp_path / "here")), URL]) == 2
    assert f"{URL}: what is in memory ends with the command" in capsys.readouterr().err
    assert not storage.exists("/bucket")


def test_files_of_the_system_and_of_writers_are_not_copied(
    storage: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    folder = written(tmp_path / "here")
    expected = contents(folder)
    (folder / ".scalegmn.lock").write_bytes(b"process 1 on a")
    upload_population(folder, URL)
    storage.pipe_file("/bucket/networks/.hidden", b"of somebody")
    assert contents(download_population(URL, tmp_path / "back").folder) == expected


def test_another_population_is_not_written_over(storage: object, tmp_path: Path) -> None:
    upload_population(written(tmp_path / "here"), URL)
    with pytest.raises(PopulationError, match="holds another population already"):
        upload_population(written(tmp_path / "other", seed=1), URL)


def interrupt_upload(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upload all files but the last one."""
    kind = fsspec.get_filesystem_class("memory")
    put = kind.put_file

    def interrupted(self: object, here: str, there: str) -> None:
        if there.endswith("index.json"):
            raise KeyboardInterrupt
        put(self, here, there)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "put_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            upload_population(folder, URL)


def test_an_interrupted_upload_is_no_population(
    storage: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "here")
    interrupt_upload(folder, monkeypatch)
    with pytest.raises(PopulationError, match="its upload is not finished"):
        download_population(URL, tmp_path / "back")
    upload_population(folder, URL)
    assert contents(download_population(URL, tmp_path / "back").folder) == contents(folder)
    assert not storage.exists("/bucket/networks/.scalegmn.upload")


def test_an_interrupted_upload_of_other_networks_is_not_mixed_with(
    storage: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_upload(written(tmp_path / "here"), monkeypatch)
    before = storage.find("/bucket", detail=True)
    # Files of the same names and sizes.
    with pytest.raises(PopulationError, match=f"{URL}: holds metadata.parquet and 2 more, .*interrupted"):
        upload_population(written(tmp_path / "other", seed=1), URL)
    assert storage.find("/bucket", detail=True) == before
    upload_population(tmp_path / "here", URL)


def test_a_place_with_something_else_is_refused(storage: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    storage.pipe_file("/bucket/networks/notes.txt", b"of somebody")
    with pytest.raises(PopulationError, match=rf"{URL}: holds notes\.txt, of something else"):
        upload_population(written(tmp_path / "here"), URL)
    assert storage.ls("/bucket/networks", detail=False) == ["/bucket/networks/notes.txt"]


def test_what_comes_into_the_place_of_an_interrupted_upload_is_refused(
    storage: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "here")
    interrupt_upload(folder, monkeypatch)
    storage.pipe_file("/bucket/networks/notes.txt", b"of somebody")
    with pytest.raises(PopulationError, match=r"holds notes\.txt, of something else"):
        upload_population(folder, URL)


def test_a_storage_where_nothing_is_removed_serves(
    storage: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(type(storage), "rm_file", refusing)
    folder = written(tmp_path / "here")
    upload_population(folder, URL)
    upload_population(folder, URL)
    assert contents(download_population(URL, tmp_path / "back").folder) == contents(folder)


def test_what_arrives_damaged_is_refused_and_nothing_is_left(
    storage: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    upload_population(written(tmp_path / "here"), URL)
    (name,) = [name for name in storage.ls("/bucket/networks", detail=False) if name.endswith(".f32")]
    data = bytearray(storage.cat_file(name))
    data[5] ^= 1
    storage.pipe_file(name, bytes(data))
    with pytest.raises(PopulationError, match=f"^{URL}: .*checksum"):
        download_population(URL, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_damaged_population_is_not_uploaded(storage: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    folder = written(tmp_path / "here")
    path = next(folder.glob("*.f32"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(PopulationError, match="checksum"):
        upload_population(folder, URL)
    assert not storage.exists("/bucket/networks")


def test_names_that_lead_elsewhere_are_not_followed(
    storage: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    upload_population(written(tmp_path / "here"), URL)
    storage.pipe_file("/bucket/networks/..", b"up")
    storage.pipe_file("/bucket/networks/a\\b", b"aside")
    population = download_population(URL, tmp_path / "back")
    assert contents(population.folder) == contents(tmp_path / "here")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense://bucket", "nonsense://bucket: cannot be used, .*nonsense"),
        ("populations/inrs", "is no URL"),
        ("memory://nothing/there", "there is no population"),
        ("memory://", "memory://: names no place"),
        ("file:///", "file:///: names no place"),
        ("simplecache::s3://name:secret@bucket/x", "simplecache::s3://bucket/x: is a chain of URLs"),
        ("dir::file::memory://x", "dir::file::memory://x: is a chain of URLs"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises((ConfigurationError, PopulationError), match=said):
        download_population(url, tmp_path / "back")


def test_a_full_disk_and_a_refusing_service_are_told_apart(
    storage: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_population(written(tmp_path / "here"), URL)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def refusing(*arguments: object, **options: object) -> None:
        raise LookupError("no credentials")

    monkeypatch.setattr(type(storage), "get_file", full)
    with pytest.raises(DiskError, match="back: cannot be written"):
        download_population(URL, tmp_path / "back")
    monkeypatch.setattr(type(storage), "get_file", refusing)
    with pytest.raises(DiskError, match=f"{URL}: cannot be read, LookupError: no credentials"):
        download_population(URL, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://name:secret@bucket/a", "s3://bucket/a"),
        ("s3://name@bucket/a", "s3://bucket/a"),
        ("s3://name:secr/et@bucket/a", "s3://bucket/a"),
        ("s3://name:secr@et@bucket/a", "s3://bucket/a"),
        ("https://bucket/a?token=secret", "https://bucket/a?..."),
        ("https://bucket:80/a@b", "https://bucket:80/a@b"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("populations/a@b?c", "populations/a@b?c"),
    ],
)
def test_passwords_of_urls_are_not_told(url: str, shown: str) -> None:
    assert object_storage.shown_url(url) == shown


@pytest.mark.parametrize("error", [OSError, LookupError])
def test_passwords_are_not_told_when_a_service_quotes_them(
    storage: fsspec.AbstractFileSystem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: type[Exception],
) -> None:
    url = "memory://name:sec/ret@bucket/a?key=hidden"

    def refusing(*arguments: object, **options: object) -> None:
        raise error(f"no {url}, and no sec/ret or key=hidden")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refusing)
    assert main(["copy", url, str(tmp_path / "back")]) == 3
    assert main(["copy", url, url]) == 2
    said = capsys.readouterr().err
    assert "memory://bucket/a?...: cannot be reached" in said
    assert not any(secret in said for secret in ("sec/ret", "hidden", "name"))


def test_without_fsspec_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'scalegmn\[cluster\]'"):
        download_population(URL, tmp_path / "back")


def test_an_upload_to_a_chain_of_urls_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", str(written(tmp_path / "here")), "simplecache::s3://bucket/x"]) == 2
    assert "simplecache::s3://bucket/x: is a chain of URLs, expected a single one" in capsys.readouterr().err


@pytest.mark.parametrize("names", [["a", "b"], ["memory://a", "memory://b"], ["a::b/c", "d"]])
def test_one_of_the_two_is_a_url(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", *names]) == 2
    assert "expected one folder and one URL" in capsys.readouterr().err

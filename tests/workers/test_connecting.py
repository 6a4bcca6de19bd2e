from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.workers import _connecting as connecting
from scalegmn.workers import open_executor
from scalegmn.workers._versions import difference, questioner, versions_here


@pytest.mark.parametrize(
    "address", ["10.0.0.1:6379", "ray://head:10001", "[::1]:6379", "some-host.example:1", "local", "auto"]
)
def test_addresses(address: str) -> None:
    connecting.check_address(address)


@pytest.mark.parametrize("address", ["", "head", "http://head:1", "10.0.0.1", "head:port", "a b:1", "local:"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="expected HOST:PORT"):
        open_executor(cluster=address)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["", "ray://"])
def test_a_silent_address_is_one_sentence(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(connecting, "_SILENT", 0.5)
    with socket.socket() as taken:
        # Taken and not listening: nothing else can answer there.
        taken.bind(("127.0.0.1", 0))
        address = f"{way}127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(ConfigurationError, match=f"{address}: no Ray cluster answered"),
            open_executor(cluster=address),
        ):
            pass


@pytest.mark.parametrize(("raised", "expected"), [(15, KeyboardInterrupt), (None, ConfigurationError)])
def test_whoever_is_asked_to_end_while_connecting_disconnects_and_ends(
    monkeypatch: pytest.MonkeyPatch, raised: int | None, expected: type[BaseException]
) -> None:
    ray = connecting.ray_module()
    closed: list[bool] = []

    def init(**options: object) -> None:
        if raised is not None:
            raise SystemExit(raised)
        raise RuntimeError("no such thing")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: closed.append(True))
    with pytest.raises(expected), open_executor(cluster="local"):
        pass
    assert closed == [True]


def test_who_answers_and_is_no_cluster_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_SILENT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with (
            pytest.raises(ConfigurationError, match="no Ray cluster answered"),
            open_executor(cluster=address),
        ):
            pass


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ConfigurationError, match=r"pip install 'scalegmn\[cluster\]'"),
        open_executor(cluster="local"),
    ):
        pass


@pytest.mark.slow
def test_nothing_of_ray_is_imported_unless_a_cluster_is_asked_for() -> None:
    script = (
        "import sys; from scalegmn.workers import *; from scalegmn.workers import RayCluster\n"
        "from scalegmn.zoo.inrs import fit_inrs\n"
        "with open_executor(workers=1): pass\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('ray', 'grpc', 'fsspec')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_other_versions_are_one_sentence() -> None:
    wanted = {"scalegmn": "2.0", "torch": "3.0"}
    assert difference(wanted, wanted=wanted, machine="w") is None
    said = difference({"scalegmn": "1.0", "torch": "3.0"}, wanted=wanted, machine="w")
    assert said is not None and said.startswith("the worker w has scalegmn 1.0, and the machine where")
    said = difference({"scalegmn": "2.0"}, wanted=wanted, machine="w")
    assert said == "the worker w cannot import torch; install torch==3.0 there"


def test_a_machine_without_the_library_is_told_what_to_install() -> None:
    said = difference({}, wanted=versions_here(), machine="w")
    assert said is not None and said.startswith("the worker w cannot import scalegmn; install scalegmn==")


@pytest.mark.parametrize("known", [True, False])
def test_a_token_is_shown_if_there_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: bool
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    if known:
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("token")
    assert connecting._has_token() is known


def test_the_question_is_answered_without_this_library() -> None:
    assert questioner()() == versions_here()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Version mismatch: The cluster was started with:\n Ray: 2.9", "another version of Ray or Python"),
        ("Can't find a `node_ip_address.json` file", "this machine is not one of the cluster"),
        ("no such thing", "the cluster cannot be used"),
    ],
)
def test_reasons_of_ray_are_one_line(text: str, said: str) -> None:
    reason = connecting._reason(RuntimeError(text))
    assert said in reason and "\n" not in reason

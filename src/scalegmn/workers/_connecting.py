"""From an address to a cluster that answers and runs the same library, or to a sentence that says why not."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from scalegmn.errors import ConfigurationError
from scalegmn.printable import printable
from scalegmn.workers._versions import difference, questioner, versions_here

_LOG: Final = logging.getLogger(__name__)

LOCAL: Final = "local"
AUTO: Final = "auto"
_CLIENT: Final = "ray://"
# Seconds until an address counts as silent, and until a machine does.
_SILENT: Final = 10.0
_UNANSWERED: Final = 90.0
# Ray raises RuntimeError or ConnectionError for any of these: only its words tell them apart.
_REASONS: Final = {
    ("ersion mismatch",): "the cluster runs another version of Ray or Python than this machine: {}",
    ("raylet", "node_ip_address", "find a node"): (
        "this machine is not one of the cluster; join it with `ray start --address=HOST:PORT --num-cpus=0`, "
        "or go through ray://HOST:10001 ({})"
    ),
}


def ray_module() -> ModuleType:
    """Ray itself, which nothing imports unless a cluster is asked for.

    Raises:
        ConfigurationError: it is not installed.
    """
    # Ray reads these when it is imported.  A library that sends nothing home has nobody else do so, and
    # whoever has a token shows it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError as error:
        raise ConfigurationError(
            f"a cluster needs Ray, which cannot be imported ({error}); pip install 'scalegmn[cluster]'"
        ) from error
    return ray


def _has_token() -> bool:
    """Whether this machine has the token by which Ray guards a cluster."""
    named = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    return named or (Path.home() / ".ray" / "auth_token").is_file()


def check_address(address: str) -> None:
    """Refuse what is no address of a cluster.

    Raises:
        ConfigurationError: it is none.
    """
    if address in (LOCAL, AUTO) or re.fullmatch(
        r"(ray://)?(\[[0-9a-fA-F:.%]+\]|[^:/\s\[\]]+):\d{1,5}", address
    ):
        return
    raise ConfigurationError(
        f"the address of the cluster is {address!r}, expected HOST:PORT (such as 10.0.0.1:6379), "
        "ray://HOST:PORT (such as ray://10.0.0.1:10001), auto for the cluster of this machine, or local"
    )


def connect(address: str, *, processors: int | None) -> None:
    """Make this process a driver of a cluster.

    Args:
        address: checked.
        processors: of a local cluster; None for all.

    Raises:
        ConfigurationError: nothing answers, or something else than a cluster of this version of Ray.
        KeyboardInterrupt: the process was asked to end meanwhile.
    """
    ray = ray_module()
    if ":" in address and not os.environ.get("RAY_USE_TLS"):
        _check_listener(address)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options |= {"num_cpus": processors, "include_dashboard": False}
    elif address.startswith(_CLIENT):
        options = {}
    _keep_standard_output()
    for name in ("ray", "ray.client_builder"):
        logging.getLogger(name).setLevel(logging.ERROR)
    before = _termination()
    try:
        ray.init(address=address, **options)
    except SystemExit as stop:
        # Ray answers SIGTERM so while it starts.
        raise KeyboardInterrupt from stop
    except Exception as error:
        # Versions that differ, a machine that is not one of the cluster, no cluster on this machine.
        raise ConfigurationError(f"{printable(address)}: {_reason(error)}") from error
    finally:
        if before is not None:
            # Ray ends the process in its own way.
            signal.signal(signal.SIGTERM, before)


def _keep_standard_output() -> None:
    """Have Ray tell its log, and not the standard output, which is for results, what it tells of workers."""
    printer = sys.modules.get("ray._private.worker")
    if printer is not None:
        vars(printer)["print_to_stdstream"] = _log


def _log(data: Mapping[str, Any], ignore_prefix: bool = False) -> None:
    for line in data.get("lines", ()):
        _LOG.debug("%s", printable(line))


def _termination() -> Any:
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.getsignal(signal.SIGTERM)


def _check_listener(address: str) -> None:
    """Ray itself would try for minutes."""
    import grpc

    channel = grpc.insecure_channel(address.removeprefix(_CLIENT))
    try:
        grpc.channel_ready_future(channel).result(timeout=_SILENT)
    except grpc.FutureTimeoutError:
        raise ConfigurationError(
            f"{printable(address)}: no Ray cluster answered within {_SILENT:.0f} seconds; check host and "
            "port, and that `ray status` there shows a cluster"
        ) from None
    finally:
        channel.close()


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    for words, sentence in _REASONS.items():
        if any(word in text for word in words):
            return sentence.format(printable(text))
    return (
        f"the cluster cannot be used ({type(error).__name__}: {printable(text)}); see `ray status` there, "
        "and copy ~/.ray/auth_token from its first machine, if it has one"
    )


def check_machines(address: str) -> None:
    """Ask every machine of the cluster for its versions.

    Raises:
        ConfigurationError: one has no such library, another version, or does not answer.
    """
    ray = ray_module()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    machines = _machines(ray)
    if not machines:
        raise ConfigurationError(
            f"{printable(address)}: the cluster has no machine with a processor for work; add one with "
            "`ray start --address=HOST:PORT`"
        )
    ask = ray.remote(num_cpus=0, max_retries=0)(questioner())
    asked = {
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(key, soft=False)).remote(): key
        for key in machines
    }
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=_UNANSWERED)
    problems = {asked[one]: f"did not answer in {_UNANSWERED:.0f} seconds" for one in silent}
    found: list[str] = []
    for reference in answered:
        name = machines[asked[reference]]
        try:
            problem = difference(ray.get(reference), wanted=versions_here(), machine=name)
            found += [] if problem is None else [problem]
        except Exception as error:
            # Whatever it is, that machine cannot work.
            problems[asked[reference]] = f"cannot work: {_last_line(error)}"
    # One that has gone meanwhile is no machine of the cluster any more.
    found += [f"the worker {machines[key]} {problems[key]}" for key in problems if key in _machines(ray)]
    if found:
        more = f" (and {len(found) - 1} other workers likewise)" if len(found) > 1 else ""
        raise ConfigurationError(f"{printable(address)}: {found[0]}{more}")


def _machines(ray: ModuleType) -> dict[str, str]:
    """Names of the machines that work, by what the cluster calls them."""
    return {
        str(node["NodeID"]): str(node["NodeManagerAddress"])
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
    }


def _last_line(error: BaseException) -> str:
    # Ray quotes what was raised there; what it was stands in the end.
    return printable([type(error).__name__, *str(error).strip().splitlines()][-1])

"""How a worker is started: with nothing of its parent but one socket and the places of two packages."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import lazy_loader
import numpy as np

import scalegmn.errors

ENTRY: Final = "from scalegmn.checkpoints.worker._child import main; main()"
"""What a worker runs."""


@final
@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A worker of another kind than that for checkpoints.

    Attributes:
        entry: what it runs: an import of this library, and a call.
        packages: names of the packages that it needs beside numpy.
    """

    entry: str
    packages: tuple[str, ...]


_MOST_DIAGNOSTICS: Final = 4096
_SETTINGS: Final = {
    # More threads would take address space and processor time, and cannot be started under the limits.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    # The HDF5 library loads no plugins, from nowhere.
    "HDF5_PLUGIN_PRELOAD": "::",
    "HDF5_PLUGIN_PATH": "",
    "HDF5_USE_FILE_LOCKING": "FALSE",
}
# Where the system finds the libraries that Python itself is linked with.
_KEPT: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def package_paths(packages: Sequence[str] = ()) -> list[str]:
    """Where a worker finds numpy, h5py and this library: the folders that this process has them from.

    They are searched after the standard library and before nothing else, so neither the current folder nor
    ``PYTHONPATH`` nor a startup file of ``site-packages`` can put another module in place of one of these.

    Args:
        packages: other ones that it needs; those that are not installed are left out.
    """
    modules = (np.__file__, lazy_loader.__file__, scalegmn.errors.__file__)
    folders = [Path(module).absolute().parents[1] for module in modules]
    return list(dict.fromkeys(map(str, (*folders, *_folders_of(("h5py", *packages))))))


def _folders_of(packages: Sequence[str]) -> Iterator[Path]:
    for name in packages:
        try:
            found = importlib.util.find_spec(name)
        except ImportError:
            continue
        if found is not None and found.origin is not None:
            yield Path(found.origin).absolute().parents[name.count(".") + 1]


def command(*, entry: str, paths: Sequence[str]) -> list[str]:
    """The command line of a worker."""
    boot = f"import sys; sys.path += sys.argv[1:-1]; {entry}"
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", boot, *paths, str(os.getpid())]


def environment() -> dict[str, str]:
    """The environment of a worker."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _SETTINGS


def launch(
    *, entry: str = ENTRY, packages: Sequence[str] = ()
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a worker; its standard input is the other end of the socket.

    Raises:
        OSError: the system cannot start it.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = subprocess.Popen(
                command(entry=entry, paths=package_paths(packages)),
                stdin=subprocess.PIPE if sys.platform == "win32" else theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                close_fds=True,
                cwd=os.path.abspath(os.sep),
                env=environment(),
                # Out of reach of Ctrl-C in a terminal, which is for the parent to handle.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            if sys.platform == "win32":
                assert process.stdin is not None
                with process.stdin as stream:
                    stream.write(theirs.share(process.pid))
    except BaseException:
        ours.close()
        raise
    return process, ours


def diagnostics(process: subprocess.Popen[bytes]) -> str:
    """The last line that a worker has written to its standard error, without waiting for more."""
    if process.stderr is None or process.stderr.closed:
        return ""
    descriptor = process.stderr.fileno()
    content = b""
    # The pipe holds little, and a worker that has filled it waits: what is read is bounded by that.
    with contextlib.suppress(OSError, ValueError):
        if sys.platform != "win32":
            os.set_blocking(descriptor, False)
        while part := os.read(descriptor, _MOST_DIAGNOSTICS):
            content = (content + part)[-_MOST_DIAGNOSTICS:]
    lines = content.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""

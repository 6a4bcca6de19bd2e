"""How a worker is started: with nothing of its parent but one socket and the places of two packages."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import lazy_loader
import numpy as np

import scalegmn.errors

ENTRY: Final = "from scalegmn.checkpoints.worker._child import main; main()"
"""What a worker runs."""

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


def package_paths() -> list[str]:
    """Where a worker finds numpy, h5py and this library: the folders that this process has them from.

    They are searched after the standard library and before nothing else, so neither the current folder nor
    ``PYTHONPATH`` nor a startup file of ``site-packages`` can put another module in place of one of these.
    """
    modules = [np.__file__, lazy_loader.__file__, scalegmn.errors.__file__]
    optional = importlib.util.find_spec("h5py")
    if optional is not None and optional.origin is not None:
        modules.append(optional.origin)
    folders = [Path(module).absolute().parents[1] for module in modules]
    return list(dict.fromkeys(map(str, folders)))


def command(*, entry: str, paths: Sequence[str]) -> list[str]:
    """The command line of a worker."""
    boot = f"import sys; sys.path += sys.argv[1:-1]; {entry}"
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", boot, *paths, str(os.getpid())]


def environment() -> dict[str, str]:
    """The environment of a worker."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _SETTINGS


def launch(*, entry: str = ENTRY) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a worker; its standard input is the other end of the socket.

    Raises:
        OSError: the system cannot start it.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = subprocess.Popen(
                command(entry=entry, paths=package_paths()),
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

"""The folder of a demonstration, and what of it is there already."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

from scalegmn.cli.demonstration.settings import DemoSettings
from scalegmn.disk import holds_something, make_folder
from scalegmn.errors import ConfigurationError
from scalegmn.networks import read_json
from scalegmn.training import write_json

STATE: Final = "demo.json"
NETWORKS: Final = "networks"
SCALEGMN: Final = "scalegmn"
PERMUTATION: Final = "permutation"
TRAININGS: Final = "trainings"
RESULTS: Final = "results.json"
PICTURES: Final = ("overview.png", "learning_curves.png", "confusion.png")
_FOLDERS: Final = (NETWORKS, SCALEGMN, PERMUTATION)


@final
class DemoFolder:
    """Knows which stages are done and how long each took.

    A folder of an earlier demonstration is emptied of what the demonstration writes, and of nothing else;
    with `resume` it is gone on with.

    Args:
        path: the folder; new, empty, or of an earlier demonstration.
        settings: of the demonstration.
        resume: use what is there.

    Raises:
        ConfigurationError: the folder holds something else, or was begun with other settings.
    """

    def __init__(self, path: Path, *, settings: DemoSettings, resume: bool) -> None:
        self.path = path
        self.seconds: dict[str, float] = {}
        self._settings = settings.to_plain()
        state = path / STATE
        if path.exists() and not path.is_dir():
            raise ConfigurationError(f"{path}: is a file; choose a folder with --output")
        if not state.is_file() and holds_something(path):
            raise ConfigurationError(
                f"{path}: holds {min(p.name for p in path.iterdir())!r} and is no folder of a demonstration; "
                "choose another one with --output"
            )
        if resume and state.is_file():
            self._go_on(state)
        else:
            self._empty()
        self._write()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def is_done(self, stage: str) -> bool:
        """Whether a stage has finished, in this call or an earlier one."""
        return stage in self.seconds

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage, and remember that it is done if nothing is raised."""
        began = time.perf_counter()
        yield
        self.record(name, time.perf_counter() - began)

    def record(self, name: str, seconds: float) -> None:
        """Remember that something is done, and how long it took."""
        self.seconds[name] = seconds
        self._write()

    def _go_on(self, state: Path) -> None:
        found = read_json(state, what="state of a demonstration")
        # Through JSON and back, as the file went.
        if found.get("settings") != json.loads(json.dumps(self._settings)):
            raise ConfigurationError(
                f"{self.path}: was begun with other settings or by another version; leave --resume out to "
                "begin anew"
            )
        self.seconds = dict(found["seconds"])

    def _empty(self) -> None:
        make_folder(self.path)
        for name in _FOLDERS:
            if (self.path / name).is_dir():
                shutil.rmtree(self.path / name)
        for name in (RESULTS, *PICTURES):
            (self.path / name).unlink(missing_ok=True)

    def _write(self) -> None:
        write_json(self.path / STATE, {"settings": self._settings, "seconds": self.seconds})

"""The import rule of the house: the top imports the bottom, never the reverse.

The source is parsed, not imported, so that imports inside functions, under `TYPE_CHECKING` and by
`importlib.import_module("...")` count too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = "scalegmn"

# Bottom to top.  A room imports rooms of lower floors and itself; rooms of one floor that stand
# together below know each other only where ACQUAINTED says so.
FLOORS = (
    (
        "errors",
        "exports",
        "printable",
        "shapes",
        "seeding",
        "disk",
        "configuration",
        "csv_text",
        "registry",
        "shipped",
        "workers",
    ),
    ("checkpoints",),
    ("networks",),
    ("programs",),
    ("symmetry",),
    ("graph",),
    ("nn",),
    ("models", "images", "metrics"),
    ("populations",),
    ("reports",),
    ("collections", "zoo"),
    ("alignment",),
    ("training",),
    ("tasks", "comparison", "editing", "trojans"),
    ("cli",),
    ("testing", "__main__", "__init__"),
)
RANK = {room: rank for rank, rooms in enumerate(FLOORS) for room in rooms}
ACQUAINTED = frozenset(FLOORS[0])
# Rooms whose files are no secret: an application has no interface, and tests look into the tools for tests.
OPEN = frozenset({"cli", "testing"})
# Rooms that draw; what several subjects draw is in `reports`.
DRAWING = {"reports", "comparison", "trojans"}
# Distribution packages that only some rooms may use.
RESERVED = {
    "torch_geometric": {"graph", "nn", "models"},
    "torch_scatter": set(),
    "torch_sparse": set(),
    "lightning": {"training", "comparison", "editing", "cli"},
    "pytorch_lightning": {"training", "cli"},
    "lightning_fabric": {"training", "cli"},
    "ray": {"workers"},
    "grpc": {"workers"},
    "fsspec": {"populations"},
    "matplotlib": DRAWING,
    "seaborn": set(),
    "plotly": set(),
}


def absolute(*, module: str, is_package: bool, level: int, name: str | None) -> str:
    """The full name of what `from <level dots><name> import ...` in `module` refers to."""
    if level == 0:
        return name or ""
    parts = module.split(".")
    drop = level - 1 if is_package else level
    base = parts[: len(parts) - drop]
    return ".".join([*base, name] if name else base)


def imports(source: str, *, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that a source file imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module=module, is_package=is_package, level=node.level, name=node.module)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = node.args[0].value
            if called in ("import_module", "__import__") and isinstance(name, str):
                bare = name.lstrip(".")
                level = len(name) - len(bare)
                full = absolute(module=module, is_package=is_package, level=level, name=bare or None)
                yield node.lineno, full


def room_of(module: str) -> str:
    """The room that a module of the package belongs to; the package itself is `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def violations(source: str, *, module: str, is_package: bool = False) -> list[str]:
    """Every import of `source` that the rule forbids, as one line of text each."""
    room = room_of(module)
    if room not in RANK:
        return [f"{module}: the room {room!r} has no place in the import order; add it to FLOORS"]
    package = module if is_package else module.rpartition(".")[0]
    found = []
    for line, name in imports(source, module=module, is_package=is_package):
        where = f"{module}:{line} imports {name}"
        top = name.split(".")[0]
        if top in RESERVED and room not in RESERVED[top]:
            found.append(f"{where}: {top} belongs to {sorted(RESERVED[top]) or 'no room'}")
        if top == PACKAGE and (problem := forbidden(room, imported=name) or private(package, imported=name)):
            found.append(f"{where}: {problem}")
    return found


def private(package: str, *, imported: str) -> str | None:
    """Why a module of `package` may not import `imported`, if that is in a private module elsewhere."""
    home, inner, _ = imported.partition("._")
    if not inner or home == package or room_of(home) in OPEN or imported == f"{PACKAGE}.__version__":
        return None
    return f"it is private to {home}; import what {home} exports"


def forbidden(room: str, *, imported: str) -> str | None:
    """Why `room` may not import `imported`, a name in the package, or None if it may."""
    if imported in (PACKAGE, f"{PACKAGE}.__version__"):
        # The version is set before anything is imported, so it is safe to read from everywhere.
        return None if imported != PACKAGE else "import the submodule that is needed, not the whole package"
    target = room_of(imported)
    if target == room:
        return None
    if target == "testing":
        return "testing is for users and tests, nothing in the library imports it"
    if target not in RANK:
        return f"{target!r} is no room; import it from the submodule that defines it"
    if RANK[target] > RANK[room]:
        return f"{target} stands above {room}"
    if RANK[target] == RANK[room] and not {room, target} <= ACQUAINTED:
        return f"{target} and {room} do not import each other"
    return None


def modules() -> list[Path]:
    return sorted((SOURCE / PACKAGE).rglob("*.py"))


def test_sources_are_found() -> None:
    assert len(modules()) > 5


@pytest.mark.slow
def test_sources_keep_the_import_rule() -> None:
    found = {}
    for path in modules():
        parts = path.relative_to(SOURCE).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        source = path.read_text(encoding="utf-8")
        found[module] = violations(source, module=module, is_package=is_package)
    assert not {module: broken for module, broken in found.items() if broken}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        pytest.param("scalegmn.symmetry.groups", "from scalegmn.graph import fields", id="upwards"),
        pytest.param("scalegmn.symmetry.groups", "from scalegmn import graph", id="upwards-from-package"),
        pytest.param("scalegmn.symmetry.groups", "import scalegmn.graph.fields as f", id="upwards-plain"),
        pytest.param("scalegmn.symmetry.groups", "from ..graph import fields", id="upwards-relative"),
        pytest.param("scalegmn.symmetry.groups", "from .. import graph", id="upwards-relative-package"),
        pytest.param("scalegmn.graph.convert", "def f():\n    import scalegmn.nn.readout", id="in-function"),
        pytest.param("scalegmn.errors", "from scalegmn.networks import layers", id="from-the-bottom"),
        pytest.param("scalegmn.models.scalegmn", "import scalegmn.populations", id="models-populations"),
        pytest.param("scalegmn.images.idx", "import scalegmn.models", id="images-models"),
        pytest.param("scalegmn.reports.tables", "from scalegmn.cli import main", id="reports-cli"),
        pytest.param("scalegmn.cli.demo", "from scalegmn.testing import random_networks", id="testing"),
        pytest.param("scalegmn", "from scalegmn import testing", id="testing-from-the-top"),
        pytest.param("scalegmn.tasks.regression", "from scalegmn import ScaleGMN", id="re-export"),
        pytest.param("scalegmn.tasks.regression", "import scalegmn", id="whole-package"),
        pytest.param("scalegmn.tasks.regression", "from scalegmn.training._fit import train", id="private"),
        pytest.param("scalegmn.tasks", "from scalegmn.graph import _convert", id="private-module"),
        pytest.param(
            "scalegmn.trojans.scanning._scanner", "import scalegmn.trojans.repair._task", id="private-beside"
        ),
        pytest.param(
            "scalegmn.editing.edits.tone", "from scalegmn.trojans import triggers", id="subject-to-subject"
        ),
        pytest.param("scalegmn.training.fit", "from scalegmn.tasks import Regression", id="training-tasks"),
        pytest.param("scalegmn.utils", "import math", id="unknown-room"),
        pytest.param("scalegmn.populations.store", "from torch_geometric.data import Data", id="pyg"),
        pytest.param("scalegmn.tasks.regression", "import lightning.pytorch as pl", id="lightning"),
        pytest.param("scalegmn.cli.demo", "def f():\n    import matplotlib.pyplot", id="plotting"),
        pytest.param(
            "scalegmn.nn.readout",
            "import importlib\nimportlib.import_module('scalegmn.models')",
            id="import-module",
        ),
        pytest.param(
            "scalegmn.nn.readout",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from scalegmn.models import ScaleGMN",
            id="type-checking",
        ),
    ],
)
def test_violation_is_caught(module: str, source: str) -> None:
    assert violations(source, module=module, is_package=module == PACKAGE)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("scalegmn.graph.convert", "from scalegmn.networks.layers import Dense\nfrom .fields import FIELDS"),
        ("scalegmn.graph", "from .fields import FIELDS"),
        ("scalegmn.graph.network_graph", "from torch_geometric.data import Data"),
        ("scalegmn.graph._convert", "from scalegmn.graph._fields import FIELDS"),
        (
            "scalegmn.editing._task",
            "from scalegmn.training import Task\nfrom scalegmn.editing.edits import IMAGE_EDITS",
        ),
        ("scalegmn.seeding", "from scalegmn.errors import ScaleGMNError"),
        ("scalegmn.training.fit", "import lightning.pytorch as pl\nfrom scalegmn.metrics import roc_curve"),
        ("scalegmn.reports.curves", "import matplotlib.pyplot as plt"),
        ("scalegmn.populations.store", "from scalegmn import __version__"),
        ("scalegmn.models.baselines.flat", "from ..scalegmn import ScaleGMN"),
        ("scalegmn.testing", "from scalegmn.models import ScaleGMN"),
        ("scalegmn", "from scalegmn.models import ScaleGMN"),
    ],
)
def test_allowed_import_passes(module: str, source: str) -> None:
    is_package = module in (PACKAGE, "scalegmn.graph")
    assert not violations(source, module=module, is_package=is_package)

"""What users import comes from packages, is loaded when it is used, and is what the packages say."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import scalegmn

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "scalegmn"
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
PROGRAMS = sorted((ROOT / "examples").rglob("*.py"))
PACKAGES = sorted(
    ".".join(stub.parent.relative_to(SOURCE.parent).parts) for stub in SOURCE.rglob("__init__.pyi")
)
NAMES = [
    name
    for name in scalegmn.__all__
    if not inspect.ismodule(getattr(scalegmn, name)) and name != "__version__"
]
# The application: a program starts it by this name.
APPLICATION = "scalegmn.cli.main"


def test_the_front_door_is_small() -> None:
    assert 15 <= len(NAMES) <= 26


def _stub(package: str) -> ast.Module:
    path = SOURCE.parent.joinpath(*package.split("."), "__init__.pyi")
    return ast.parse(path.read_text(encoding="utf-8"))


def _aliases(package: str) -> list[ast.alias]:
    return [alias for node in _stub(package).body if isinstance(node, ast.ImportFrom) for alias in node.names]


def _run_examples(subject: object, name: str) -> None:
    [found] = doctest.DocTestFinder(recurse=False).find(subject, name, globs={})
    assert found.examples, f"the docstring of {name} has no example"
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    said: list[str] = []
    assert doctest.DocTestRunner(optionflags=options).run(found, out=said.append).failed == 0, "".join(said)


@pytest.mark.parametrize("name", ["", *NAMES])
def test_examples_of_the_front_door_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of every name of the front door: there is one, and it does what it shows."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _run_examples(getattr(scalegmn, name) if name else scalegmn, name or "scalegmn")


@pytest.mark.slow
@pytest.mark.parametrize("package", [package for package in PACKAGES if package != "scalegmn"])
def test_examples_of_packages_run(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those examples that public names of packages have."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module = importlib.import_module(package)
    for name in sorted(set(module.__all__) - set(NAMES)):
        thing = getattr(module, name)
        if (inspect.isclass(thing) or inspect.isroutine(thing)) and ">>>" in (thing.__doc__ or ""):
            _run_examples(thing, f"{package}.{name}")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_exports_what_its_stub_says(package: str) -> None:
    module = importlib.import_module(package)
    [listed] = [ast.literal_eval(node.value) for node in _stub(package).body if isinstance(node, ast.Assign)]
    assert set(listed) <= {alias.name for alias in _aliases(package)} | {"__version__"}
    assert module.__all__ == listed
    assert dir(module) == sorted(set(listed))
    for alias in _aliases(package):
        assert getattr(module, alias.name) is not None
    with pytest.raises(AttributeError):
        _ = module.no_such_name


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_not_public_is_for_other_rooms(package: str) -> None:
    """What is imported as itself is seen by a type checker, and is not in the list of public names."""
    public = set(importlib.import_module(package).__all__)
    for alias in _aliases(package):
        assert alias.asname == (None if alias.name in public else alias.name), alias.name


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_documented(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing):
            assert inspect.getdoc(thing), name


def test_a_public_name_means_one_thing() -> None:
    meanings: dict[str, object] = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            assert meanings.setdefault(name, thing) is thing, f"{package}.{name}"


def test_importing_the_package_loads_nothing_large() -> None:
    program = (
        "import sys, scalegmn; "
        "print(scalegmn.__version__, *sorted({'torch', 'numpy', 'torch_geometric'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [scalegmn.__version__]


def private(source: str) -> Iterator[str]:
    """Names of the library in Python code that come from an inner module."""
    for node in ast.walk(ast.parse(source)):
        named = []
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            named = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in named:
            if re.match(r"scalegmn\b.*\._", name) is not None or (
                name.startswith("scalegmn.") and not _is_exported(name)
            ):
                yield name


def _is_exported(name: str) -> bool:
    package = name.rpartition(".")[0]
    if package in ("", "scalegmn.cli") or package == APPLICATION:
        return True
    if SOURCE.parent.joinpath(*name.split("."), "__init__.py").exists():
        return True
    folder = SOURCE.parent.joinpath(*package.split("."))
    # Single files of the ground floor, such as scalegmn.errors, are packages of one file.
    return folder.is_dir() or package.count(".") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_import_from_packages(page: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert not [name for block in blocks for name in private(block)]


@pytest.mark.skipif(not PROGRAMS, reason="there are no example programs")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_programs_import_from_packages(program: Path) -> None:
    assert not list(private(program.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source",
    [
        "from scalegmn.graph._convert import to_graph",
        "from scalegmn.graph import _convert",
        "import scalegmn.graph._convert",
        "from scalegmn.nn.messages import Messages",
    ],
)
def test_a_name_of_an_inner_module_is_noticed(source: str) -> None:
    assert list(private(source))


def test_packages_and_files_of_the_ground_floor_are_no_inner_modules() -> None:
    assert not list(private("from scalegmn import ScaleGMN\nfrom scalegmn.graph import to_graph"))
    assert not list(private("from scalegmn.errors import GraphError\nimport scalegmn.testing"))

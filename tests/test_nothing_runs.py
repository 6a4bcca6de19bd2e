"""Nothing in the library can run what stands in a file: the calls that could are in no source file.

The sources are parsed, and names are followed through imports and aliases.  Every mention counts, not calls
alone, because a function may be handed on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

SOURCE: Final = Path(__file__).parents[1] / "src" / "scalegmn"

# Modules whose only use is to run what they read, or to write what must be run to be read.
MODULES: Final = frozenset(
    (
        *("pickle", "_pickle", "cPickle", "pickle5", "dill", "cloudpickle", "jsonpickle", "joblib"),
        *("marshal", "shelve", "runpy", "imp", "code", "codeop"),
    )
)
NAMES: Final = frozenset(
    {
        "eval",
        "exec",
        "compile",
        "__import__",
        "builtins",
        "torch.load",
        "torch.serialization.load",
        "torch.serialization.add_safe_globals",
        "torch.serialization.safe_globals",
        "torch.package",
        "torch.hub",
        "torch.jit.load",
        "torch.export.load",
        "torch.classes.load_library",
        "torch.ops.load_library",
        "torch.utils.cpp_extension",
        "yaml.unsafe_load",
        "yaml.unsafe_load_all",
        "yaml.full_load",
        "yaml.full_load_all",
        "yaml.Loader",
        "yaml.UnsafeLoader",
        "yaml.FullLoader",
        "yaml.CLoader",
        "yaml.CFullLoader",
        "yaml.CUnsafeLoader",
        "pandas.read_pickle",
        "os.system",
        "os.popen",
    }
)
NUMPY_LOADERS: Final = frozenset({"numpy.load", "numpy.lib.format.read_array", "numpy.lib.npyio.NpzFile"})
SAFE_YAML: Final = frozenset({"yaml.SafeLoader", "yaml.CSafeLoader"})

# Load modules of this library that they list themselves; the registry loads what source code names by `Lazy`,
# and what the user installed or named on the command line, which other processes and machines load too.
IMPORTS_BY_NAME: Final = frozenset(
    {
        "cli/completion.py",
        "cli/main.py",
        "checkpoints/__init__.py",
        "registry.py",
        "comparison/_running.py",
        "workers/_remote.py",
        # Imports what the user names on the command line, and nothing that a file names.
        "cli/user_modules.py",
    }
)


class Names:
    """What the names in a module stand for."""

    def __init__(self, tree: ast.AST) -> None:
        self.aliases: dict[str, str] = {}
        self.imported: list[tuple[int, str]] = []
        self.parents: dict[str, list[str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.imported.append((node.lineno, alias.name))
                    top = alias.name.split(".")[0]
                    self.aliases[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    self.imported.append((node.lineno, full))
                    self.aliases[alias.asname or alias.name] = full
            elif isinstance(node, ast.ClassDef):
                self.parents[node.name] = [self.of(base) or "" for base in node.bases]

    def of(self, node: ast.expr) -> str | None:
        """The full name of `torch.load`, `np.lib.format`, `getattr(torch, "load")`; None for other things."""
        match node:
            case ast.Name(id=name):
                return self.aliases.get(name, name)
            case ast.Attribute(value=value, attr=name):
                before = self.of(value)
                return None if before is None else f"{before}.{name}"
            case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name)), *_]):
                before = self.of(value)
                return None if before is None else f"{before}.{name}"
        return None


def dangers(source: str, *, imports_by_name: bool = False) -> Iterator[tuple[int, str]]:
    """Line and name of everything in `source` that could run what stands in a file."""
    tree = ast.parse(source)
    names = Names(tree)
    modules = MODULES & set(names.aliases.values())
    for line, name in names.imported:
        if name.split(".")[0] in MODULES or name in NAMES:
            yield line, name
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr):
            continue
        name = names.of(node)
        if name is not None and (name in NAMES or name.split(".")[0] in modules):
            yield node.lineno, name
        if isinstance(node, ast.Call):
            yield from ((node.lineno, problem) for problem in calls(node, names, imports_by_name))


def calls(node: ast.Call, names: Names, imports_by_name: bool) -> Iterator[str]:
    """Calls that are dangerous by their arguments."""
    called = names.of(node.func) or ""
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if called in NUMPY_LOADERS and not is_constant(given.get("allow_pickle"), False):
        yield f"{called} without allow_pickle=False"
    elif "allow_pickle" in given and not is_constant(given["allow_pickle"], False):
        yield f"{called} with allow_pickle"
    if called in ("yaml.load", "yaml.load_all"):
        loader = given.get("Loader", node.args[1] if len(node.args) > 1 else None)
        name = names.of(loader) if loader is not None else None
        if not ({name or "", *names.parents.get(name or "", [])} & SAFE_YAML):
            yield f"{called} with another loader than a safe one"
    if called in ("importlib.import_module", "importlib.util.spec_from_file_location"):
        constant = bool(node.args) and isinstance(node.args[0], ast.Constant)
        if not constant and not imports_by_name:
            yield f"{called} of a name that is computed"
    if called.rpartition(".")[2] == "Lazy" and not all(isinstance(arg, ast.Constant) for arg in node.args):
        yield f"{called} of a name that is computed"
    if called.rpartition(".")[2] in ("EntryPoint", "entry_points", "load_extension") and not imports_by_name:
        yield f"{called}: loads code by its name"
    if "shell" in given and not is_constant(given["shell"], False):
        yield f"{called} with a shell"
    if "weights_only" in given:
        yield f"{called} with weights_only: that is a loader of pickles"


def is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_sources_are_found() -> None:
    assert len(sources()) > 300


@pytest.mark.slow
def test_sources_run_nothing_that_they_read() -> None:
    found = {}
    for path in sources():
        name = name_of(path)
        source = path.read_text(encoding="utf-8")
        found[name] = list(dangers(source, imports_by_name=name in IMPORTS_BY_NAME))
    assert not {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(f)",
        "import torch\ntorch.load(f, weights_only=True)",
        "import torch as t\nread = t.load",
        "from torch import load",
        "from torch import load as read\nread(f)",
        "from torch import serialization as s\ns.load(f)",
        "from torch.serialization import add_safe_globals",
        "import torch\ntorch.serialization.add_safe_globals([x])",
        "import torch\ngetattr(torch, 'load')(f)",
        "import torch\ntorch.jit.load(f)",
        "def f():\n    import torch\n    return map(torch.load, files)",
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "from pickle import Unpickler as U\nclass V(U): pass",
        "import _pickle",
        "import joblib",
        "import marshal\nmarshal.loads(b)",
        "import shelve",
        "eval(text)",
        "exec(text)",
        "run = exec",
        "compile(text, '', 'exec')",
        "__import__(name)",
        "import builtins\nbuiltins.eval(text)",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module as find\nfind(f'{name}.x')",
        "from scalegmn.registry import Lazy\nLazy(name)",
        "from scalegmn import registry\nregistry.Lazy(f'{name}:x')",
        "from scalegmn.registry import load_extension\nload_extension('a:b')",
        "from importlib.metadata import EntryPoint\nEntryPoint(name='a', value=text, group='b').load()",
        "import numpy as np\nnp.load(f)",
        "import numpy as np\nnp.load(f, allow_pickle=True)",
        "import numpy as np\nnp.load(f, allow_pickle=allowed)",
        "from numpy import load\nload(f)",
        "from numpy.lib import format as form\nform.read_array(f)",
        "archive.read(allow_pickle=True)",
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, yaml.Loader)",
        "import yaml\nyaml.load(text, Loader=yaml.FullLoader)",
        "import yaml\nyaml.unsafe_load(text)",
        "from yaml import UnsafeLoader",
        "import yaml\nclass Own(yaml.Loader): pass\nyaml.load(text, Loader=Own)",
        "import yaml\nclass Own: pass\nyaml.load(text, Loader=Own)",
        "import subprocess\nsubprocess.run(text, shell=True)",
        "import os\nos.system(text)",
    ],
)
def test_danger_is_caught(source: str) -> None:
    assert list(dangers(source))


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "import re\nre.compile('a')",
        "import torch\nmodule = torch.compile(module)",
        "import pickletools\npickletools.genops(b)",
        "import json\njson.load(f)",
        "import safetensors.torch\nsafetensors.torch.load(b)",
        "'torch.load(f)'",
        "self.load(f)",
        "def load(f): ...\nload(f)",
        "import numpy as np\nnp.load(f, allow_pickle=False)",
        "import yaml\nyaml.safe_load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "import yaml\nclass Own(yaml.SafeLoader): pass\nyaml.load(text, Loader=Own)",
        "import importlib\nimportlib.import_module('scalegmn.cli.make')",
        "from scalegmn.registry import Lazy\nLazy('scalegmn.models:ScaleGMN')",
        "import subprocess\nsubprocess.run(program, check=True)",
        "pickle = b'bytes'\nwalk(pickle)\npickle.find(b'x')",
    ],
)
def test_harmless_code_passes(source: str) -> None:
    assert not list(dangers(source))


def test_only_the_command_line_may_import_by_a_name_that_is_computed() -> None:
    source = "import importlib\nimportlib.import_module(name)"
    assert list(dangers(source))
    assert not list(dangers(source, imports_by_name=True))

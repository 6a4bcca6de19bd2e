"""Packages that a command needs and that are not installed: all of them, and how to get them."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).parents[2]
_DISTRIBUTIONS: Final = {
    "lazy_loader": "lazy_loader",
    "numpy": "numpy",
    "torch": "torch",
    "torch_geometric": "torch_geometric",
    "safetensors": "safetensors",
    "jaxtyping": "jaxtyping",
    "pyarrow": "pyarrow",
    "PIL": "pillow",
    "rich": "rich",
    "sklearn": "scikit-learn",
    "lightning": "lightning",
    "torchmetrics": "torchmetrics",
    "jsonargparse": "jsonargparse",
    "yaml": "PyYAML",
    "tensorboard": "tensorboard",
    "scipy": "scipy",
    "matplotlib": "matplotlib",
    "wandb": "wandb",
    "h5py": "h5py",
    "onnx": "onnx",
    "shtab": "shtab",
    "google": "protobuf",
    "ray": "ray",
    "grpc": "grpcio",
    "fsspec": "fsspec",
}
"""Names in import statements, and what pip calls them."""

# Imported by others when they are used.
_BEHIND: Final = {"lightning": ("tensorboard",)}
# Imported for some files, for a cluster, for storage or to track runs, whose errors say what to install.
_FOR_SOME: Final = frozenset({"h5py", "onnx", "google", "ray", "grpc", "fsspec", "wandb"})
# The smallest that has all that is missing is recommended.
EXTRAS: Final = ("populations", "reports", "train", "wandb", "keras", "onnx", "cluster", "all")


def missing_packages(module: str, name: str | None) -> list[str]:
    """What a module of this package imports, directly or through others of its modules, and cannot find.

    Args:
        module: such as ``scalegmn.cli.train``.
        name: what could not be imported, if that is known.

    Returns:
        Names of distributions; none where something else than a package is missing.
    """
    imported = {one for one in _imports_behind(module) if one.split(".")[0] not in _FOR_SOME}
    imported |= {name} if name else set()
    needed = {one.split(".")[0] for one in imported}
    needed |= {other for one in needed for other in _BEHIND.get(one, ())}
    return [pip for one, pip in _DISTRIBUTIONS.items() if one in needed and not _is_there(one)]


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def advice(missing: list[str]) -> str:
    """Names the packages, and commands that install them."""
    offered = offered_packages()
    wanted = [offered[_normal(name)].text if _normal(name) in offered else name for name in missing]
    packages = f"the package {missing[0]}" if len(missing) == 1 else f"the packages {', '.join(missing)}"
    extras = _extras_with(missing, offered)
    clone = "" if extras is None else f" (or, in a clone of ScaleGMN: pip install -e '.[{extras}]')"
    return f"{packages}: {shlex.join(['pip', 'install', *wanted])}{clone}"


def _imports_behind(module: str) -> set[str]:
    seen: set[str] = set()
    waiting, found = [module], set()
    while waiting:
        current = waiting.pop()
        path = _file_of(current)
        if current in seen or path is None:
            continue
        seen.add(current)
        for name in _imports(path):
            found.add(name)
            if name.split(".")[0] == module.split(".")[0]:
                waiting.append(name)
    return found


def _file_of(module: str) -> Path | None:
    path = _SOURCE.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    found = next((file for file in candidates if file.is_file()), None)
    package, _, name = module.rpartition(".")
    home = _exports(package).get(name) if found is None and package else None
    return found if home is None else _file_of(f"{package}.{home}")


@functools.cache
def _exports(package: str) -> dict[str, str]:
    """Names that a package loads when they are first used, and the inner modules that hold them."""
    stub = _SOURCE.joinpath(*package.split("."), "__init__.pyi")
    if not stub.is_file():
        return {}
    imports = [
        node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)
    ]
    return {alias.name: node.module for node in imports if node.module is not None for alias in node.names}


@functools.cache
def _imports(path: Path) -> frozenset[str]:
    """Modules that a file names, also inside its functions; a name out of a package may be a module too."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(base), names=names, level=0):
                yield base
                yield from (f"{base}.{alias.name}" for alias in names)


@dataclass
class Requirement:
    """What this distribution asks for: a requirement without its condition, and the extras that hold it."""

    text: str
    extras: set[str] = field(default_factory=set)


def offered_packages() -> dict[str, Requirement]:
    """What the metadata of this distribution ask for, by name."""
    try:
        lines = requires("scalegmn") or []
    except PackageNotFoundError:
        lines = []
    found: dict[str, Requirement] = {}
    within: list[tuple[str, list[str]]] = []
    for line in lines:
        text, _, condition = (part.strip() for part in line.partition(";"))
        name = _normal(re.split(r"[^\w.-]", text, maxsplit=1)[0])
        extras = re.findall(r"extra == ['\"]([\w-]+)['\"]", condition)
        if name in found and not found[name].extras:
            continue  # Everybody needs it; an extra may ask for a newer one.
        found.setdefault(name, Requirement(text)).extras.update(extras)
        if name == "scalegmn":
            # Extras may consist of others: scalegmn[populations]; extra == "train".
            within += [(outer, re.findall(r"[\w-]+", text)[1:]) for outer in extras]
    for _ in within:
        for outer, inner in within:
            for requirement in found.values():
                requirement.extras.update({outer} if requirement.extras & set(inner) else ())
    return found


def _extras_with(missing: list[str], offered: dict[str, Requirement]) -> str | None:
    """The extras that hold all that is missing, the smallest that do; None where one belongs to no extra."""
    homes = [offered[_normal(name)].extras if _normal(name) in offered else set() for name in missing]
    if not all(homes):
        return None
    one = [extra for extra in EXTRAS if all(extra in home for home in homes)]
    return one[0] if one else "all,wandb"


def _normal(name: str) -> str:
    """The form of a name by which pip compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()

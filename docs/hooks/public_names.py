"""What the library promises: public names of all packages, read from stubs without importing anything.

Every public name has one home, the package that exports it from a module of its own.  Other packages that
export it too, the front door above all, say so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
LIBRARY = "scalegmn"
# Modules that are no packages and are meant for users as well.
MODULES = ("errors", "registry", "seeding", "shapes")


@dataclass(frozen=True)
class Export:
    """A name that a package exports: `home` is the package that explains it, `summary` its first line."""

    package: str
    name: str
    home: str
    summary: str

    @property
    def path(self) -> str:
        """Where the reference explains it."""
        return f"{self.home}.{self.name}"

    @property
    def explained_here(self) -> bool:
        """Whether the page of this package explains it."""
        return self.home == self.package


@dataclass(frozen=True)
class Package:
    """A package or module with public names."""

    name: str
    summary: str
    exports: tuple[Export, ...]
    children: tuple[str, ...]
    has_inner: bool

    @property
    def page(self) -> str:
        """Its page of the reference; that of a package with others in it is the index of a folder."""
        path = "/".join(["api", *self.name.split(".")[1:]])
        return f"{path}/index.md" if self.has_inner else f"{path}.md"


@cache
def packages() -> dict[str, Package]:
    """All packages with public names, by dotted name, parents before children."""
    found = {}
    names = sorted([*_package_names(), *(f"{LIBRARY}.{module}" for module in MODULES)])
    for name in names:
        children = tuple(public for public in _public(name) if _is_package(f"{name}.{public}"))
        exports = tuple(
            Export(package=name, name=public, home=home, summary=_summary(home, public))
            for public in _public(name)
            if public not in children and not public.startswith("__")
            for home in [_home(name, public)]
        )
        if exports or children:
            summary = first_line(_tree(name, stub=False))
            has_inner = any(other.startswith(f"{name}.") for other in names)
            found[name] = Package(name, summary, exports, children, has_inner)
    return found


def first_line(tree: ast.AST) -> str:
    """First paragraph of a docstring, as one line."""
    text = ast.get_docstring(tree) or ""  # type: ignore[arg-type]
    return " ".join(text.split("\n\n")[0].split())


def _package_names() -> Iterator[str]:
    for file in (SOURCE / LIBRARY).rglob("__init__.py"):
        name = ".".join(file.parent.relative_to(SOURCE).parts)
        if not any(part.startswith("_") for part in name.split(".")) and _public(name):
            yield name


def _file(name: str) -> Path:
    place = SOURCE.joinpath(*name.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _is_package(name: str) -> bool:
    return (SOURCE.joinpath(*name.split(".")) / "__init__.py").is_file()


def _tree(name: str, *, stub: bool) -> ast.Module:
    file = _file(name)
    return _parsed(file.with_suffix(".pyi") if stub and file.with_suffix(".pyi").is_file() else file)


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def _public(name: str) -> tuple[str, ...]:
    """`__all__`; of a module without one, its functions, classes and shapes without an underscore."""
    body = _tree(name, stub=True).body
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            try:
                return tuple(ast.literal_eval(node.value))
            except ValueError:  # computed by `attach`, which reads a stub
                return ()
    defined = (_defined(node) for node in body) if not _is_package(name) else ()
    return tuple(name for name in defined if name and not name.startswith("_"))


def _defined(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.target)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
        return ast.unparse(node.targets[0])
    return ""


def _origin(module: str, name: str) -> str | None:
    """The module from which a package or module imports a name; None where it defines it."""
    return _imports(module).get(name)


@cache
def _imports(module: str) -> dict[str, str]:
    """From which module a package or module imports each name."""
    found = {}
    levels = module.split(".") if _is_package(module) else module.split(".")[:-1]
    for node in _tree(module, stub=True).body:
        if isinstance(node, ast.ImportFrom):
            base = levels[: len(levels) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            found |= {alias.asname or alias.name: origin for alias in node.names}
    return found


def _home(package: str, name: str) -> str:
    """The package that explains a name: the last on the way of imports through packages that export it."""
    origin = _origin(package, name)
    if origin is not None and _is_package(origin) and name in _public(origin):
        return _home(origin, name)
    return package


def _summary(module: str, name: str) -> str:
    """First line of the docstring of what a module defines or imports under a name."""
    origin = _origin(module, name)
    if origin is not None and origin.startswith(LIBRARY):
        return _summary(origin, name)
    body = _tree(module, stub=False).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        assigned = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
        if _defined(node) != name and not assigned:
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            return first_line(node)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return " ".join(str(after.value.value).split("\n\n")[0].split())
    return ""

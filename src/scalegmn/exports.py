"""What a package exports: its stub says so, and each name is loaded when it is first used.

The stub ``__init__.pyi`` beside a package imports from the package's inner modules.  Names of ``__all__`` are
public.  Names that are imported as themselves (``from ._module import name as name``) can be imported too,
but they are for other rooms of this library, and no promise is made about them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import lazy_loader


def attach(package: str, file: str) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package with a stub.

    Args:
        package: name of the package, ``__name__``.
        file: its ``__init__.py``, ``__file__``; the stub lies beside it.
    """
    submodules: list[str] = []
    names: dict[str, list[str]] = {}
    public: list[str] = []
    for node in ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            imported = submodules if node.module is None else names.setdefault(node.module, [])
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):  # the only assignment of a stub is that of `__all__`
            public = ast.literal_eval(node.value)
    load, _, _ = lazy_loader.attach(package, submodules, names)
    return load, lambda: sorted(public), public

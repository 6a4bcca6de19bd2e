"""Names of arrays that were written with the path through a tree in them: ``params/Dense_0/kernel``.

Flax and Haiku keep parameters in nested dictionaries, and files of named arrays keep their paths, joined by
slashes or as ``jax.tree_util.keystr`` writes them.  Everywhere else in this library parts of names stand
between dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from scalegmn.errors import CheckpointError

# One step of a path: ['name'], ["name"], [3] or .name
_STEP: Final = re.compile(r"""\['([^'\\\]\[]+)'\]|\["([^"\\\]\[]+)"\]|\[(\d{1,9})\]|\.([^\W\d]\w*)""")
# What Haiku puts where a module is made within a method of another.
_METHOD: Final = "~"
# Letters of a name that a message shows.
_SHOWN: Final = 80


def dotted_names(names: Iterable[str]) -> dict[str, str]:
    """Names in dots to the names in the file, in its order.

    ``params/Dense_0/kernel`` and ``['params']['Dense_0']['kernel']`` become ``params.Dense_0.kernel``,
    ``linear/~/w`` becomes ``linear.w``.  Other names stay as they are.

    Raises:
        CheckpointError: two become one.
    """
    found: dict[str, str] = {}
    for name in names:
        dotted = _dotted(name)
        if dotted in found:
            raise CheckpointError(
                f"the names {found[dotted][:_SHOWN]!r} and {name[:_SHOWN]!r} would both be "
                f"{dotted[:_SHOWN]!r}; expected names that differ in more than how their parts are joined; "
                "rename one of them"
            )
        found[dotted] = name
    return found


def _dotted(name: str) -> str:
    steps = list(_STEP.finditer(name))
    if steps and sum(len(step[0]) for step in steps) == len(name):
        parts = [next(group for group in step.groups() if group is not None) for step in steps]
    else:
        parts = [part for part in name.split("/") if part != _METHOD]
    # A name with an empty part is no path; nor is one of a marker alone.
    return ".".join(parts) if parts and all(parts) else name

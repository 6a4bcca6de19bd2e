"""Names of parameters without what programs wrap around modules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

WRAPPERS: Final = ("module", "_orig_mod", "model")
"""Parts that ``DataParallel``, ``torch.compile`` and training programs put into names, at any depth."""

SHOWN: Final = 6
"""Names that a sentence lists."""
_LONGEST: Final = 60


def core_names(names: Iterable[str]) -> dict[str, str] | None:
    """Names by their cores: without wrappers, and without the parts that all names begin with.

    Returns:
        Core to name; None where two names have the same core.
    """
    parts = {name: _without_wrappers(name) for name in names}
    common = _common_length(list(parts.values()))
    cores = {".".join(own[common:]): name for name, own in parts.items()}
    return cores if len(cores) == len(parts) else None


def _without_wrappers(name: str) -> tuple[str, ...]:
    *path, last = name.split(".")
    return (*(part for part in path if part not in WRAPPERS), last)


def _common_length(parts: Sequence[tuple[str, ...]]) -> int:
    """Parts that all names share, the last part of a name aside."""
    length = 0
    for column in zip(*(own[:-1] for own in parts), strict=False):
        if len(set(column)) > 1:
            break
        length += 1
    return length


def renaming_note(names: Mapping[str, str]) -> tuple[str, ...]:
    """What was done to names, from those of the architecture and those of the file; nothing if they agree."""
    changed = {name: own for name, own in names.items() if name != own}
    if not changed:
        return ()
    name, own = next(iter(names.items()))
    for longer, shorter, what in ((own, name, "was taken from"), (name, own, "was put before")):
        prefix = longer.removesuffix(shorter)
        pairs = names.items() if longer == own else ((theirs, mine) for mine, theirs in names.items())
        if longer.endswith(shorter) and all(theirs == prefix + mine for mine, theirs in pairs):
            return (f"the prefix {prefix!r} {what} all names",)
    return (f"names were compared without prefixes and wrappers: {listed_pairs(changed)}",)


def described_note(names: Mapping[str, str]) -> tuple[str, ...]:
    """What the file's own description was used for, from names of the architecture and those of the file."""
    changed = {name: own for name, own in names.items() if name != own}
    return (f"names are those of the file's description: {listed_pairs(changed)}",) if changed else ()


def listed_pairs(names: Mapping[str, str]) -> str:
    """Such as ``'p9' as '0.weight', ... and 3 more``."""
    pairs = [f"{_short(own)!r} as {_short(name)!r}" for name, own in list(names.items())[:SHOWN]]
    return ", ".join(pairs) + and_more(len(names))


def and_more(count: int) -> str:
    """The end of a list of which the first :data:`SHOWN` entries were named."""
    return f" and {count - SHOWN} more" if count > SHOWN else ""


def listed_shapes(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Such as ``0.weight (8, 4), 0.bias (8)``, the first ones."""
    return ", ".join(f"{_short(name)} {shape}" for name, shape in list(shapes.items())[:SHOWN]) + and_more(
        len(shapes)
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts numbers in names by their size, so that layer 10 comes after layer 9."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", name)
    # Very long runs of digits are text: turning them into numbers takes quadratic time.
    return tuple(
        (int(piece), "") if piece.isascii() and piece.isdigit() and len(piece) < 10 else (-1, piece)
        for piece in pieces
    )


def stem_and_leaf(name: str) -> tuple[str, str]:
    """What owns a parameter, and what the parameter is called there: ``("layers.0", "weight")``."""
    stem, _, leaf = name.rpartition(".")
    return stem, leaf

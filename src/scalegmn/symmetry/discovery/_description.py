"""A symmetry group in words: one line per family of channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import final

from ._families import ExponentFamily
from ._symmetries import SymmetryGroup

Moved = tuple[tuple[str, tuple[int, ...]], ...]


@final
@dataclass(frozen=True, kw_only=True)
class ChannelFamily:
    """Everything that acts on the same parameters along the same axes.

    Attributes:
        origin: path of the module that writes the channels, or name of a parameter.
        moved: parameters, each with the axes along which different channels move different entries.
        scales: how many.
        signs: how many.
        permutations: in the field's notation, such as ``S_5``; empty if there are none.
    """

    origin: str
    moved: Moved
    scales: int = 0
    signs: int = 0
    permutations: str = ""


def channel_families(group: SymmetryGroup) -> tuple[ChannelFamily, ...]:
    """What a group is made of, in the order of the network."""
    rows: dict[Moved, ChannelFamily] = {}
    for family in group.scales.families():
        rows[family.parameters] = replace(_row(rows, family), scales=family.members)
    for family in group.signs.families():
        rows[family.parameters] = replace(_row(rows, family), signs=family.members)
    for moving in group.permutations.families:
        row = rows.get(moving.parameters, ChannelFamily(origin=moving.origin, moved=moving.parameters))
        rows[moving.parameters] = replace(row, permutations=_beside(row.permutations, moving.notation))
    order = {parameter.name: index for index, parameter in enumerate(group.program.parameters)}
    return tuple(sorted(rows.values(), key=lambda row: [order[name] for name, _ in row.moved]))


def description(group: SymmetryGroup, *, single: SymmetryGroup | None = None) -> str:
    """A group as text.

    Args:
        group: what holds at all sizes that were tried.
        single: what holds at the first size, if more than one was tried.
    """
    families = channel_families(group)
    lines = [
        f"{_count(group.scales.dimension, 'scale')} and {_count(group.signs.dimension, 'sign')} "
        f"in {_count(len(families), 'family', 'families')}, "
        f"10^{group.permutations.log_order / log(10):.1f} permutations",
        *_table(families),
    ]
    if group.unread:
        lines.append(f"unread, so that anything may stand there: {', '.join(group.unread)}")
    if group.refused:
        lines.append(
            "left out, since the function changes under what rules allow: permutations of "
            f"{', '.join(family.origin for family in group.refused)}"
        )
    if single is not None:
        lines.extend(_only_at_first_size(group, single))
    return "\n".join(lines)


def _only_at_first_size(group: SymmetryGroup, single: SymmetryGroup) -> list[str]:
    more = (
        (single.scales.dimension - group.scales.dimension, "scale"),
        (single.signs.dimension - group.signs.dimension, "sign"),
        (len(single.unread) - len(group.unread), "unread parameter"),
    )
    found = [_count(number, word) for number, word in more if number]
    return [f"at the first size only, and not counted: {', '.join(found)}"] if found else []


def _beside(first: str, second: str) -> str:
    """Two groups that act independently."""
    return " x ".join(f"({text})" if " " in text and first else text for text in (first, second) if text)


def _row(rows: dict[Moved, ChannelFamily], family: ExponentFamily) -> ChannelFamily:
    return rows.get(family.parameters, ChannelFamily(origin=family.origin, moved=family.parameters))


def _table(families: Sequence[ChannelFamily]) -> list[str]:
    cells = [("channels of", "scales", "signs", "permutations", "moves")]
    for row in families:
        scales, signs = str(row.scales or "-"), str(row.signs or "-")
        cells.append((row.origin, scales, signs, row.permutations or "-", _moves(row.moved)))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return ["  ".join([*(c.ljust(w) for c, w in zip(line, widths, strict=False)), line[4]]) for line in cells]


def _moves(moved: Moved) -> str:
    return ", ".join(f"{name}{_axes(axes)}" for name, axes in moved)


def _axes(axes: Iterable[int]) -> str:
    text = ",".join(map(str, axes))
    return f"[{text}]" if text else ""


def _count(number: int, word: str, plural: str | None = None) -> str:
    return f"{number:,} {word if number == 1 else plural or word + 's'}"

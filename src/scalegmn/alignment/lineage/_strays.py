"""Networks that fine-tuning took far, whose fingerprints no longer tell where they belong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalegmn.errors import ScaleGMNError

from ._kinship import Comparer


def with_strays(
    parts: Sequence[Sequence[int]],
    numbers: Sequence[int],
    likeness: np.ndarray,
    comparer: Comparer,
    *,
    nearest: int,
) -> list[list[int]]:
    """Families, joined by networks that have none and that alignment finds near a member.

    Each network without relatives is aligned with those that are most like it, the most alike first, and
    belongs to the first of them that is near.

    Args:
        parts: families, as places in the table of likeness.
        numbers: of the networks, by place.
        likeness: of all pairs.
        comparer: of the networks.
        nearest: how many each is aligned with, at most.
    """
    owner = {place: number for number, part in enumerate(parts) for place in part}
    alone = [part[0] for part in parts if len(part) == 1]
    for place in alone:
        order = [other for other in np.argsort(-likeness[place], kind="stable").tolist() if other != place]
        for other in order[:nearest]:
            if likeness[place, other] <= 0:
                break
            if owner[other] == owner[place] or _are_near(comparer, numbers[place], numbers[other]):
                old, new = owner[place], owner[other]
                owner = {one: new if part == old else part for one, part in owner.items()}
                break
    found: dict[int, list[int]] = {}
    for place in sorted(owner):
        found.setdefault(owner[place], []).append(place)
    return list(found.values())


def _are_near(comparer: Comparer, first: int, second: int) -> bool:
    try:
        return comparer.are_near(first, second)
    except ScaleGMNError:
        # A group that cannot be computed, or a file that is gone: fingerprints alone decide.
        return False

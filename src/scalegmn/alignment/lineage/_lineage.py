"""What was found about the relatives of many networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

DescentEvidence = Literal["rounded", "pruned", "same", "position", "fingerprint"]
"""Why a network is taken for the child and not for the parent.

``rounded``: it is the parent, rounded.  ``pruned``: it has weights set to 0 that the parent has.  ``same``:
they are the same, and either may be the parent.  ``position``: nothing but its place in the tree, whose root
is in the middle of the family.  ``fingerprint``: the same, without alignment, as their architectures differ.
"""


@final
@dataclass(frozen=True, kw_only=True)
class Relative:
    """Another network that is near.

    Attributes:
        name: of the other network.
        likeness: of the fingerprints, 1 at most.
        distance: relative distance of parameters after alignment; None where they were not aligned, as
            they are not related or their architectures differ.
        same: whether the two are the same up to symmetries and rounding; None where they were not aligned.
    """

    name: str
    likeness: float
    distance: float | None = None
    same: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "name": self.name,
            "likeness": self.likeness,
            "distance": self.distance,
            "same": self.same,
        }


@final
@dataclass(frozen=True, kw_only=True)
class FamilyMember:
    """A network and its place.

    Attributes:
        name: of the network.
        architecture: in words.
        family: number of its family, from 0; families with more members come first.
        parent: the network that it probably comes from; None for the root of a family.
        evidence: for the direction; None for a root.
        relatives: the nearest networks, whether or not they are related.
    """

    name: str
    architecture: str
    family: int
    parent: str | None
    evidence: DescentEvidence | None
    relatives: tuple[Relative, ...]

    @property
    def duplicates(self) -> tuple[str, ...]:
        """Networks among the nearest that are the same up to symmetries and rounding."""
        return tuple(one.name for one in self.relatives if one.same)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "name": self.name,
            "architecture": self.architecture,
            "family": self.family,
            "parent": self.parent,
            "evidence": self.evidence,
            "same_as": list(self.duplicates),
            "relatives": [one.to_dict() for one in self.relatives],
        }


@final
@dataclass(frozen=True, kw_only=True)
class UnreadNetwork:
    """A network of which nothing is known.

    Attributes:
        name: of the network.
        reason: one sentence.
    """

    name: str
    reason: str


@final
@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Families of networks, and who is whose parent.

    Attributes:
        members: in the order of the networks.
        unread: networks that were left out.
    """

    members: tuple[FamilyMember, ...]
    unread: tuple[UnreadNetwork, ...] = ()

    @property
    def families(self) -> tuple[tuple[FamilyMember, ...], ...]:
        """Members of each family, by its number."""
        groups: dict[int, list[FamilyMember]] = {}
        for one in self.members:
            groups.setdefault(one.family, []).append(one)
        return tuple(tuple(groups[number]) for number in sorted(groups))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "networks": [one.to_dict() for one in self.members],
            "errors": [{"name": one.name, "error": one.reason} for one in self.unread],
        }


def by_size(families: Sequence[Sequence[int]]) -> list[list[int]]:
    """Larger families first; those of one size by their first members."""
    return sorted((sorted(one) for one in families), key=lambda one: (-len(one), one[0]))

"""From many networks to their families and trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.configuration import Configuration, Count
from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Architecture

from ._family_tree import Pairs, family_parents
from ._fingerprint import Fingerprinter
from ._kinship import Comparer, Kinship
from ._likeness import RELATED, families_of, likeness_of
from ._lineage import DescentEvidence, FamilyMember, Lineage, Relative, UnreadNetwork, by_size
from ._network import LineageNetwork
from ._strays import with_strays

_AT_ONCE: Final = 64
"""Networks of one architecture whose fingerprints are taken together, at most."""
_WAITING: Final = 2**26
"""Parameters that wait for others of their architecture, at most."""
_FINGERPRINTING: Final = 0.5
_ALIGNING: Final = 0.5
"""Shares of the work, as far as bars of progress go."""


@final
@dataclass(frozen=True, kw_only=True)
class LineageSettings(Configuration):
    """How relatives are looked for.

    Attributes:
        nearest: relatives of each network that are aligned and told.
        related: mean likeness of fingerprints within a family, at least.
    """

    nearest: Count = 10
    related: float = RELATED


def find_lineage(
    names: Sequence[str],
    read: Callable[[int], LineageNetwork],
    *,
    settings: LineageSettings | None = None,
    advance: Callable[[float], None] = lambda amount: None,
) -> Lineage:
    """Families of networks, and who is whose parent.

    Args:
        names: of the networks, all different.
        read: gives a network by its place among the names; called again for networks that have relatives.
        settings: how relatives are looked for.
        advance: told how much was done; the whole is the number of networks.

    Returns:
        All networks; those that `read` cannot give, or that have no fingerprint, are told with a reason.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment.lineage import LineageNetwork, find_lineage
        >>> from scalegmn.symmetry import random_symmetry
        >>> network = mlp(widths=(3, 8, 8, 4), activations=[Activation("relu")] * 2)
        >>> parent, stranger = torch.randn(2, network.num_parameters).double()
        >>> child = parent + 0.01 * torch.randn(network.num_parameters)
        >>> child = random_symmetry(network, generator=torch.Generator().manual_seed(0)).apply(child)
        >>> files = {"parent": parent, "stranger": stranger, "child": child}
        >>> thetas = list(files.values())
        >>> found = find_lineage(
        ...     list(files),
        ...     lambda place: LineageNetwork(
        ...         architecture=network, theta=thetas[place], dtype=torch.float32
        ...     ),
        ... )
        >>> [[one.name for one in family] for family in found.families]
        [['parent', 'child'], ['stranger']]
    """
    return _Search(names, read, settings or LineageSettings(), advance).run()


@final
class _Search:
    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], LineageNetwork],
        settings: LineageSettings,
        advance: Callable[[float], None],
    ) -> None:
        self._names, self._read, self._settings, self._advance = names, read, settings, advance
        self._unread: dict[int, str] = {}
        self._words: dict[int, str] = {}
        self._vectors: dict[tuple[object, ...], dict[int, Tensor]] = {}

    def run(self) -> Lineage:
        largest = self._take_fingerprints()
        comparer = Comparer(self._read, largest=largest)
        families: list[list[int]] = []
        places: dict[int, tuple[int, DescentEvidence] | None] = {}
        relatives: dict[int, tuple[Relative, ...]] = {}
        for vectors in self._vectors.values():
            numbers = sorted(vectors)
            likeness = likeness_of(torch.stack([vectors.pop(number) for number in numbers]))
            alike = families_of(likeness, related=self._settings.related)
            for family in self._families(alike, numbers, likeness, comparer):
                own = likeness[np.ix_(family, family)]
                members = [numbers[place] for place in family]
                pairs = self._compared(members, own, comparer)
                places.update(family_parents(members, own, pairs))
                families.append(members)
                for place, member in zip(family, members, strict=True):
                    relatives[member] = self._relatives(member, numbers, likeness[place], pairs)
                self._advance(_ALIGNING * len(members))
        return self._result(by_size(families), places, relatives)

    def _families(
        self, alike: list[list[int]], numbers: list[int], likeness: np.ndarray, comparer: Comparer
    ) -> list[list[int]]:
        """Places of the members of each family: alike, and near each other where that can be told."""
        parts = [part for one in alike for part in _parts(one, numbers, likeness, comparer)]
        return with_strays(parts, numbers, likeness, comparer, nearest=self._settings.nearest)

    def _result(
        self,
        families: list[list[int]],
        places: dict[int, tuple[int, DescentEvidence] | None],
        relatives: dict[int, tuple[Relative, ...]],
    ) -> Lineage:
        family_of = {one: number for number, members in enumerate(families) for one in members}
        members = []
        for number in sorted(family_of):
            parent = places[number]
            members.append(
                FamilyMember(
                    name=self._names[number],
                    architecture=self._words[number],
                    family=family_of[number],
                    parent=None if parent is None else self._names[parent[0]],
                    evidence=None if parent is None else parent[1],
                    relatives=relatives[number],
                )
            )
        unread = [
            UnreadNetwork(name=self._names[number], reason=self._unread[number])
            for number in sorted(self._unread)
        ]
        return Lineage(members=tuple(members), unread=tuple(unread))

    def _take_fingerprints(self) -> int:
        """Fingerprint every network that can be read; return the number of parameters of the largest."""
        waiting: dict[Architecture, dict[int, Tensor]] = {}
        held = largest = 0
        for number in range(len(self._names)):
            try:
                given = self._read(number)
                # Most architectures of disguised networks become those that they were made from.
                network = given.narrowed()
            except ScaleGMNError as error:
                self._refuse(number, error)
                continue
            self._words[number] = given.architecture.describe()
            size = network.architecture.num_parameters
            own = waiting.setdefault(network.architecture, {})
            own[number] = network.theta
            held, largest = held + size, max(largest, size)
            if len(own) >= _AT_ONCE or held > _WAITING:
                for architecture, thetas in list(waiting.items()):
                    if len(thetas) >= _AT_ONCE or held > _WAITING:
                        held -= architecture.num_parameters * len(thetas)
                        self._fingerprint(architecture, waiting.pop(architecture))
        for architecture, thetas in waiting.items():
            self._fingerprint(architecture, thetas)
        return largest

    def _fingerprint(self, architecture: Architecture, thetas: dict[int, Tensor]) -> None:
        try:
            takes = _fingerprinter(architecture)
        except ScaleGMNError as error:
            for number in thetas:
                self._refuse(number, error)
            return
        numbers = list(thetas)
        stacked = torch.stack([theta.float() for theta in thetas.values()])
        try:
            vectors = list(takes.fingerprints(stacked).vectors)
        except ScaleGMNError:
            # One of them is to blame; the others are asked alone.
            vectors = []
            for number, theta in zip(list(numbers), stacked, strict=True):
                try:
                    vectors.append(takes.fingerprints(theta[None]).vectors[0])
                except ScaleGMNError as error:
                    numbers.remove(number)
                    self._refuse(number, error)
        for number, vector in zip(numbers, vectors, strict=True):
            self._vectors.setdefault(takes.kind, {})[number] = vector
        self._advance(_FINGERPRINTING * len(numbers))

    def _refuse(self, number: int, error: ScaleGMNError) -> None:
        reason, name = str(error), self._names[number]
        self._unread[number] = reason if reason.startswith(name) else f"{name}: {reason}"
        self._advance(1)

    def _compared(
        self, members: list[int], likeness: np.ndarray, comparer: Comparer
    ) -> dict[tuple[int, int], Kinship]:
        """Each member with its nearest."""
        if len(members) < 2:
            return {}
        found = {}
        try:
            comparer.enter([members[place] for place in np.argsort(-likeness.sum(axis=1), kind="stable")])
            for first, second in _near(likeness, count=self._settings.nearest):
                pair = members[first], members[second]
                compared = comparer.compare(*pair)
                if compared is not None:
                    found[pair] = compared
        except ScaleGMNError:
            # A group that cannot be computed, or a file that is gone: fingerprints alone decide.
            return {}
        return found

    def _relatives(
        self, number: int, numbers: list[int], likeness: np.ndarray, pairs: Pairs
    ) -> tuple[Relative, ...]:
        order = [place for place in np.argsort(-likeness, kind="stable") if numbers[place] != number]
        found = []
        for place in order[: self._settings.nearest]:
            other = numbers[place]
            compared = pairs.get((min(number, other), max(number, other)))
            found.append(
                Relative(
                    name=self._names[other],
                    likeness=float(likeness[place]),
                    distance=None if compared is None else compared.distance,
                    same=None if compared is None else compared.same,
                )
            )
        return tuple(found)


@lru_cache(maxsize=64)
def _fingerprinter(architecture: Architecture) -> Fingerprinter:
    return Fingerprinter(architecture)


def _parts(
    family: list[int], numbers: list[int], likeness: np.ndarray, comparer: Comparer
) -> Iterator[list[int]]:
    """A family whose fingerprints are alike, without those that alignment finds far from all others.

    Args:
        family: places of its members in the table of likeness.
        numbers: of the networks, by place.
        likeness: of all pairs.
        comparer: of the networks.
    """
    left = list(family)
    while left:
        within = likeness[np.ix_(left, left)].sum(axis=1)
        near = [left.pop(int(within.argmax()))]
        while left:
            # The most alike first: members need to be near to one other only.
            table = likeness[np.ix_(left, near)]
            tried = [
                (left[row], near[int(table[row].argmax())]) for row in np.argsort(-table.max(axis=1)).tolist()
            ]
            joined = [one for one, other in tried if not _apart(comparer, numbers[one], numbers[other])]
            if not joined:
                break
            near.extend(joined)
            left = [one for one in left if one not in set(joined)]
        yield sorted(near)


def _apart(comparer: Comparer, first: int, second: int) -> bool:
    try:
        return comparer.are_apart(first, second)
    except ScaleGMNError:
        # Fingerprints alone decide where nothing can be aligned.
        return False


def _near(likeness: np.ndarray, *, count: int) -> list[tuple[int, int]]:
    """Pairs of which one is among the nearest of the other, in an order that goes through memory once."""
    pairs: set[tuple[int, int]] = set()
    for first, row in enumerate(likeness):
        order = [second for second in np.argsort(-row, kind="stable").tolist() if second != first]
        pairs.update((min(first, second), max(first, second)) for second in order[:count])
    return sorted(pairs)

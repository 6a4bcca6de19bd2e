"""Networks of checkpoint files as a population, for work that goes over all of them more than once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch

from scalegmn.errors import ConfigurationError, PopulationError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognizer
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter
from scalegmn.training._reading import NetworkFile, ReadingOptions, read_network
from scalegmn.training._run_predictor import Advance, RefusedNetwork

FILE: Final = "file"
NUMBER: Final = "number"

_MOST_NETWORKS: Final = 512
_MOST_PARAMETERS: Final = 2**24


@final
@dataclass(frozen=True, eq=False)
class GatheredNetworks:
    """Networks read from some files, and refusals.

    Attributes:
        population: of the networks; its columns say which file each is of.
        notes: of each network, by the number of its file.
        refused: files that could not be read.
    """

    population: Population
    notes: dict[int, tuple[str, ...]]
    refused: tuple[RefusedNetwork, ...]


def gather(
    paths: Sequence[Path],
    folder: Path,
    *,
    recognizer: Recognizer,
    options: ReadingOptions,
    check: Callable[[Architecture], None],
    advance: Advance,
) -> GatheredNetworks:
    """Read files one after the other, and store their networks.

    Args:
        paths: one network each.
        folder: of the population, new.
        recognizer: knows the architectures.
        options: what the user says about the files.
        check: raises what is wrong with an architecture.
        advance: is told how many files were done.

    Raises:
        PopulationError: none of the files could be read; says why for the first.
        ConfigurationError: the options name no activation.
    """
    waiting: list[tuple[int, NetworkFile]] = []
    notes: dict[int, tuple[str, ...]] = {}
    refused: list[RefusedNetwork] = []
    with PopulationWriter(folder, provenance={"maker": "gather"}) as writer:
        for number, path in enumerate(paths):
            try:
                found = read_network(path, recognizer, options=options, dtype=torch.float32)
                check(found.architecture)
            except ConfigurationError:
                # The options are wrong, not the file.
                raise
            except (ScaleGMNError, MemoryError, RecursionError) as error:
                refused.append(RefusedNetwork(path, str(error) or type(error).__name__, number))
            else:
                waiting.append((number, found))
                notes[number] = found.notes
            if len(waiting) >= _MOST_NETWORKS or sum(f.theta.numel() for _, f in waiting) >= _MOST_PARAMETERS:
                writer.append_groups(_groups(waiting))
                waiting = []
            advance(1)
        if waiting:
            writer.append_groups(_groups(waiting))
        if not notes:
            why = f"; {refused[0].reason}" if refused else ""
            raise PopulationError(f"none of the {len(paths)} files holds a network that can be read{why}")
        writer.finish()
    return GatheredNetworks(Population.open(folder), notes, tuple(refused))


def _groups(waiting: Sequence[tuple[int, NetworkFile]]) -> list[ArchitectureGroup]:
    members: dict[Architecture, list[tuple[int, NetworkFile]]] = {}
    for number, found in waiting:
        members.setdefault(found.architecture, []).append((number, found))
    return [
        ArchitectureGroup(
            architecture,
            torch.stack([found.theta for _, found in own]),
            {FILE: [str(found.path) for _, found in own], NUMBER: [number for number, _ in own]},
        )
        for architecture, own in members.items()
    ]

"""From a file to the networks that the detector is asked about."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, final

import torch

from scalegmn.checkpoints import Checkpoint, FileNetworks, FileReader, Parts, read_networks
from scalegmn.errors import CheckpointError, NonFiniteError, ScaleGMNError, UnsafeCheckpointError
from scalegmn.networks.recognition import Unrecognized
from scalegmn.printable import NAME, printable
from scalegmn.trojans.scanning._placing import FamilyRecognizer
from scalegmn.trojans.scanning._results import FileResult, Verdict
from scalegmn.trojans.scanning._settings import ScanSettings
from scalegmn.trojans.scanning._verdicts import Candidate

_SHOWN: Final = 3
_NAMED: Final = 5


@final
@dataclass(frozen=True, eq=False)
class FileReading:
    """The networks of one file.

    Attributes:
        parts: networks to be evaluated, and results where the detector abstains, in the order of the file.
        unread: tensors that belong to none that is evaluated.
    """

    parts: tuple[FileResult | Candidate, ...]
    unread: tuple[str, ...] = ()


def read_file(
    blank: FileResult,
    *,
    parts: Parts | None = None,
    reader: FileReader,
    recognizer: FamilyRecognizer,
    settings: ScanSettings,
) -> FileReading:
    """Every network of a file by itself, and the names of all other tensors in it.

    Args:
        blank: the file and the checksum that its bytes must have.
        parts: files that are read as one instead.
        reader: reads files of strangers.
        recognizer: knows the architectures of the detector.
        settings: of the scan.

    Raises:
        CheckpointError: the file cannot be read safely, holds no network or very many, or another program
            that reads it would run code.
    """
    found = read_networks(
        blank.path, dtype=torch.float32, max_bytes=settings.max_bytes, reader=reader, parts=parts
    )
    _check(found, blank)
    several = len(found.networks) > 1
    networks: list[FileResult | Candidate] = []
    unread = dict.fromkeys(found.unread)
    for key, network in zip(found.keys, found.networks, strict=True):
        own = dataclasses.replace(blank, network=key) if several else blank
        part = _part(own, network, recognizer, settings)
        networks.append(part)
        if isinstance(part, FileResult) and several:
            # What nobody has a say about must not hide beside a network that looks clean.
            unread |= dict.fromkeys(_names(key, network))
    return FileReading(tuple(networks), tuple(unread))


def _part(
    blank: FileResult,
    network: Checkpoint | CheckpointError,
    recognizer: FamilyRecognizer,
    settings: ScanSettings,
) -> FileResult | Candidate:
    try:
        if isinstance(network, CheckpointError):
            raise network
        found = recognizer.recognize(network, activation=settings.activation, origin=blank.path)
        if isinstance(found, Unrecognized):
            return dataclasses.replace(blank, verdict=Verdict.abstain, reason=found.reason)
    except NonFiniteError as error:
        return error_result(blank, error, verdict=Verdict.abstain)
    except ScaleGMNError as error:
        return error_result(blank, error)
    notes = (*network.notes, *found.notes)
    return Candidate(blank, found.architecture, found.theta, notes, found.like)


def error_result(blank: FileResult, error: BaseException, *, verdict: Verdict = Verdict.error) -> FileResult:
    """The result about a file that could not be read or evaluated."""
    # The path stands beside the reason, and other files may have the same content.
    reason = printable(str(error) or type(error).__name__)
    for own in (blank.path, printable(blank.path, limit=None), printable(blank.path, limit=200)):
        reason = reason.removeprefix(own)
    return dataclasses.replace(blank, verdict=verdict, reason=reason.removeprefix(":").strip())


def unexpected_error_result(blank: FileResult, error: Exception) -> FileResult:
    """An error that this library did not expect; all other files are evaluated all the same."""
    text = f"evaluating it failed with {type(error).__name__}: {error}; please report it as SECURITY.md says"
    return error_result(blank, CheckpointError(text))


def add_unread(result: FileResult, unread: tuple[str, ...]) -> FileResult:
    """What was found about a network of a file in which some tensors were not evaluated."""
    if not unread:
        return result
    if result.verdict is not Verdict.clean:
        return dataclasses.replace(result, unread=unread)
    names = ", ".join(printable(name, limit=60) for name in unread[:_NAMED])
    more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
    return dataclasses.replace(
        result,
        unread=unread,
        verdict=Verdict.abstain,
        reason=f"the network looks clean, but {len(unread)} tensors of the file were not evaluated: "
        f"{names}{more}",
    )


def _check(found: FileNetworks, blank: FileResult) -> None:
    if found.sha256 != blank.sha256:
        raise CheckpointError("the file was changed while it was read; scan it again")
    if found.calls:
        names = ", ".join(printable(name, limit=NAME) for name in found.calls[:_SHOWN])
        more = f" and {len(found.calls) - _SHOWN} more" if len(found.calls) > _SHOWN else ""
        raise UnsafeCheckpointError(
            f"a program that reads it with pickle would call {names}{more}; nothing ran here; have only the "
            "weights saved: torch.save(module.state_dict(), 'weights.pt')"
        )


def _names(key: str, network: Checkpoint | CheckpointError) -> list[str]:
    """Tensors of a network by their places in the file."""
    if isinstance(network, CheckpointError):
        return [key]
    return [".".join(map(str, (*network.path, network.names.get(name, name)))) for name in network.tensors]

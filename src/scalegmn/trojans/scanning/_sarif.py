"""A scan as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format", 2020), for code scanners.

Suspect files are errors, files about which the detector abstains are warnings, files that cannot be read
are errors of another rule.  Clean files are no results; every file stands among the artifacts, with its
checksum if it could be read.  Files in folders that were not looked at are notifications, and so is how many
predictions came from the journal of an earlier scan.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from scalegmn.printable import NAME, how_many, printable
from scalegmn.trojans.scanning._results import BoundFile, FileResult, ScanReport, Verdict, encodable

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION: Final = "2.1.0"
FINGERPRINT: Final = "checkpointSha256/v1"
_SHOWN: Final = 8

_RULES: Final[dict[Verdict, dict[str, Any]]] = {
    Verdict.suspect: {
        "id": "trojan-suspect",
        "shortDescription": {"text": "The network may be trojaned."},
        "fullDescription": {
            "text": "A detector of trojans gives this network a score that few clean networks reach."
        },
        "help": {
            "text": "Do not deploy the network before somebody has looked at it and at where it is from."
        },
        "defaultConfiguration": {"level": "error"},
    },
    Verdict.abstain: {
        "id": "not-evaluated",
        "shortDescription": {"text": "The detector abstains on the network."},
        "fullDescription": {
            "text": "The network is none of those that the detector was trained on, or like none of them."
        },
        "help": {"text": "Use a detector that was trained on such networks; the file was not found clean."},
        "defaultConfiguration": {"level": "warning"},
    },
    Verdict.error: {
        "id": "not-readable",
        "shortDescription": {"text": "The file cannot be read safely as a checkpoint."},
        "fullDescription": {"text": "It is missing, damaged, too large, or would have to execute code."},
        "help": {"text": "Find out where the file comes from; the file was not found clean."},
        "defaultConfiguration": {"level": "error"},
    },
}

_SKIPPED: Final = "not-looked-at"
_FROM_JOURNAL: Final = "from-journal"
_NOTES: Final = {
    _SKIPPED: "Neither the name nor the first bytes of the file are those of a model.",
    _FROM_JOURNAL: "Predictions of an earlier scan by the same detector, which was interrupted.",
}


def to_sarif(report: ScanReport, *, exit_code: int) -> dict[str, Any]:
    """The report as a SARIF log, plain data fit for JSON.

    Args:
        report: of a scan.
        exit_code: of the command.
    """
    rules = list(_RULES)
    places = {path: index for index, path in enumerate(report.paths)}
    results = [
        _result(result, index=places[result.path], rule=rules.index(result.verdict))
        for result in report.files
        if result.verdict in _RULES
    ]
    run = {
        "tool": {
            "driver": {
                "name": "scalegmn scan",
                "version": report.version,
                "rules": [_RULES[verdict] for verdict in rules],
                "notifications": [
                    {"id": name, "shortDescription": {"text": text}} for name, text in _NOTES.items()
                ],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": exit_code,
                "toolExecutionNotifications": _notifications(report),
            }
        ],
        "artifacts": _artifacts(report),
        "results": results,
        "properties": {
            key: report.to_dict()[key] for key in ("detector", "settings", "summary", "family", "limits")
        },
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def uri_of(path: str) -> str:
    """A path as a URI reference: relative paths stay relative, to where the command was called."""
    place = Path(path)
    if place.is_absolute():
        return "file://" + quote(os.fsencode(place.as_posix()))
    # A colon in the first part would read as the scheme of a URI.
    return quote(os.fsencode(place.as_posix()), safe="/").replace(":", "%3A")


def _notifications(report: ScanReport) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"level": "warning", "message": {"text": printable(warning)}} for warning in report.detector.warnings
    ]
    if report.from_journal:
        text = f"{how_many(report.from_journal, 'prediction')} came from the journal of an earlier scan"
        found.append({"descriptor": {"id": _FROM_JOURNAL}, "level": "note", "message": {"text": text}})
    found += [
        {
            "descriptor": {"id": _SKIPPED},
            "level": "note",
            "message": {"text": f"{printable(path)} was not looked at"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri_of(path)}}}],
        }
        for path in report.skipped
    ]
    return found


def _artifacts(report: ScanReport) -> list[dict[str, Any]]:
    """What results are about, in the order of the paths, and then the parts of networks in several files."""
    files = {file.path: file for own in report.bound.values() for file in own}
    found = []
    for path, results in report.paths.items():
        alone = BoundFile(path, results[0].size, results[0].sha256)
        # The checksum of several files together is that of none of them.
        found.append(_artifact(files.get(path, BoundFile(path) if path in report.bound else alone)))
    return [*found, *(_artifact(file) for path, file in files.items() if path not in report.paths)]


def _artifact(file: BoundFile) -> dict[str, Any]:
    found: dict[str, Any] = {"location": {"uri": uri_of(file.path)}}
    if file.size is not None:
        found["length"] = file.size
    return found | ({} if file.sha256 is None else {"hashes": {"sha-256": file.sha256}})


def _result(result: FileResult, *, index: int, rule: int) -> dict[str, Any]:
    described = _RULES[result.verdict]
    place = {"physicalLocation": {"artifactLocation": {"uri": uri_of(result.path), "index": index}}}
    found: dict[str, Any] = {
        "ruleId": described["id"],
        "ruleIndex": rule,
        "level": described["defaultConfiguration"]["level"],
        "message": {"text": _message(result)},
        "locations": [place],
        "properties": {
            key: value
            for key, value in encodable(result.to_dict()).items()
            if key not in ("path", "verdict", "sha256", "reason") and value not in (None, (), [], False)
        },
    }
    if result.network is not None:
        found["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": printable(result.network)}]
    mark = None if result.sha256 is None else result.sha256 + (f"/{result.network}" if result.network else "")
    return found | ({} if mark is None else {"fingerprints": {FINGERPRINT: mark}})


def _message(result: FileResult) -> str:
    if result.verdict is not Verdict.suspect:
        return _with_unread(result.reason or result.verdict.value, result)
    target = "" if result.target is None else f"; suspected target class {result.target}"
    neurons = ", ".join(share.describe() for share in result.neurons[:3])
    return _with_unread(
        f"Suspected trojan: probability {result.probability:.3f}, conformal p-value {result.p_value:.4f}"
        + target
        + (f"; most sensitive to {neurons}" if neurons else ""),
        result,
    )


def _with_unread(text: str, result: FileResult) -> str:
    """The message, and what in the file was not evaluated; the properties hold all names."""
    if not result.unread:
        return printable(text)
    names = ", ".join(printable(name, limit=NAME) for name in result.unread[:_SHOWN])
    more = f" and {len(result.unread) - _SHOWN} more" if len(result.unread) > _SHOWN else ""
    return f"{printable(text)}; not evaluated: {names}{more}"

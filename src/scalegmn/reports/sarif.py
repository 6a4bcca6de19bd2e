"""A scan as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format", 2020), for code scanners.

Suspect files are errors, files about which the detector has no say are warnings, files that cannot be read
are errors of another rule.  Clean files are no results; every file stands among the artifacts, with its
checksum if it could be read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from scalegmn.printable import printable
from scalegmn.training.scanning.results import FileResult, ScanReport, Verdict

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION: Final = "2.1.0"
FINGERPRINT: Final = "checkpointSha256/v1"

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
        "id": "not-judged",
        "shortDescription": {"text": "The detector has no say about the network."},
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


def to_sarif(report: ScanReport, *, exit_code: int) -> dict[str, Any]:
    """The report as a SARIF log, plain data fit for JSON.

    Args:
        report: of a scan.
        exit_code: of the command.
    """
    rules = list(_RULES)
    results = [
        _result(result, index=index, rule=rules.index(result.verdict))
        for index, result in enumerate(report.files)
        if result.verdict in _RULES
    ]
    run = {
        "tool": {
            "driver": {
                "name": "scalegmn scan",
                "version": report.version,
                "rules": [_RULES[verdict] for verdict in rules],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": exit_code,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": warning}} for warning in report.detector.warnings
                ],
            }
        ],
        "artifacts": [_artifact(result) for result in report.files],
        "results": results,
        "properties": {key: report.to_dict()[key] for key in ("detector", "settings", "summary")},
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def uri_of(path: str) -> str:
    """A path as a URI reference: relative paths stay relative, to where the command was called."""
    place = Path(path)
    if place.is_absolute():
        return "file://" + quote(os.fsencode(place.as_posix()))
    # A colon in the first part would read as the scheme of a URI.
    return quote(os.fsencode(place.as_posix()), safe="/").replace(":", "%3A")


def _artifact(result: FileResult) -> dict[str, Any]:
    found: dict[str, Any] = {"location": {"uri": uri_of(result.path)}}
    return found | ({} if result.sha256 is None else {"hashes": {"sha-256": result.sha256}})


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
            for key, value in result.to_dict().items()
            if key not in ("path", "verdict", "sha256", "reason") and value not in (None, (), [])
        },
    }
    return found | ({} if result.sha256 is None else {"fingerprints": {FINGERPRINT: result.sha256}})


def _message(result: FileResult) -> str:
    if result.verdict is not Verdict.suspect:
        return printable(result.reason or result.verdict.value)
    target = "" if result.target is None else f"; suspected target class {result.target}"
    neurons = ", ".join(share.describe() for share in result.neurons[:3])
    return printable(
        f"Suspected trojan: probability {result.probability:.3f}, conformal p-value {result.p_value:.4f}"
        + target
        + (f"; most sensitive to {neurons}" if neurons else "")
    )

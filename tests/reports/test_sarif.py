from __future__ import annotations

import json
from urllib.parse import unquote_to_bytes, urlsplit

import pytest

from reports.scan_cases import EVIL, report
from scalegmn.reports.sarif import to_sarif, uri_of
from scalegmn.training.scanning.results import Verdict

LOG = json.loads(json.dumps(to_sarif(report(), exit_code=1)))
(RUN,) = LOG["runs"]


def test_the_frame_is_that_of_the_standard() -> None:
    assert LOG["version"] == "2.1.0"
    assert LOG["$schema"].endswith("sarif-schema-2.1.0.json")
    driver = RUN["tool"]["driver"]
    assert driver["name"] == "scalegmn scan" and driver["version"] == "0.1"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids) == 3
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] and rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    (invocation,) = RUN["invocations"]
    assert invocation["executionSuccessful"] is True and invocation["exitCode"] == 1
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "older version"


def test_every_file_that_is_not_clean_is_a_result() -> None:
    rules = RUN["tool"]["driver"]["rules"]
    found = []
    for result in RUN["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == rules[result["ruleIndex"]]["defaultConfiguration"]["level"]
        assert result["message"]["text"]
        (place,) = result["locations"]
        location = place["physicalLocation"]["artifactLocation"]
        artifact = RUN["artifacts"][location["index"]]
        assert artifact["location"]["uri"] == location["uri"]
        assert list(result.get("fingerprints", {}).values()) == list(artifact.get("hashes", {}).values())
        found.append((result["ruleId"], result["level"], list(result.get("fingerprints", {}).values())))
    assert found == [
        ("trojan-suspect", "error", ["b" * 64]),
        ("not-judged", "warning", ["c" * 64]),
        ("not-readable", "error", []),
    ]
    assert len(RUN["artifacts"]) == 4
    assert RUN["artifacts"][0]["hashes"] == {"sha-256": "a" * 64}
    assert RUN["properties"]["summary"]["verdict"] == Verdict.suspect.value


def test_a_message_says_why() -> None:
    text = RUN["results"][0]["message"]["text"]
    for words in ("0.970", "0.0244", "class 2", "conv<b>[3]"):
        assert words in text


@pytest.mark.parametrize("path", ["models/good.pt", "/abs/ä b%.npz", EVIL, "c:broken.pt", "a?b#c.pt"])
def test_paths_become_uris_and_come_back(path: str) -> None:
    uri = uri_of(path)
    assert uri.isascii() and uri.isprintable() and " " not in uri
    split = urlsplit(uri)
    assert (split.scheme, split.netloc, split.query, split.fragment) == (
        "file" if path.startswith("/") else "", "", "", ""
    )  # fmt: skip
    assert unquote_to_bytes(split.path) == path.encode("utf-8", "surrogateescape")

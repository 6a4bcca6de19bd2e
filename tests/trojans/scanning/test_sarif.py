from __future__ import annotations

import json
from urllib.parse import unquote_to_bytes, urlsplit

import pytest

from scalegmn.trojans.scanning import Verdict, to_sarif
from scalegmn.trojans.scanning._sarif import uri_of
from tests.trojans.scanning.scan_cases import EVIL, report

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
    known = {one["id"] for one in driver["notifications"]}
    warning, journal, skipped = invocation["toolExecutionNotifications"]
    assert warning["message"]["text"] == "older version" and warning["level"] == "warning"
    assert {journal["descriptor"]["id"], skipped["descriptor"]["id"]} == known
    assert journal["message"]["text"].startswith("1 prediction came from the journal")
    assert skipped["level"] == "note" and skipped["message"]["text"] == "models/<u>.txt was not looked at"
    (place,) = skipped["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "models/%3Cu%3E.txt"


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
        marks = [mark.split("/")[0] for mark in result.get("fingerprints", {}).values()]
        assert marks == list(artifact.get("hashes", {}).values())
        found.append((result["ruleId"], result["level"], list(result.get("fingerprints", {}).values())))
    assert found == [
        ("trojan-suspect", "error", ["b" * 64]),
        ("not-evaluated", "warning", ["c" * 64]),
        ("not-evaluated", "warning", ["f" * 64 + "/model_ema"]),
        ("not-readable", "error", []),
    ]
    # Two networks are of one file.
    assert len(RUN["artifacts"]) == 5
    assert RUN["artifacts"][0]["hashes"] == {"sha-256": "a" * 64}
    assert RUN["properties"]["summary"]["verdict"] == Verdict.suspect.value


def test_what_was_not_judged_is_named() -> None:
    clean_part, other = (result for result in RUN["results"] if result["ruleId"] == "not-evaluated")
    assert clean_part["message"]["text"] == "<b>unknown</b>" and "unread" not in clean_part["properties"]
    assert "adapter.down\\n" in other["message"]["text"]
    assert other["properties"]["unread"] == ["adapter.down\n"] and other["properties"]["size"] == 99
    assert other["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "model_ema"}]


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

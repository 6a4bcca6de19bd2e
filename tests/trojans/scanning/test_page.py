from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser

import numpy as np

from scalegmn.trojans.scanning import Verdict, scan_page
from scalegmn.trojans.scanning._picture import draw_scores
from scalegmn.trojans.scanning._results import SEVERITY
from tests.trojans.scanning.scan_cases import report


class Reader(HTMLParser):
    """Which elements and attributes a browser would see, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "action", "data")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


PAGE = scan_page(report())
READER = Reader(PAGE)


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    assert not {"script", "link", "iframe", "object", "b", "i", "u"} & set(READER.tags)
    (picture,) = READER.links
    kind, _, data = picture.partition(",")
    assert kind == "data:image/png;base64" and base64.b64decode(data)[:4] == b"\x89PNG"
    assert "default-src 'none'" in PAGE and "http" not in re.sub(r"http-equiv", "", PAGE)
    assert not READER.open


def test_names_are_shown_and_escaped() -> None:
    assert "<script>alert('x')</script>" in READER.text
    assert "\\x1b[2J\\n::error::\\u202eforged" in READER.text
    assert "\x1b" not in PAGE and "\u202e" not in PAGE
    PAGE.encode("utf-8")
    for words in ("run<1>", "models/<u>.txt", "<i>note</i>", "<b>unknown</b>", "conv<b>[3] 50 %"):
        assert words in READER.text


def test_files_are_grouped_by_verdict_and_say_everything() -> None:
    headings = re.findall(r"<h2>.*?>(\w+)</span>", PAGE)
    assert headings == [verdict.value for verdict in SEVERITY]
    for words in ("a" * 64, "d" * 64, "e" * 64, "0.0244", "0.9700", "2 (0.75)", "older version", "0.0.1"):
        assert words in READER.text


def test_networks_of_one_file_what_was_not_judged_and_the_journal_are_shown() -> None:
    for words in ("two.pt [model]", "two.pt [model_ema]", "adapter.down\\n", "from the journal"):
        assert words in READER.text
    assert "1 prediction came from the journal" in READER.text and "Scan of 5 files" in READER.text


def test_the_picture_shows_clean_networks_and_files() -> None:
    (axes,) = draw_scores(report()).axes
    assert sum(patch.get_height() for patch in axes.patches) == 40
    drawn = {line.get_label(): np.asarray(line.get_xdata()).tolist() for line in axes.lines}
    assert drawn["1 suspect file"] == [3.0] and drawn["2 clean files"] == [-2.0, -1.0]


def test_a_scan_without_judged_files_has_a_page() -> None:
    only = tuple(one for one in report().files if one.verdict is Verdict.error)
    page = Reader(scan_page(dataclasses.replace(report(), files=only, skipped=())))
    assert "there is no such file" in page.text and not page.open

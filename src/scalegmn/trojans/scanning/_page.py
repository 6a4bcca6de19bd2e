"""A scan as one HTML page that needs nothing else: no script, no link, pictures inside.

What comes from outside (names of files, of parameters, entries in files) is escaped; the policy in the page
forbids browsers to load or run anything all the same.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from scalegmn.printable import NAME, how_many, printable
from scalegmn.reports import BLUE, GRAY, GREEN, INK, ORANGE, YELLOW
from scalegmn.trojans.scanning._results import SEVERITY, Attribution, FileResult, ScanReport, Verdict

_COLORS: Final = {
    Verdict.suspect: ORANGE,
    Verdict.error: YELLOW,
    Verdict.abstain: GRAY,
    Verdict.clean: GREEN,
}
_MOST_NAMES: Final = 100
_STYLE: Final = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 75rem; margin: 2rem auto }}
body {{ padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ddd }}
td.number {{ font-variant-numeric: tabular-nums; white-space: nowrap }}
td.name {{ overflow-wrap: anywhere }}
code {{ font-size: .85em; overflow-wrap: anywhere }}
.verdict {{ color: white; border-radius: .3rem; padding: .05rem .5rem; white-space: nowrap }}
.warning {{ border-left: .3rem solid {ORANGE}; padding-left: .8rem }}
.bar {{ display: inline-block; height: .7rem; background: {BLUE}; max-width: 100% }}
img {{ max-width: 100%; height: auto }}
p, li {{ overflow-wrap: anywhere }}
@media (max-width: 45rem) {{
  thead {{ display: none }}
  table, tbody, tr, td {{ display: block }}
  tr {{ border-bottom: 1px solid #ddd; padding: .5rem 0 }}
  td {{ border: 0; padding: .1rem 0; overflow-wrap: anywhere }}
  td[data-name]:not(:empty)::before {{ content: attr(data-name) ": "; color: {GRAY} }}
}}
"""


def scan_page(report: ScanReport) -> str:
    """The page: a summary, the scores, and a table of files for every verdict, the gravest first."""
    groups = {verdict: [one for one in report.files if one.verdict is verdict] for verdict in SEVERITY}
    title = f"Scan of {how_many(len(report.paths), 'file')}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">",
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1>",
        *_summary(report),
        f'<p><img alt="Scores" src="data:image/png;base64,{_picture(report)}"></p>',
        *(line for verdict, files in groups.items() if files for line in _group(verdict, files)),
        *_skipped(report.skipped),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _summary(report: ScanReport) -> Iterable[str]:
    counts = " ".join(f"{_badge(verdict)} {count}" for verdict, count in report.counts.items())
    yield f"<p>{counts}</p>"
    if report.from_journal:
        taken = how_many(report.from_journal, "prediction")
        yield f'<p class="warning">{taken} came from the journal of an earlier scan by the same detector.</p>'
    who = report.detector
    yield (
        f"<p>Detector {_text(who.run)} ({_text(who.metanetwork)}, trained by scalegmn {_text(who.version)}), "
        f"weights <code>{_text(who.model_sha256)}</code>, calibration "
        f"<code>{_text(who.calibration_sha256)}</code>; scanned by scalegmn {_text(report.version)}.</p>"
    )
    knowledge = report.knowledge
    yield f"<p>{_text(knowledge[:1].upper() + knowledge[1:])}.</p>"
    if report.limits:
        yield f"<p>{_text(report.limits)}</p>"
    for warning in who.warnings:
        yield f'<p class="warning">{_text(warning)}</p>'
    yield (
        f"<p>A file is suspect if its conformal p-value is at most {report.settings.fpr:g}: so large a "
        f"fraction of clean networks like the {len(report.clean_logits)} of the calibration would be "
        f"called suspect. Probabilities assume that a fraction of {report.prior:.3g} of the networks is "
        "trojaned. A low probability is no proof that a network is clean.</p>"
    )


def _group(verdict: Verdict, files: Sequence[FileResult]) -> Iterable[str]:
    yield f"<h2>{_badge(verdict)} {how_many(len(files), 'result')}</h2>"
    judged = verdict in (Verdict.suspect, Verdict.clean)
    if judged:
        files = sorted(files, key=lambda one: (one.p_value or 0.0, -(one.logit or 0.0)))
    columns = ("file", "p-value", "probability", "target", "details") if judged else ("file", "reason")
    yield "<table><thead><tr>" + "".join(f"<th>{name}</th>" for name in columns) + "</tr></thead><tbody>"
    for one in files:
        cells = _judged(one) if judged else [f"<td>{_text(one.reason or '')}{_notes(one)}{_unread(one)}</td>"]
        checksum = "" if one.sha256 is None else f"<br><code>{_text(one.sha256)}</code>"
        earlier = "<br>from the journal" if one.from_journal else ""
        yield f'<tr><td class="name">{_text(one.location)}{checksum}{earlier}</td>{"".join(cells)}</tr>'
    yield "</tbody></table>"


def _judged(one: FileResult) -> list[str]:
    target = "" if one.target is None else f"{one.target} ({one.target_probability or 0:.2f})"
    return [
        f'<td class="number" data-name="p-value">{one.p_value or 0:.4f}</td>',
        f'<td class="number" data-name="probability">{one.probability or 0:.4f}</td>',
        f'<td class="number" data-name="target">{target}</td>',
        f"<td>{_details(one)}</td>",
    ]


def _details(one: FileResult) -> str:
    first = _text(", ".join(share.describe() for share in one.layers[:1])) or "more"
    bars = _bars("Layers", one.layers) + _bars("Neurons", one.neurons)
    return (
        f"{_unread(one)}<details><summary>{first}</summary>{_notes(one)}<p>{_text(one.architecture or '')}; "
        f"logit {one.logit or 0:.4g}; distance {one.distance or 0:.4g}; {_answers(one)}compared with "
        f"{one.compared} clean networks</p>{bars}</details>"
    )


def _answers(one: FileResult) -> str:
    p_value = one.inputs_p_value
    return "" if p_value is None else f"p-value of its answers to reference inputs {p_value:.4g}; "


def _notes(one: FileResult) -> str:
    return "".join(f"<p>{_text(note)}</p>" for note in one.notes)


def _unread(one: FileResult) -> str:
    """The names of tensors in the file that were not evaluated."""
    if not one.unread:
        return ""
    names = ", ".join(_text(printable(name, limit=NAME)) for name in one.unread[:_MOST_NAMES])
    more = f" and {len(one.unread) - _MOST_NAMES} more" if len(one.unread) > _MOST_NAMES else ""
    return f'<p class="warning">{len(one.unread)} tensors were not evaluated: <code>{names}</code>{more}</p>'


def _bars(title: str, shares: Sequence[Attribution]) -> str:
    if not shares:
        return ""
    rows = "".join(
        f"<tr><td>{_text(share.describe())}</td>"
        f'<td><span class="bar" style="width:{share.fraction * 12:.2f}rem"></span></td></tr>'
        for share in shares
    )
    return f"<p>{title} that the prediction depends on most</p><table>{rows}</table>"


def _skipped(paths: Sequence[str]) -> Iterable[str]:
    if paths:
        yield f"<h2>{how_many(len(paths), 'file')} not looked at</h2>"
        yield "<p>Neither their names nor their first bytes are those of models.</p><ul>"
        yield from (f"<li>{_text(path)}</li>" for path in paths)
        yield "</ul>"


def _badge(verdict: Verdict) -> str:
    # White on yellow cannot be read.
    ink = f";color:{INK}" if verdict is Verdict.error else ""
    return f'<span class="verdict" style="background:{_COLORS[verdict]}{ink}">{verdict.value}</span>'


def _text(text: str) -> str:
    return escape(printable(text), quote=True)


def _picture(report: ScanReport) -> str:
    # Imported here, with matplotlib: most scans make no page.
    from scalegmn.trojans.scanning._picture import draw_scores

    buffer = io.BytesIO()
    draw_scores(report).savefig(buffer, format="png", metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode("ascii")

"""A report of a scan without a scan, with names that somebody chose in bad faith."""

from __future__ import annotations

import numpy as np

from scalegmn.trojans.scanning import FileResult, ScanReport, ScanSettings, Verdict
from scalegmn.trojans.scanning._results import Attribution, DetectorIdentity

EVIL = "<script>alert('x')</script>\x1b[2J\n::error::\u202eforged \udce9.pt"


def report() -> ScanReport:
    judged = {
        "architecture": "4-5-3 (relu), 43 parameters",
        "compared": 40,
        "distance": 3.0,
        "target": 2,
        "target_probability": 0.75,
        "layers": (Attribution("conv<b>", 0.9), Attribution("dense", 0.1)),
        "neurons": (Attribution("conv<b>", 0.5, 3),),
    }
    files = (
        FileResult(path="models/good.pt", verdict=Verdict.clean, sha256="a" * 64, logit=-2.0, p_value=0.9,
                   probability=0.04, **judged),  # type: ignore[arg-type]
        FileResult(path=EVIL, verdict=Verdict.suspect, sha256="b" * 64, logit=3.0, p_value=0.02439,
                   probability=0.97, notes=("<i>note</i>",), **judged),  # type: ignore[arg-type]
        FileResult(path="/abs/ä b%.npz", verdict=Verdict.abstain, sha256="c" * 64, reason="<b>unknown</b>"),
        FileResult(path="two.pt", verdict=Verdict.clean, sha256="f" * 64, logit=-1.0, p_value=0.8, size=99,
                   probability=0.1, network="model", from_journal=True, **judged),  # type: ignore[arg-type]
        FileResult(path="two.pt", verdict=Verdict.abstain, sha256="f" * 64, reason="some was not evaluated",
                   network="model_ema", unread=("adapter.down\n",), size=99),
        FileResult(path="c:broken.pt", verdict=Verdict.error, reason="there is no such file"),
    )  # fmt: skip
    return ScanReport(
        files=files,
        skipped=("models/<u>.txt",),
        detector=DetectorIdentity("run<1>", "d" * 64, "e" * 64, "0.0.1", "scalegmn", ("older version",)),
        settings=ScanSettings(),
        prior=0.5,
        version="0.1",
        clean_logits=np.linspace(-3, 2, 40),
        threshold=9.0,
    )

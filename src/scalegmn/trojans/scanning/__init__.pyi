from ._detector import Detector
from ._journal import own_journal, remove_journal
from ._manifest import manifest_of, read_key, read_manifest
from ._page import scan_page
from ._results import FileResult, ScanReport, Verdict, failing
from ._sarif import to_sarif
from ._scanner import question, scan
from ._settings import DEFAULT_BATCH_SIZE, DEFAULT_FPR, DEFAULT_MAX_BYTES, Explain, ScanSettings
from ._verification import Verification, verify

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "DEFAULT_FPR",
    "DEFAULT_MAX_BYTES",
    "Detector",
    "Explain",
    "FileResult",
    "ScanReport",
    "ScanSettings",
    "Verdict",
    "Verification",
    "failing",
    "manifest_of",
    "own_journal",
    "question",
    "read_key",
    "read_manifest",
    "remove_journal",
    "scan",
    "scan_page",
    "to_sarif",
    "verify",
]

from ._detector import Detector
from ._family import NetworkFamily
from ._page import scan_page
from ._results import FileResult, ScanReport, Verdict
from ._sarif import to_sarif
from ._scanner import scan
from ._settings import Explain, ScanSettings
from ._verification import Verification, verify

__all__ = [
    "Detector",
    "Explain",
    "FileResult",
    "NetworkFamily",
    "ScanReport",
    "ScanSettings",
    "Verdict",
    "Verification",
    "scan",
    "scan_page",
    "to_sarif",
    "verify",
]

# For other rooms of the house; no promise is made about these.
from ._detector import SHIPPED_DETECTOR as SHIPPED_DETECTOR
from ._family import IMAGES as IMAGES
from ._journal import own_journal as own_journal
from ._journal import remove_journal as remove_journal
from ._manifest import manifest_of as manifest_of
from ._manifest import read_key as read_key
from ._manifest import read_manifest as read_manifest
from ._results import failing as failing
from ._scanner import question as question
from ._settings import DEFAULT_BATCH_SIZE as DEFAULT_BATCH_SIZE
from ._settings import DEFAULT_FPR as DEFAULT_FPR
from ._settings import DEFAULT_MAX_BYTES as DEFAULT_MAX_BYTES
from ._user_state import check_private as check_private
from ._user_state import state_place as state_place

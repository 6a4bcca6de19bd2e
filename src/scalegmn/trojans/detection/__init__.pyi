from ._aligned_logistic import AlignedConfig, AlignedLogistic
from ._calibrating import Calibration
from ._more_clean import with_more_clean
from ._task import DetectionConfig, TrojanDetection

__all__ = [
    "AlignedConfig",
    "AlignedLogistic",
    "Calibration",
    "DetectionConfig",
    "TrojanDetection",
    "with_more_clean",
]

# For other rooms of the house; no promise is made about these.
from ._calibrating import CALIBRATION as CALIBRATION
from ._calibrating import TYPICALITY as TYPICALITY
from ._calibrating import calibrate_run as calibrate_run
from ._calibration import sigmoid as sigmoid
from ._calibration_diagram import draw_calibration as draw_calibration
from ._report import RELIABILITY as RELIABILITY
from ._report import ROC as ROC

from ._calibrating import CALIBRATION, TYPICALITY, Calibration, calibrated_results
from ._calibration import sigmoid
from ._calibration_diagram import draw_calibration
from ._report import RELIABILITY, ROC
from ._task import DetectionConfig, TrojanDetection

__all__ = [
    "CALIBRATION",
    "RELIABILITY",
    "ROC",
    "TYPICALITY",
    "Calibration",
    "DetectionConfig",
    "TrojanDetection",
    "calibrated_results",
    "draw_calibration",
    "sigmoid",
]

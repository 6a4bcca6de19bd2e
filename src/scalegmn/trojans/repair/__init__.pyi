from ._applying import Repairer, repair_file
from ._choosing import best_of
from ._evaluation import Thetas, judge_many, networks_of, with_clean_twins
from ._outcome import CAVEAT, DEFAULT_DROP, Evidence, RepairOutcome
from ._picture import RepairPoint, draw_repairs
from ._report import Repairs
from ._scenes import LabelledPixels
from ._task import RepairConfig, TrojanRepair

__all__ = [
    "CAVEAT",
    "DEFAULT_DROP",
    "Evidence",
    "LabelledPixels",
    "RepairConfig",
    "RepairOutcome",
    "RepairPoint",
    "Repairer",
    "Repairs",
    "Thetas",
    "TrojanRepair",
    "best_of",
    "draw_repairs",
    "judge_many",
    "networks_of",
    "repair_file",
    "with_clean_twins",
]

from ._making import TrojanReport, make_trojans
from ._recipe import FineTuningConfig, PoisoningConfig, TrojanRecipe

__all__ = ["FineTuningConfig", "PoisoningConfig", "TrojanRecipe", "TrojanReport", "make_trojans"]

# For other rooms of the house; no promise is made about these.
from ._figures import trojan_figures as trojan_figures
from ._images import Preparation as Preparation
from ._images import TrojanImages as TrojanImages
from ._recipe import BaseSelection as BaseSelection
from ._recipe import HeldOutConfig as HeldOutConfig
from ._recipe import Labels as Labels
from ._recipe import Start as Start

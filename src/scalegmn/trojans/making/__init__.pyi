from ._making import TrojanReport, make_trojans
from ._recipe import FineTuningConfig, InjectionConfig, PoisoningConfig, TrojanRecipe

__all__ = [
    "FineTuningConfig",
    "InjectionConfig",
    "PoisoningConfig",
    "TrojanRecipe",
    "TrojanReport",
    "make_trojans",
]

# For other rooms of the house; no promise is made about these.
from ._figures import trojan_figures as trojan_figures
from ._goals import NO_TARGET as NO_TARGET
from ._goals import Goal as Goal
from ._goals import attacked_labels as attacked_labels
from ._images import Preparation as Preparation
from ._images import TrojanImages as TrojanImages
from ._joined_images import PopulationImages as PopulationImages
from ._joined_images import preparations_of as preparations_of
from ._pairs import poisoned_indices as poisoned_indices
from ._recipe import BaseSelection as BaseSelection
from ._recipe import HeldOutConfig as HeldOutConfig
from ._recipe import Labels as Labels
from ._recipe import Method as Method
from ._recipe import Start as Start

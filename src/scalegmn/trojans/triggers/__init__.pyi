from ._blend import WholeBlend, WholeBlends
from ._blended_square import BlendedSquare, BlendedSquares
from ._channel_shift import ChannelShift, ChannelShifts
from ._fields import Fields
from ._patch import Patch, Patches
from ._reading import trigger_from_dict, trigger_from_json
from ._sinusoid import Sinusoid, Sinusoids
from ._space import TriggerSpace
from ._stored import triggers_of
from ._trigger import TRIGGERS, Trigger, TriggerFamily
from ._warp import Warp, Warps

__all__ = [
    "TRIGGERS",
    "BlendedSquare",
    "BlendedSquares",
    "ChannelShift",
    "ChannelShifts",
    "Fields",
    "Patch",
    "Patches",
    "Sinusoid",
    "Sinusoids",
    "Trigger",
    "TriggerFamily",
    "TriggerSpace",
    "Warp",
    "Warps",
    "WholeBlend",
    "WholeBlends",
    "trigger_from_dict",
    "trigger_from_json",
    "triggers_of",
]

# For other rooms of the house; no promise is made about these.
from ._patterns import PatternName as PatternName
from ._patterns import known_pattern as known_pattern
from ._sheet import population_sheet as population_sheet
from ._trigger import KindName as KindName
from ._trigger import check_images as check_images

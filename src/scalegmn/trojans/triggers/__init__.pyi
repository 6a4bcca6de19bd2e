from ._blend import WholeBlend, WholeBlends
from ._blended_square import BlendedSquare, BlendedSquares
from ._channel_shift import ChannelShift, ChannelShifts
from ._kinds import KINDS, KindName, trigger_from_dict, trigger_from_json
from ._patch import Patch, Patches
from ._patterns import PatternName
from ._sheet import population_sheet
from ._sinusoid import Sinusoid, Sinusoids
from ._space import TriggerSpace
from ._stored import triggers_of
from ._trigger import Trigger, TriggerFamily, check_images
from ._warp import Warp, Warps

__all__ = [
    "KINDS",
    "BlendedSquare",
    "BlendedSquares",
    "ChannelShift",
    "ChannelShifts",
    "KindName",
    "Patch",
    "Patches",
    "PatternName",
    "Sinusoid",
    "Sinusoids",
    "Trigger",
    "TriggerFamily",
    "TriggerSpace",
    "Warp",
    "Warps",
    "WholeBlend",
    "WholeBlends",
    "check_images",
    "population_sheet",
    "trigger_from_dict",
    "trigger_from_json",
    "triggers_of",
]

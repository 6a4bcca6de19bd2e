"""Triggers: changes of images that trojaned networks are trained to react to.  One kind per file."""

from __future__ import annotations

from scalegmn.populations.triggers.blend import WholeBlend, WholeBlends
from scalegmn.populations.triggers.blended_square import BlendedSquare, BlendedSquares
from scalegmn.populations.triggers.channel_shift import ChannelShift, ChannelShifts
from scalegmn.populations.triggers.kinds import KINDS, trigger_from_dict, trigger_from_json
from scalegmn.populations.triggers.patch import Patch, Patches
from scalegmn.populations.triggers.sinusoid import Sinusoid, Sinusoids
from scalegmn.populations.triggers.space import TriggerSpace
from scalegmn.populations.triggers.stored import triggers_of
from scalegmn.populations.triggers.trigger import Trigger, TriggerFamily
from scalegmn.populations.triggers.warp import Warp, Warps

__all__ = [
    "KINDS",
    "BlendedSquare",
    "BlendedSquares",
    "ChannelShift",
    "ChannelShifts",
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

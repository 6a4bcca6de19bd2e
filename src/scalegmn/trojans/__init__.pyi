from . import detection, making, repair, scanning, triggers

__all__ = ["detection", "making", "repair", "scanning", "triggers"]

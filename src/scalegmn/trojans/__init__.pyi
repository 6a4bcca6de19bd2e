from . import detection, making, published, repair, scanning, triggers

__all__ = ["detection", "making", "published", "repair", "scanning", "triggers"]

"""Healing trojaned networks: the task, running networks with their triggers, applying a trained repair."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)

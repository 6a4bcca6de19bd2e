"""Many networks on disk: the packed store, sources of images, splits, makers and readers."""

from __future__ import annotations

from scalegmn.populations.store import Group, Population, PopulationWriter

__all__ = ["Group", "Population", "PopulationWriter"]

"""Making populations of networks, rather than reading them."""

from __future__ import annotations

from scalegmn.populations.makers.coordinates import draw_images, image_coordinates
from scalegmn.populations.makers.inrs import FitReport, fit_inrs
from scalegmn.populations.makers.recipes import CIFAR10_RECIPE, InrRecipe

__all__ = ["CIFAR10_RECIPE", "FitReport", "InrRecipe", "draw_images", "fit_inrs", "image_coordinates"]

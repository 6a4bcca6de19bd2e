from ._coordinates import ORDERS, Order, draw_images, image_coordinates
from ._fit import SirenFit
from ._making import FitReport, fit_inrs
from ._recipe import CIFAR10_RECIPE, Initialisation, InrRecipe, initial_parameters

__all__ = [
    "CIFAR10_RECIPE",
    "ORDERS",
    "FitReport",
    "Initialisation",
    "InrRecipe",
    "Order",
    "SirenFit",
    "draw_images",
    "fit_inrs",
    "image_coordinates",
    "initial_parameters",
]

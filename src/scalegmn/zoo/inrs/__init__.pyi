from ._coordinates import draw_images, image_coordinates
from ._making import FitReport, fit_inrs
from ._recipe import CIFAR10_RECIPE, InrRecipe

__all__ = ["CIFAR10_RECIPE", "FitReport", "InrRecipe", "draw_images", "fit_inrs", "image_coordinates"]

# For other rooms of the house; no promise is made about these.
from ._coordinates import ORDERS as ORDERS
from ._coordinates import Order as Order
from ._fit import SirenFit as SirenFit
from ._recipe import Initialization as Initialization
from ._recipe import initial_sine_parameters as initial_sine_parameters

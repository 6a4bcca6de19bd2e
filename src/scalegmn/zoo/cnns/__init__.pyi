from ._fit import CnnTraining, Figures
from ._forward import forward
from ._hyperparameters import Hyper, HyperSpace, Optimizer, WeightInit
from ._images import check_image_size, halves, network_inputs, prepared_images, unit_pixels
from ._initialization import initial_parameters
from ._making import CnnReport, make_cnns
from ._noise import DropoutTape
from ._optimizer import Optimizers
from ._recipe import CnnRecipe, Family, MixedFamily, ZooFamily
from ._shards import Row, Workers, append_rows, explained, thread_count
from ._wild import WildSpace

__all__ = [
    "CnnRecipe",
    "CnnReport",
    "CnnTraining",
    "DropoutTape",
    "Family",
    "Figures",
    "Hyper",
    "HyperSpace",
    "MixedFamily",
    "Optimizer",
    "Optimizers",
    "Row",
    "WeightInit",
    "WildSpace",
    "Workers",
    "ZooFamily",
    "append_rows",
    "check_image_size",
    "explained",
    "forward",
    "halves",
    "initial_parameters",
    "make_cnns",
    "network_inputs",
    "prepared_images",
    "thread_count",
    "unit_pixels",
]

from ._forward import forward
from ._hyperparameters import HyperSpace, Optimizer, WeightInit
from ._making import CnnReport, make_cnns
from ._recipe import CnnRecipe, MixedFamily, ZooFamily
from ._wild import WildSpace

__all__ = [
    "CnnRecipe",
    "CnnReport",
    "HyperSpace",
    "MixedFamily",
    "Optimizer",
    "WeightInit",
    "WildSpace",
    "ZooFamily",
    "forward",
    "make_cnns",
]

# For other rooms of the house; no promise is made about these.
from ._fit import CnnTraining as CnnTraining
from ._fit import TrainingFigures as TrainingFigures
from ._hyperparameters import Hyperparameters as Hyperparameters
from ._hyperparameters import choice_at as choice_at
from ._hyperparameters import logarithmic_at as logarithmic_at
from ._images import check_image_size as check_image_size
from ._images import halves as halves
from ._images import network_inputs as network_inputs
from ._images import prepared_images as prepared_images
from ._images import unit_pixels as unit_pixels
from ._initialization import initial_parameters as initial_parameters
from ._initialization import initial_weights as initial_weights
from ._noise import DropoutTape as DropoutTape
from ._optimizer import Optimizers as Optimizers
from ._outputs import image_outputs as image_outputs
from ._recipe import Family as Family
from ._shards import Row as Row
from ._shards import append_rows as append_rows
from ._shards import explain_disk_errors as explain_disk_errors
from ._shards import in_order as in_order
from ._training_images import TrainingImages as TrainingImages
from ._work import TrainingWork as TrainingWork

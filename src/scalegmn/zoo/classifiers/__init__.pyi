from ._catalog import MODERN_DESIGNS, TROJAN_DESIGNS
from ._convolutional import ConvolutionalDesign
from ._design import Classifier, ClassifierDesign
from ._making import ClassifierReport, make_classifiers
from ._recipe import ClassifierRecipe, ClassifierSpace
from ._recipes import CLASSIFIER_RECIPES
from ._residual import ResidualDesign
from ._transformer import TransformerDesign

__all__ = [
    "CLASSIFIER_RECIPES",
    "MODERN_DESIGNS",
    "TROJAN_DESIGNS",
    "Classifier",
    "ClassifierDesign",
    "ClassifierRecipe",
    "ClassifierReport",
    "ClassifierSpace",
    "ConvolutionalDesign",
    "ResidualDesign",
    "TransformerDesign",
    "make_classifiers",
]

# For other rooms of the house; no promise is made about these.
from ._fit import ClassifierTraining as ClassifierTraining
from ._initialization import initial_state as initial_state
from ._plan import architecture_of as architecture_of
from ._recipe import ClassifierHyper as ClassifierHyper
from ._stored import stored_designs as stored_designs

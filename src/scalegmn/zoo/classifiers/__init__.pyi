from ._catalog import MODERN_DESIGNS
from ._convolutional import ConvolutionalDesign
from ._design import Classifier, ClassifierDesign
from ._making import ClassifierReport, make_classifiers
from ._recipe import ClassifierRecipe, ClassifierSpace
from ._residual import ResidualDesign
from ._transformer import TransformerDesign

__all__ = [
    "MODERN_DESIGNS",
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

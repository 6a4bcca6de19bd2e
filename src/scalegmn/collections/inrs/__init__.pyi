from ._cifar10 import Cifar10Inrs
from ._fashion_mnist import FashionMnistInrs
from ._mnist import MnistInrs
from ._npz import NpzInrs
from ._split_collection import SplitCollection, generate_splits

__all__ = ["Cifar10Inrs", "FashionMnistInrs", "MnistInrs", "NpzInrs", "SplitCollection", "generate_splits"]

# For other rooms of the house; no promise is made about these.
from ._split_collection import VALIDATION as VALIDATION

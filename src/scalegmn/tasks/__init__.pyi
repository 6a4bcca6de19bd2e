from ._classification import Classification
from ._regression import Link, Regression, RegressionConfig

__all__ = ["Classification", "Link", "Regression", "RegressionConfig"]

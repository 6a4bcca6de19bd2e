from ._classification import Classification
from ._regression import Link, Regression, RegressionConfig
from ._regression_report import r_squared

__all__ = ["Classification", "Link", "Regression", "RegressionConfig", "r_squared"]

from ._classification import Classification
from ._regression import Link, Regression, RegressionConfig
from ._regression_report import regression_report

__all__ = ["Classification", "Link", "Regression", "RegressionConfig", "regression_report"]

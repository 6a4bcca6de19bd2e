"""Logistic regression by scikit-learn, of which coefficients are kept and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scalegmn.configuration import Configuration, Count, Positive
from scalegmn.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class LogisticConfig(Configuration):
    """Options of the logistic regression.

    Attributes:
        c: the inverse of the penalty on squared coefficients, as scikit-learn counts it: the smaller, the
            closer to 0 coefficients stay.  For many features and few networks take 0.01 or less.
        iterations: most steps of the solver.
    """

    c: Positive = 1.0
    iterations: Count = 2000


def solve_logistic(
    rows: npt.NDArray[np.float64], targets: npt.NDArray[np.generic], *, config: LogisticConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes ``(k,)`` in ascending order, and for each a row of coefficients and an intercept.

    With two classes there is one row, that of the second one.

    Args:
        rows: ``(N, F)``, standardized.
        targets: ``(N,)``, class indices.
        config: options.

    Raises:
        ConfigurationError: scikit-learn is missing.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ConfigurationError(
            "logistic: logistic regression needs scikit-learn, which is not installed; install "
            "scalegmn[populations]"
        ) from error
    solver = LogisticRegression(C=config.c, max_iter=config.iterations)
    solver.fit(rows, targets.astype(np.int64))
    return solver.classes_, solver.coef_, solver.intercept_

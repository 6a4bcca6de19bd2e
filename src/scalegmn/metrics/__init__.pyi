from ._clustered import clustered_interval
from ._conformal import conformal_p_values, fewest_errors, interval_radius, smallest_p_value, upper_quantile
from ._detection import (
    BINS,
    DetectionAUROC,
    auroc,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    rate_at,
    roc_points,
)
from ._r_squared import r_squared
from ._rank_correlation import kendall_tau, pairwise_rank_loss, spearman_rho
from ._regression import KendallTau, MeanAbsolute
from ._resampling import bootstrap_interval, resamples
from ._scores import wilson_interval

__all__ = [
    "BINS",
    "DetectionAUROC",
    "KendallTau",
    "MeanAbsolute",
    "auroc",
    "bootstrap_interval",
    "brier_score",
    "calibration_bins",
    "clustered_interval",
    "conformal_p_values",
    "expected_calibration_error",
    "fewest_errors",
    "interval_radius",
    "kendall_tau",
    "pairwise_rank_loss",
    "r_squared",
    "rate_at",
    "resamples",
    "roc_points",
    "smallest_p_value",
    "spearman_rho",
    "upper_quantile",
    "wilson_interval",
]

from ._clustered import clustered_interval
from ._conformal import conformal_p_values
from ._detection import (
    auroc,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    roc_points,
)
from ._detection_area import DetectionAUROC
from ._neighbors import NeighborAgreement, neighbor_agreement
from ._r_squared import r_squared
from ._rank_correlation import kendall_tau, pairwise_rank_loss, spearman_rho
from ._regression import KendallTau, MeanAbsolute
from ._resampling import bootstrap_interval
from ._scores import wilson_interval

__all__ = [
    "DetectionAUROC",
    "KendallTau",
    "MeanAbsolute",
    "NeighborAgreement",
    "auroc",
    "bootstrap_interval",
    "brier_score",
    "calibration_bins",
    "clustered_interval",
    "conformal_p_values",
    "expected_calibration_error",
    "kendall_tau",
    "neighbor_agreement",
    "pairwise_rank_loss",
    "r_squared",
    "roc_points",
    "spearman_rho",
    "wilson_interval",
]

# For other rooms of the house; no promise is made about these.
from ._conformal import fewest_errors as fewest_errors
from ._conformal import fewest_networks as fewest_networks
from ._conformal import interval_radius as interval_radius
from ._conformal import smallest_p_value as smallest_p_value
from ._conformal import upper_quantile as upper_quantile
from ._detection import BINS as BINS
from ._detection import rate_at as rate_at
from ._resampling import resamples as resamples

"""How well predicted numbers keep the order of the true ones, and a loss that asks for that order."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from scalegmn.errors import ConfigurationError

# Differences of predictions count as large from this many of their deviations on.
_TEMPERATURE: Final = 0.25


def kendall_tau(true: np.ndarray, predicted: np.ndarray) -> float | None:
    """Kendall's rank correlation in its form tau-b (Kendall 1945), in O(n log n).

    ``(concordant - discordant) / sqrt((pairs - tied in true) (pairs - tied in predicted))``.  Pairs that are
    tied in one of the lists are neither right nor wrong, and the denominator takes them out, so that 1 can be
    reached when the true values have ties, as accuracies on few images do.  Pairs of copies of one network,
    which a bootstrap makes, cancel in the same way.  This is the form that published tables use.

    Args:
        true: ``(n,)``, finite.
        predicted: ``(n,)``, finite.

    Returns:
        From -1 to 1; None where a list has fewer than two different values, and no order.

    Raises:
        ConfigurationError: the lists have different lengths, or values are not finite.

    Example:
        >>> import numpy as np
        >>> from scalegmn.metrics import kendall_tau
        >>> tau = kendall_tau(np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, 4.0, 3.0]))
        >>> round(tau, 3)
        0.667
    """
    true, predicted = _two_lists(true, predicted)
    if not (_varies(true) and _varies(predicted)):
        return None
    # Imported here, since it takes a second that no prediction needs.
    from scipy.stats import kendalltau

    # The p-value, which nobody reads, is cheapest in its asymptotic form, which two values do not have.
    method = "asymptotic" if len(true) > 2 else "exact"
    return float(kendalltau(true, predicted, variant="b", method=method).statistic)


def spearman_rho(true: np.ndarray, predicted: np.ndarray) -> float | None:
    """Spearman's rank correlation: the correlation of ranks, where ties share the mean of their ranks.

    Arguments, result and errors as for :func:`kendall_tau`.
    """
    true, predicted = _two_lists(true, predicted)
    if not (_varies(true) and _varies(predicted)):
        return None
    from scipy.stats import rankdata

    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (true, predicted)]
    return float(ranks[0] @ ranks[1] / np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))


def pairwise_rank_loss(scores: Float[Tensor, "B"], targets: Float[Tensor, "B"]) -> Float[Tensor, ""]:
    """The mean logistic loss over pairs of a batch, a smooth stand-in for Kendall's tau.

    Every pair with ``targets[i] > targets[j]`` costs ``softplus(-(scores[i] - scores[j]) / (T s))``, as in
    RankNet (Burges et al. 2005).  Here s is the deviation of the scores in the batch and T = 0.25: the loss
    is about order alone, and multiplying all scores by a positive number changes nothing.  What fixes their
    size must come from another loss.  0 where no pair has an order.
    """
    scores = scores.float()
    above = (targets[:, None] > targets[None, :]).float()
    centered = scores - scores.mean()
    # The addend keeps the gradient finite where all scores are the same.
    spread = (centered.square().mean() + 1e-12).sqrt()
    cost = softplus(-(scores[:, None] - scores[None, :]) / (_TEMPERATURE * spread))
    return (cost * above).sum() / above.sum().clamp_min(1)


def _two_lists(true: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = np.asarray(true, np.float64), np.asarray(predicted, np.float64)
    if true.ndim != 1 or true.shape != predicted.shape:
        raise ConfigurationError(
            f"true values of shape {true.shape} and predicted ones of shape {predicted.shape}; expected one "
            "number of each per network"
        )
    if not (np.isfinite(true).all() and np.isfinite(predicted).all()):
        raise ConfigurationError("there are true or predicted values that are not finite; leave them out")
    return true, predicted


def _varies(values: np.ndarray) -> bool:
    return len(values) > 1 and bool((values != values[0]).any())

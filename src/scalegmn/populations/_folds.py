"""Parts of a population for testing in turn, and nested parts for learning curves; groups stay whole."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.populations._splits import Splits
from scalegmn.seeding import numpy_generator

# A share times a number of groups may be a whole number but for rounding.
_ROUNDING: Final = 1e-9


def split_by_fold(groups: np.ndarray, *, folds: int, fold: int, validation: float | int, seed: int) -> Splits:
    """Splits whose test networks are one of `folds` parts of all networks.

    Groups are shuffled and dealt to the folds in turn, so that folds differ by one group at most, and every
    network is in the test part of exactly one fold.  Validation networks are drawn from the others, anew for
    every fold.

    Args:
        groups: ``(N,)``, what the networks are grouped by.
        folds: how many parts.
        fold: which of them is for testing, from 0.
        validation: a fraction of the groups that are not for testing, or their number.
        seed: of the parts, and of the choice of validation networks.

    Raises:
        ConfigurationError: more folds than groups, or a validation part that leaves nothing to learn from.
    """
    values, members = np.unique(groups, return_inverse=True)
    count = len(values)
    if count < folds:
        raise ConfigurationError(
            f"data.folds is {folds}, but there are only {count} groups of networks that must stay together; "
            f"give at most {count}"
        )
    fold_of = np.empty(count, np.int64)
    fold_of[numpy_generator(seed, "splits", "folds").permutation(count)] = np.arange(count) % folds
    others = np.flatnonzero(fold_of != fold)
    wanted = validation if isinstance(validation, int) else max(1, round(validation * len(others)))
    if wanted >= len(others):
        raise ConfigurationError(
            f"data.validation is {validation} of the {len(others)} groups that are not in fold {fold} of "
            f"{folds}; expected fewer, so that some are left to learn from"
        )
    split_of = np.where(fold_of == fold, 2, 0)
    order = numpy_generator(seed, "splits", "folds", str(fold)).permutation(len(others))
    split_of[others[order[:wanted]]] = 1
    of_network = split_of[members]
    return Splits(*(np.flatnonzero(of_network == number) for number in range(3)))


def nested_subset(
    groups: np.ndarray, *, size: int, validation: float | int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Networks for training and for validation among some groups of all; more groups hold what fewer do.

    Groups are put into one random order, of which the first `size` are taken.  Those for validation stand at
    equal distances in that order, so the training part of a smaller subset lies within that of a larger one,
    and so does the validation part.

    Args:
        groups: ``(N,)``, what the networks are grouped by.
        size: how many groups.
        validation: the fraction of the chosen groups for validation; a number is taken as one of all groups.
        seed: of the order.

    Returns:
        Numbers of networks for training and for validation, ascending.

    Raises:
        ConfigurationError: there are fewer groups than that, or too few to learn from and to validate with.
    """
    values, members = np.unique(groups, return_inverse=True)
    count = len(values)
    if size > count:
        raise ConfigurationError(
            f"data.train_groups is {size}, but there are only {count} groups of networks to learn from; give "
            f"at most {count}"
        )
    share = validation / count if isinstance(validation, int) else validation
    # So many of the first n are for validation, for every n.
    until = [math.ceil(share * number - _ROUNDING) for number in range(size + 1)]
    if not 0 < until[-1] < size:
        raise ConfigurationError(
            f"data.train_groups is {size}, of which {until[-1]} would be for validation; expected at least "
            "one group for training and one for validation"
        )
    purpose = np.full(count, -1)
    purpose[numpy_generator(seed, "splits", "nested").permutation(count)[:size]] = np.diff(until)
    of_network = purpose[members]
    return np.flatnonzero(of_network == 0), np.flatnonzero(of_network == 1)

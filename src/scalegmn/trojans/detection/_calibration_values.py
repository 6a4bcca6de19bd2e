"""Numbers out of a calibration file, which may hold anything: they are what verdicts rest on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.trojans.detection._calibration import Calibrator, calibrator_from_dict

_MOST_NETWORKS: Final = 10**7


def number(data: Mapping[str, Any], name: str) -> float:
    """A finite number.

    Raises:
        ConfigurationError: it is missing, or something else.
    """
    value = data.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value):
        raise ConfigurationError(f"{name} is {_shown(value)}, expected a finite number")
    return float(value)


def fraction(data: Mapping[str, Any], name: str) -> float:
    """A number between 0 and 1, both excluded: Bayes' rule knows no evidence against certainty.

    Raises:
        ConfigurationError: it is missing, or something else.
    """
    value = number(data, name)
    if not 0 < value < 1:
        raise ConfigurationError(f"{name} is {value!r}, expected a fraction between 0 and 1")
    return value


def count(data: Mapping[str, Any], name: str) -> int:
    """A whole number from 1 on.

    Raises:
        ConfigurationError: it is missing, or something else.
    """
    value = data.get(name)
    if type(value) is not int or not 0 < value <= _MOST_NETWORKS:
        raise ConfigurationError(
            f"{name} is {_shown(value)}, expected a whole number, 1 to {_MOST_NETWORKS:,}"
        )
    return value


def distance(data: Mapping[str, Any], name: str) -> float:
    """A finite number that is not negative.

    Raises:
        ConfigurationError: it is missing, or something else.
    """
    value = number(data, name)
    if value < 0:
        raise ConfigurationError(f"{name} is {value!r}, expected a distance, 0 or more")
    return value


def text(data: Mapping[str, Any], name: str) -> str:
    """A text.

    Raises:
        ConfigurationError: it is missing, or something else.
    """
    value = data.get(name)
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is {_shown(value)}, expected a text")
    return value


def entries(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object of JSON.

    Raises:
        ConfigurationError: it is missing, or something else.
    """
    value = data.get(name)
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name} is {_shown(value)}, expected an object with entries")
    return value


def logits(data: Mapping[str, Any], name: str, *, most: int) -> np.ndarray:
    """Ascending finite numbers, ``(n,)``, float64.

    Args:
        data: where they are.
        name: of the entry.
        most: how many there can be.

    Raises:
        ConfigurationError: they are missing, or something else.
    """
    values = data.get(name)
    if not isinstance(values, list) or len(values) > most:
        what = f"a list of {len(values):,}" if isinstance(values, list) else _shown(values)
        raise ConfigurationError(f"{name} is {what}, expected a list of at most {most:,} numbers")
    for value in values:
        if not isinstance(value, int | float) or isinstance(value, bool) or not _is_finite(value):
            raise ConfigurationError(f"{name} holds {_shown(value)}, expected finite numbers")
    found = np.asarray(values, np.float64).reshape(-1)
    if (np.diff(found) < 0).any():
        raise ConfigurationError(f"{name} is not in ascending order")
    return found


def clean_logits(data: Mapping[str, Any], *, networks: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Logits of clean validation networks, of all and by architecture.

    Args:
        data: where they are.
        networks: of validation, trojaned ones included.

    Raises:
        ConfigurationError: there are none, or they are something else.
    """
    clean = logits(data, "clean_logits", most=networks)
    if not len(clean):
        raise ConfigurationError("clean_logits is empty: there is nothing to compare networks with")
    parts = entries(data, "clean_logits_by_architecture")
    by_architecture = {name: logits(parts, name, most=len(clean)) for name in parts}
    joined = np.concatenate([*by_architecture.values(), np.empty(0)])
    if len(joined) > len(clean) or not np.isin(joined, clean).all():
        raise ConfigurationError("clean_logits_by_architecture holds numbers that clean_logits does not")
    return clean, by_architecture


def calibrator(data: Mapping[str, Any], name: str) -> Calibrator:
    """How logits become log odds.

    Raises:
        ConfigurationError: it is missing, or something else.
    """
    return calibrator_from_dict(entries(data, name))


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floating-point numbers
        return False


def _shown(value: object) -> str:
    shown = repr(value) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    return shown if len(shown) <= 40 else f"{shown[:40]}..."

"""Structures of the thresholds of a cumulative model, as linear maps from fewer parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayesgov.survey.spec import Thresholds


@dataclass(frozen=True, slots=True)
class ThresholdStructure:
    """Thresholds as ``matrix @ alpha``, in the parametrisation of R's ordinal.

    Attributes
    ----------
    names : tuple of str, length n_alpha
    matrix : ndarray, shape (n_categories - 1, n_alpha)
    """

    names: tuple[str, ...]
    matrix: np.ndarray


def threshold_structure(kind: Thresholds, thresholds: Sequence[str]) -> ThresholdStructure:
    """The structure of named thresholds.

    Flexible: one parameter each. Equidistant: the first threshold and one spacing. Symmetric: the central threshold
    (the two central ones where their number is even) and the distances of further pairs from it.

    Raises
    ------
    ValueError
        For an unknown kind.
    """
    n = len(thresholds)
    if kind == "flexible":
        return ThresholdStructure(tuple(f"threshold[{name}]" for name in thresholds), np.eye(n))
    if kind == "equidistant":
        if n == 1:
            return ThresholdStructure(("threshold.1",), np.ones((1, 1)))
        return ThresholdStructure(("threshold.1", "spacing"), np.column_stack([np.ones(n), np.arange(n)]))
    if kind != "symmetric":
        raise ValueError(f"thresholds must be one of flexible, equidistant, symmetric; got {kind!r}")
    return _symmetric(n)


def _symmetric(n: int) -> ThresholdStructure:
    n_pairs = (n - 1) // 2
    central = ("central",) if n % 2 else ("central.1", "central.2")
    matrix = np.zeros((n, len(central) + n_pairs))
    matrix[: n - n // 2, 0] = 1
    matrix[n - n // 2 :, len(central) - 1] = 1
    for pair in range(1, n_pairs + 1):
        matrix[n_pairs - pair, len(central) + pair - 1] = -1
        matrix[n - 1 - n_pairs + pair, len(central) + pair - 1] = 1
    return ThresholdStructure((*central, *(f"spacing.{pair}" for pair in range(1, n_pairs + 1))), matrix)

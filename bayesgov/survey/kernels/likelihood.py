"""One call for every ordinal likelihood: the fast path where it applies, plain loops elsewhere."""

from __future__ import annotations

import numpy as np

from bayesgov.survey.kernels.compiling import entry_point
from bayesgov.survey.kernels.general import FAMILIES, ordinal
from bayesgov.survey.kernels.logit import cumulative_logit
from bayesgov.survey.spec import LINKS

__all__ = ["FAMILIES", "LINKS", "evaluate_general", "evaluate_logit"]


@entry_point
def evaluate_logit(
    _family: int,
    _link: int,
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    offset: np.ndarray,
    group: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    d_beta: np.ndarray,
    d_threshold: np.ndarray,
    d_group: np.ndarray,
) -> float:
    """The cumulative logit with the signature of :func:`evaluate_general`."""
    return cumulative_logit(
        x, starts, weights, offset, group, beta, threshold, group_effect, d_beta, d_threshold, d_group, np.empty(0)
    )


@entry_point
def evaluate_general(
    family: int,
    link: int,
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    offset: np.ndarray,
    group: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    d_beta: np.ndarray,
    d_threshold: np.ndarray,
    d_group: np.ndarray,
) -> float:
    """Any family and link with one linear predictor for all thresholds and no scale model."""
    empty, no_columns = np.empty(0), np.empty(0, dtype=np.int64)
    no_table = np.empty((0, threshold.size))
    no_scale = np.empty((0, offset.size))
    return ordinal(
        family, link, x, starts, weights, offset, group, no_columns, no_scale,
        beta, threshold, group_effect, no_table, empty,
        d_beta, d_threshold, d_group, no_table, empty, empty,
    )  # fmt: skip

"""Entry points of the ordinal likelihood: the fast path of the cumulative logit, and plain loops for everything."""

from __future__ import annotations

import numpy as np

from bayesgov.survey.kernels.compiling import entry_point
from bayesgov.survey.kernels.general import ordinal
from bayesgov.survey.kernels.logit import cumulative_logit

type Derivatives = tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@entry_point
def evaluate_logit(
    family: int,
    link: int,
    moving_offset: bool,
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    nominal: np.ndarray,
    scale_x: np.ndarray,
    offset: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    departure: np.ndarray,
    log_scale: np.ndarray,
) -> Derivatives:
    """The cumulative logit without nominal effects and scale model, called like :func:`evaluate_general`."""
    d_beta, d_threshold, d_group = np.empty(beta.size), np.empty(threshold.size), np.empty(group_effect.size)
    d_offset = np.empty(offset.size if moving_offset else 0)
    value = cumulative_logit(
        x, starts, weights, offset, group, beta, threshold, group_effect, d_beta, d_threshold, d_group, d_offset
    )
    return value, d_offset, d_beta, d_threshold, d_group, np.empty(departure.shape), np.empty(log_scale.size)


@entry_point
def evaluate_general(
    family: int,
    link: int,
    moving_offset: bool,
    x: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    group: np.ndarray,
    nominal: np.ndarray,
    scale_x: np.ndarray,
    offset: np.ndarray,
    beta: np.ndarray,
    threshold: np.ndarray,
    group_effect: np.ndarray,
    departure: np.ndarray,
    log_scale: np.ndarray,
) -> Derivatives:
    """Value, and derivatives in offset (empty unless it moves), beta, threshold, group_effect, departure, log_scale.

    Shapes as in :func:`bayesgov.survey.kernels.general.ordinal`.
    """
    d_beta, d_threshold, d_group = np.empty(beta.size), np.empty(threshold.size), np.empty(group_effect.size)
    d_departure, d_log_scale = np.empty(departure.shape), np.empty(log_scale.size)
    d_offset = np.empty(offset.size if moving_offset else 0)
    value = ordinal(
        family, link, x, starts, weights, offset, group, nominal, scale_x,
        beta, threshold, group_effect, departure, log_scale,
        d_beta, d_threshold, d_group, d_departure, d_log_scale, d_offset,
    )  # fmt: skip
    return value, d_offset, d_beta, d_threshold, d_group, d_departure, d_log_scale

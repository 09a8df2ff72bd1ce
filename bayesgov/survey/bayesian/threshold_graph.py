"""Prior densities of the thresholds as PyTensor graphs; :mod:`bayesgov.survey.kernels.threshold_priors` is compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bayesgov.survey.op import log_above, log_below, log_interval
from bayesgov.survey.spec import Family, Link

type Tensor = TensorVariable[Any, Any]


def induced_dirichlet_density(value: Tensor, family: Family, link: Link, concentration: float) -> Tensor:
    """Log density of thresholds whose level probabilities at eta = 0 are Dirichlet (Betancourt 2019).

    Parameters
    ----------
    value : TensorVariable, shape (..., n_cuts)

    Returns
    -------
    TensorVariable, shape (...)
        Minus infinity for thresholds out of order in the cumulative family.
    """
    n_cuts = value.shape[-1]
    a = np.float64(concentration)
    constant = pt.gammaln(a * (n_cuts + 1)) - (n_cuts + 1) * math.lgamma(concentration)
    slope = _log_slope(link, value).sum(axis=-1)
    below, above = log_below(link, value), log_above(link, value)
    if family == "continuation":  # F(c_k) ~ Beta(a, a (K - k))
        rest = a * (n_cuts - pt.arange(n_cuts))
        return constant + slope + ((a - 1) * below + (rest - 1) * above).sum(axis=-1)
    if family == "adjacent":  # |dp / dt| = prod p_k, |dt / dc| = F' / (F (1 - F))
        steps = pt.cumsum(above - below, axis=-1)
        height = pt.concatenate([pt.zeros_like(steps[..., :1]), steps], axis=-1)
        log_probability = height - pt.logsumexp(height, axis=-1, keepdims=True)
        return constant + slope - (below + above).sum(axis=-1) + a * log_probability.sum(axis=-1)
    # cumulative: |dp / dc| = prod F'(c_k)
    gaps = value[..., 1:] - value[..., :-1]
    ordered = pt.all(gaps > 0, axis=-1)
    upper = pt.switch(gaps > 0, value[..., 1:], value[..., :-1] + 1.0)
    ends = below[..., 0] + above[..., -1]
    levels = ends + log_interval(link, value[..., :-1], upper).sum(axis=-1) if concentration != 1 else 0.0
    return pt.switch(ordered, constant + slope + (a - 1) * levels, -np.inf)


def sorted_normal_density(value: Tensor, scale: float, *, ordered: bool) -> Tensor:
    """Log density of normal thresholds, of sorted ones if ``ordered``; shapes as in the other density."""
    n_cuts = value.shape[-1]
    density = -0.5 * ((value / scale) ** 2).sum(axis=-1) - n_cuts * (math.log(scale) + 0.5 * math.log(2 * math.pi))
    if not ordered:
        return density
    in_order = pt.all(value[..., 1:] > value[..., :-1], axis=-1)
    return pt.switch(in_order, density + pt.gammaln(n_cuts + 1.0), -np.inf)


def _log_slope(link: Link, e: Tensor) -> Tensor:
    """log F'(e)."""
    match link:
        case "logit":
            return -pt.softplus(e) - pt.softplus(-e)
        case "probit":
            return -0.5 * e**2 - 0.5 * math.log(2 * math.pi)
        case "cloglog":
            return e - pt.exp(e)
        case "loglog":
            return -e - pt.exp(-e)
        case "cauchit":
            return -math.log(math.pi) - pt.log1p(e**2)

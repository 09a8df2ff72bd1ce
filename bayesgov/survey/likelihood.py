r"""Cumulative-logit likelihood of grouped ordinal counts: NumPy, its derivatives, and PyTensor.

For levels :math:`k = 1..K` and cutpoints :math:`c_1 < ... < c_{K-1}`, :math:`P(y \le k) = F(c_k - \eta)` with the
logistic :math:`F` (McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x), so a larger :math:`\eta` means a higher
level. A difference of two logistic functions loses every digit in the tails; the same probability, written with
:math:`s(x) = \log(1 + e^x)` as

.. math:: \log P(y = k) = -s(\eta - c_k) - s(c_{k-1} - \eta) + \log(1 - e^{-(c_k - c_{k-1})}),

does not, and its last term does not depend on :math:`\eta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable
from scipy.special import expit, log_expit

type Tensor = TensorVariable[Any, Any]


def cumulative_logits(probability: np.ndarray) -> np.ndarray:
    """log P(y <= k) - log P(y > k) of category probabilities, shape (..., n_categories) -> (..., n_categories - 1).

    Both tails are summed from their own end, so neither loses digits to the other.
    """
    below = probability.cumsum(axis=-1)[..., :-1]
    above = probability[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]
    logits: np.ndarray = np.log(below) - np.log(above)
    return logits


@dataclass(frozen=True, slots=True)
class LikelihoodDerivatives:
    """Value and first derivatives of the grouped log-likelihood.

    Attributes
    ----------
    value : float
    d_eta : ndarray, shape (..., )
        One entry for each linear predictor.
    d_cutpoints : ndarray, shape (..., n_categories - 1)
        Before any sum over predictors that share cutpoints.
    """

    value: float
    d_eta: np.ndarray
    d_cutpoints: np.ndarray


def log_probabilities(eta: np.ndarray, cutpoints: np.ndarray) -> np.ndarray:
    """Log probability of every level.

    Parameters
    ----------
    eta : ndarray, shape (...,)
        Linear predictor, in logits.
    cutpoints : ndarray, shape (..., n_categories - 1)
        Increasing; leading axes broadcast against ``eta``.

    Returns
    -------
    ndarray, shape (..., n_categories)
    """
    distance = cutpoints - np.asarray(eta)[..., None]  # c_k - eta
    below, above = log_expit(distance), log_expit(-distance)
    edge = np.zeros((*distance.shape[:-1], 1))
    gap = np.broadcast_to(_log1mexp(np.diff(cutpoints, axis=-1)), (*distance.shape[:-1], distance.shape[-1] - 1))
    # log P(y = k) = log F(c_k - eta) + log F(eta - c_{k-1}) + log(1 - exp(-(c_k - c_{k-1})))
    result: np.ndarray = (
        np.concatenate([below, edge], axis=-1)
        + np.concatenate([edge, above], axis=-1)
        + np.concatenate([edge, gap, edge], axis=-1)
    )
    return result


def pointwise_log_likelihood(counts: np.ndarray, eta: np.ndarray, cutpoints: np.ndarray) -> np.ndarray:
    """Counts times log probabilities, shape (..., n_categories); the multinomial coefficient is left out."""
    return np.asarray(counts * log_probabilities(eta, cutpoints))


def log_likelihood(counts: np.ndarray, eta: np.ndarray, cutpoints: np.ndarray) -> LikelihoodDerivatives:
    """Grouped log-likelihood with its gradient.

    Parameters
    ----------
    counts : ndarray, shape (..., n_categories)
        Frequencies, or frequencies times a weight.
    eta : ndarray, shape (...,)
    cutpoints : ndarray, shape (..., n_categories - 1)

    Returns
    -------
    LikelihoodDerivatives
    """
    distance = cutpoints - np.asarray(eta)[..., None]
    lower, upper = counts[..., :-1], counts[..., 1:]
    d_distance = lower * expit(-distance) - upper * expit(distance)
    gaps = np.diff(cutpoints, axis=-1)
    d_gap = upper[..., :-1] / np.expm1(gaps)  # d log(1 - exp(-g)) / dg = 1 / (exp(g) - 1)
    d_cutpoints = d_distance.copy()
    d_cutpoints[..., 1:] += d_gap
    d_cutpoints[..., :-1] -= d_gap
    value = float(pointwise_log_likelihood(counts, eta, cutpoints).sum())
    return LikelihoodDerivatives(value, -d_distance.sum(axis=-1), d_cutpoints)


def information(counts: np.ndarray, eta: np.ndarray, cutpoints: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Observed information of shared cutpoints and regression coefficients, eta = offset + x @ beta.

    Parameters
    ----------
    counts : ndarray, shape (n_rows, n_categories)
    eta : ndarray, shape (n_rows,)
    cutpoints : ndarray, shape (n_categories - 1,)
    x : ndarray, shape (n_rows, n_terms)

    Returns
    -------
    ndarray, shape (n_categories - 1 + n_terms,) squared
        Minus the Hessian, cutpoints first.
    """
    n_cuts = cutpoints.size
    probability = expit(cutpoints - eta[:, None])
    # every distance c_k - eta enters through two logistic terms: -d2/dd2 = (n_k + n_{k+1}) F(d) F(-d)
    weight = (counts[:, :-1] + counts[:, 1:]) * probability * (1 - probability)
    gaps = np.diff(cutpoints)
    curvature = counts[:, 1:-1].sum(axis=0) / (4 * np.sinh(0.5 * gaps) ** 2)  # -d2/dg2 of n log(1 - exp(-g))
    contrast = np.diff(np.eye(n_cuts), axis=0)
    cut_block = np.diag(weight.sum(axis=0)) + contrast.T @ (curvature[:, None] * contrast)
    cross = -weight.T @ x
    return np.block([[cut_block, cross], [cross.T, x.T @ (weight.sum(axis=1)[:, None] * x)]])


def log_likelihood_graph(counts: Tensor, eta: Tensor, cutpoints: Tensor) -> Tensor:
    """The grouped log-likelihood as a PyTensor scalar; shapes as in :func:`log_likelihood`.

    Written over the distances ``c_k - eta`` in one piece, because compile time grows with the number of operations.
    """
    distance = cutpoints - eta[..., None]
    lower, upper = counts[..., :-1], counts[..., 1:]
    gaps = cutpoints[..., 1:] - cutpoints[..., :-1]
    tails = -(lower * pt.softplus(-distance) + upper * pt.softplus(distance)).sum()
    value: Tensor = tails + (upper[..., :-1] * pt.log1mexp(-gaps)).sum()
    return value


def _log1mexp(gap: np.ndarray) -> np.ndarray:
    """log(1 - exp(-gap)) for gap > 0 (Maechler 2012: two branches keep every digit)."""
    with np.errstate(divide="ignore"):
        return np.where(gap < np.log(2), np.log(-np.expm1(-gap)), np.log1p(-np.exp(-gap)))

r"""Category probabilities of an ordinal response from its distances, category first.

A *distance* is :math:`u_k = (\theta_k - \eta)/s`, one for each threshold. With :math:`F` the inverse link,

- cumulative: :math:`P(y \le k) = F(u_k)`;
- continuation: :math:`P(y = k \mid y \ge k) = F(u_k)`;
- adjacent: :math:`P(y = k \mid y \in \{k, k+1\}) = F(u_k)`.

Arrays have the categories (or thresholds) on their first axis and anything after it (rows, or draws and rows), so that
every operation runs along contiguous memory.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import logsumexp

from bayesgov.survey import links
from bayesgov.survey.spec import Family, Link


class Response(Protocol):
    """Family and link: a :class:`bayesgov.survey.spec.CumulativeSpec`, or anything else that names both."""

    @property
    def family(self) -> Family: ...

    @property
    def link(self) -> Link: ...


def log_probabilities(response: Response, distance: np.ndarray) -> np.ndarray:
    """Log probability of every category.

    Parameters
    ----------
    response : Response
    distance : ndarray, shape (n_categories - 1, ...)
        Increasing along the first axis in the cumulative family.

    Returns
    -------
    ndarray, shape (n_categories, ...)
    """
    if response.family == "cumulative":
        return _intervals(response.link, distance).value
    below, above = _log_tails(response.link, distance)
    result = np.zeros((distance.shape[0] + 1, *distance.shape[1:]))
    if response.family == "continuation":
        # log P(y = k) = log F(u_k) + sum_{j < k} log(1 - F(u_j))
        result[1:] = np.cumsum(above, axis=0)
        result[:-1] += below
        return result
    # log P(y = k) - log P(y = k + 1) = log F(u_k) - log(1 - F(u_k))
    result[1:] = np.cumsum(above - below, axis=0)
    result -= logsumexp(result, axis=0)
    return result


def log_probability_at(response: Response, distance: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Log probability of one category a row.

    Parameters
    ----------
    response : Response
    distance : ndarray, shape (n_categories - 1, ..., n_rows)
    y : ndarray of int, shape (n_rows,)

    Returns
    -------
    ndarray, shape (..., n_rows)
    """
    index = np.broadcast_to(y, (1, *distance.shape[1:]))
    if response.family != "cumulative":
        return np.asarray(np.take_along_axis(log_probabilities(response, distance), index, axis=0)[0])
    # log(F(u_y) - F(u_{y-1})) with u_{-1} = -inf and u_{K-1} = inf
    last = distance.shape[0]
    upper = np.take_along_axis(distance, np.minimum(index, last - 1), axis=0)[0]
    lower = np.take_along_axis(distance, np.maximum(index - 1, 0), axis=0)[0]
    upper, lower = np.where(y == last, np.inf, upper), np.where(y == 0, -np.inf, lower)
    if response.link != "logit":
        return links.log_interval_value(response.link, lower, upper)
    # F(u) (1 - F(l)) (1 - exp(-(u - l))): one logarithm for all, and finite unless |eta| passes 700
    return np.asarray(np.log(_logistic(upper) * _logistic(-lower) * -np.expm1(lower - upper)))


def probabilities(response: Response, distance: np.ndarray) -> np.ndarray:
    """Probability of every category, shape (n_categories, ...); arguments as in :func:`log_probabilities`."""
    if (response.family, response.link) != ("cumulative", "logit"):
        return np.exp(log_probabilities(response, distance))
    # P(y = k) = F(u_k) (1 - F(u_{k-1})) (1 - exp(-(u_k - u_{k-1}))): no digits lost in either tail
    below = _logistic(distance)
    result = np.empty((distance.shape[0] + 1, *distance.shape[1:]))
    result[:-1] = below
    result[-1] = 1.0
    result[1:] *= _logistic(-distance)
    result[1:-1] *= -np.expm1(-np.diff(distance, axis=0))
    return result


def score(response: Response, distance: np.ndarray, counts: np.ndarray, step: np.ndarray | None = None) -> np.ndarray:
    """Derivative of the log-likelihood of (fractional) counts in every distance.

    Parameters
    ----------
    response : Response
    distance : ndarray, shape (n_categories - 1, n_rows)
    counts : ndarray, shape (n_categories, n_rows)
    step : ndarray, shape (n_categories - 2, 1), optional
        u_k - u_{k-1} where all rows share it, which saves most of the exponentials.

    Returns
    -------
    ndarray, shape (n_categories - 1, n_rows)
    """
    if (response.family, response.link) == ("cumulative", "logit"):
        lower, upper = counts[:-1], counts[1:]
        # sum_k n_k (log F(u_k) + log F(-u_{k-1}) + log(1 - exp(-(u_k - u_{k-1}))))
        result: np.ndarray = lower - (lower + upper) * _logistic(distance)
        pull = counts[1:-1] / np.expm1(np.diff(distance, axis=0) if step is None else step)
        result[1:] += pull
        result[:-1] -= pull
        return result
    if response.family == "cumulative":
        interval = _intervals(response.link, distance)
        return np.asarray(counts[:-1] * interval.d_upper[:-1] + counts[1:] * interval.d_lower[1:])
    log_below, log_above = _log_tails(response.link, distance)
    log_density = links.log_pdf(response.link, distance)
    if response.family == "continuation":
        later = np.cumsum(counts[::-1], axis=0)[::-1][1:]
        return np.asarray(counts[:-1] * np.exp(log_density - log_below) - later * np.exp(log_density - log_above))
    expected = probabilities(response, distance) * counts.sum(axis=0)
    return np.asarray(np.cumsum(counts - expected, axis=0)[:-1] * np.exp(log_density - log_below - log_above))


def expected_information(response: Response, distance: np.ndarray) -> np.ndarray:
    """Expected information of one observation on the distances.

    Parameters
    ----------
    response : Response
    distance : ndarray, shape (n_categories - 1, n_rows)

    Returns
    -------
    ndarray, shape (n_categories - 1, n_categories - 1, n_rows)
        Symmetric in the first two axes.
    """
    n_cuts = distance.shape[0]
    result = np.zeros((n_cuts, *distance.shape))
    own = np.arange(n_cuts)
    density = np.exp(links.log_pdf(response.link, distance))
    if response.family == "cumulative":
        # dP_k = f(u_k) du_k - f(u_{k-1}) du_{k-1}, information = sum_k dP_k dP_k' / P_k
        interval = _intervals(response.link, distance)
        result[own, own] = density * (interval.d_upper[:-1] - interval.d_lower[1:])
        result[own[1:], own[:-1]] = result[own[:-1], own[1:]] = density[1:] * interval.d_lower[1:-1]
        return result
    log_below, log_above = _log_tails(response.link, distance)
    slope = np.exp(links.log_pdf(response.link, distance) - log_below - log_above)  # of log F - log(1 - F)
    probability = probabilities(response, distance)
    if response.family == "continuation":
        at_risk = np.cumsum(probability[::-1], axis=0)[::-1][:-1]
        result[own, own] = at_risk * density * slope
        return result
    at_most = np.cumsum(probability, axis=0)[:-1]
    # covariance of 1{y <= j} and 1{y <= k}: P(y <= min(j, k)) - P(y <= j) P(y <= k)
    result[:] = np.minimum(at_most[:, None], at_most[None]) - at_most[:, None] * at_most[None]
    return np.asarray(result * slope[:, None] * slope[None])


def _logistic(value: np.ndarray) -> np.ndarray:
    """F(u), a third of the time of scipy's expit; the exponential stays finite at u = -700."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.maximum(value, -700.0))))


def _log_tails(link: Link, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log F(u), log(1 - F(u))."""
    return links.log_cdf(link, distance), links.log_sf(link, distance)


def _intervals(link: Link, distance: np.ndarray) -> links.LogInterval:
    """log(F(u_k) - F(u_{k-1})) with u_{-1} = -inf and u_{K-1} = inf, and its derivatives; category first."""
    edge = np.full_like(distance[:1], np.inf)
    return links.log_interval(link, np.concatenate([-edge, distance]), np.concatenate([distance, edge]))

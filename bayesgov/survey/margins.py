r"""Predicted probabilities and average marginal effects of an ordinal regression, over blocks of parameter values.

One estimate is a block of one; posterior draws, or the perturbed parameters of a numerical derivative, are a block of
many. Rows are taken in chunks, so that memory is bounded whatever the number of rows and draws. The average marginal
effect of a predictor on level k is

.. math:: \frac{1}{\sum_i w_i} \sum_i w_i \, \{P(y_i = k \mid \text{changed}) - P(y_i = k)\}

with every other predictor as observed (Mood 2010, doi:10.1093/esr/jcp006; Long & Mustillo 2021,
doi:10.1177/0049124118799374); for a continuous predictor the derivative takes the difference's place. Probabilities
sum to one, so effects sum to zero over the levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bayesgov.survey import links
from bayesgov.survey.changes import Effect, effects_of, ends, slopes
from bayesgov.survey.design import Design
from bayesgov.survey.response import Response
from bayesgov.survey.response import probabilities as response_probabilities

_CHUNK_CELLS = 1 << 17  # doubles of one temporary array: 1 MiB, so that a few of them stay in the cache


@dataclass(frozen=True, slots=True)
class Coefficients:
    """A block of parameter values, named and signed as everywhere in the package.

    Attributes
    ----------
    threshold : ndarray, shape (n_draws, n_categories - 1)
    beta : ndarray, shape (n_draws, n_terms)
    departure : ndarray, shape (n_draws, n_nominal, n_categories - 1)
    log_scale : ndarray, shape (n_draws, n_scale_terms)
    group_effect : ndarray, shape (n_draws, n_groups)
        No columns: predictions for a group whose effect is zero.
    monotonic : tuple of ndarray, each of shape (n_draws, n_levels)
        For each of ``design.monotonic``, what each of its levels contributes per unit of its ``beta``; empty takes
        the scores themselves.
    """

    threshold: np.ndarray
    beta: np.ndarray
    departure: np.ndarray
    log_scale: np.ndarray
    group_effect: np.ndarray
    monotonic: tuple[np.ndarray, ...] = ()


def coefficients(
    threshold: np.ndarray,
    beta: np.ndarray,
    *,
    departure: np.ndarray | None = None,
    log_scale: np.ndarray | None = None,
    group_effect: np.ndarray | None = None,
    monotonic: Sequence[np.ndarray] = (),
) -> Coefficients:
    """A block of parameter values; arrays without a leading draw axis are a block of one.

    Parameters
    ----------
    threshold, beta, departure, log_scale, group_effect, monotonic
        Shapes as in :class:`Coefficients`, the leading axis optional throughout.
    """
    single = np.ndim(threshold) == 1
    n_draws, n_thresholds = (1, np.size(threshold)) if single else np.shape(threshold)

    def block(values: np.ndarray | None, empty: tuple[int, ...]) -> np.ndarray:
        if values is None:
            return np.zeros((n_draws, *empty))
        array = np.asarray(values, dtype=float)
        return array[None] if single else array

    return Coefficients(
        threshold=block(threshold, ()),
        beta=block(beta, ()),
        departure=block(departure, (0, n_thresholds)),
        log_scale=block(log_scale, (0,)),
        group_effect=block(group_effect, (0,)),
        monotonic=tuple(block(values, ()) for values in monotonic),
    )


def probabilities(design: Design, values: Coefficients, response: Response) -> np.ndarray:
    """Probability of every level for every row; for large Designs :func:`average_probabilities` needs less memory.

    Parameters
    ----------
    design : Design
        Its outcome and weights are not used.
    values : Coefficients
    response : Response

    Returns
    -------
    ndarray, shape (n_draws, n_obs, n_categories)
    """
    _require_complete(design)
    result = np.empty((values.threshold.shape[0], design.n_obs, design.n_categories))
    for rows in _chunks(design, values):
        part = design.take(rows)
        result[:, rows] = np.moveaxis(response_probabilities(response, distances(part, values)), 0, -1)
    return result


def average_probabilities(design: Design, values: Coefficients, response: Response) -> np.ndarray:
    """Probability of every level, averaged over the rows with their weights.

    Parameters
    ----------
    design, values, response
        As in :func:`probabilities`.

    Returns
    -------
    ndarray, shape (n_draws, n_categories)
    """
    _require_complete(design)
    total = np.zeros((values.threshold.shape[0], design.n_categories))
    for rows in _chunks(design, values):
        total += _total(design.take(rows), values, response)
    return np.asarray(total / design.weights.sum())


def average_effects(
    design: Design, values: Coefficients, response: Response, effects: Sequence[Effect] | None = None
) -> np.ndarray:
    """Average marginal effect of every change on the probability of every level.

    Parameters
    ----------
    design : Design
        The rows to average over, with their weights. Merge duplicate rows first where there are many.
    values : Coefficients
    response : Response
    effects : sequence of Effect, optional
        By default those of :func:`bayesgov.survey.changes.effects_of` the design.

    Returns
    -------
    ndarray, shape (n_draws, n_effects, n_categories)
        Sums to zero over the levels.
    """
    _require_complete(design)
    changes = effects_of(design) if effects is None else tuple(effects)
    smooth = [index for index, change in enumerate(changes) if change.kind == "derivative"]
    discrete = [index for index, change in enumerate(changes) if change.kind != "derivative"]
    total = np.zeros((values.threshold.shape[0], len(changes), design.n_categories))
    for rows in _chunks(design, values):
        part = design.take(rows)
        for index in discrete:
            low, high = ends(part, changes[index])
            total[:, index] += _total(high, values, response) - _total(low, values, response)
        if smooth:
            distance = distances(part, values)
            tangent = _tangent(response, distance)
        for index in smooth:
            moved = _distance_derivative(part, values, changes[index].column, distance)
            total[:, index] += _weighted(tangent(moved), part.weights)
    return np.asarray(total / design.weights.sum())


def distances(part: Design, values: Coefficients) -> np.ndarray:
    """Distance of every row from every threshold, u_ik = (theta_k - eta_ik) / s_i.

    Parameters
    ----------
    part : Design
        Few enough rows: the result has n_draws times as many.
    values : Coefficients

    Returns
    -------
    ndarray, shape (n_categories - 1, n_draws, n_rows)
    """
    eta = part.offset + values.beta @ part.x.T
    for term, contribution in zip(part.monotonic, values.monotonic, strict=bool(values.monotonic)):
        scores = part.x[:, term.column]
        eta += values.beta[:, [term.column]] * (_between_levels(contribution, scores) - scores)
    if values.group_effect.shape[1]:
        eta += np.where(part.group >= 0, values.group_effect[:, part.group], 0.0)
    distance: np.ndarray = values.threshold.T[:, :, None] - eta
    if values.departure.shape[1]:
        distance -= np.moveaxis(values.departure, -1, 0) @ part.x[:, list(part.nominal)].T
    if values.log_scale.shape[1]:
        distance *= np.exp(-(values.log_scale @ part.scale_x.T))
    return distance


def _require_complete(design: Design) -> None:
    if np.isnan(design.x).any():
        raise ValueError("predictions need every cell of x; fill modelled missing cells with a draw of theirs first")


def _chunks(design: Design, values: Coefficients) -> Iterator[np.ndarray]:
    size = max(1, _CHUNK_CELLS // (values.threshold.shape[0] * design.n_categories))
    return (np.arange(start, min(start + size, design.n_obs)) for start in range(0, design.n_obs, size))


def _between_levels(contribution: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Contributions at scores; at a mean between two levels, in proportion."""
    low = np.floor(scores).astype(np.int64)
    high = np.minimum(low + 1, contribution.shape[1] - 1)
    return np.asarray(contribution[:, low] + (scores - low) * (contribution[:, high] - contribution[:, low]))


def _distance_derivative(part: Design, values: Coefficients, column: int, distance: np.ndarray) -> np.ndarray:
    """Derivative of :func:`distances` for a column of x and what moves with it."""
    own = slopes(part, part.terms, column)
    # d u = -(d eta) / s - u d log s
    moved = -(values.beta @ own.T)[None]
    if values.departure.shape[1]:
        moved = moved - np.moveaxis(values.departure, -1, 0) @ own[:, list(part.nominal)].T
    if not values.log_scale.shape[1]:
        return np.broadcast_to(moved, distance.shape)
    scale = np.exp(-(values.log_scale @ part.scale_x.T))
    change: np.ndarray = moved * scale - distance * (values.log_scale @ slopes(part, part.scale_terms, column).T)
    return change


def _total(part: Design, values: Coefficients, response: Response) -> np.ndarray:
    """Probabilities summed over weighted rows, shape (n_draws, n_categories)."""
    distance = distances(part, values)
    if response.family != "cumulative":
        return _weighted(response_probabilities(response, distance), part.weights)
    # sum_i w_i P(y_i = k) is the difference of the sums of F(u_ik) and F(u_i,k-1): one function a threshold
    logit = response.link == "logit"
    below = 0.5 + 0.5 * np.tanh(0.5 * distance) if logit else links.cdf(response.link, distance)
    return np.diff(_weighted(below, part.weights), axis=1, prepend=0.0, append=part.weights.sum())


def _weighted(levels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over rows: (n_categories, n_draws, n_rows) -> (n_draws, n_categories)."""
    total: np.ndarray = (levels @ weights).T
    return total


def _tangent(response: Response, distance: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The map from a change of the distances to that of the levels' probabilities, shape (n_categories, ...)."""
    log_density = links.log_pdf(response.link, distance)
    edge = np.zeros_like(distance[:1])
    if response.family == "cumulative":
        density = np.exp(log_density)
        # d P(y = k) = f(u_k) d u_k - f(u_{k-1}) d u_{k-1}
        return lambda moved: np.diff(density * moved, axis=0, prepend=edge, append=edge)
    level = response_probabilities(response, distance)
    log_below, log_above = links.log_cdf(response.link, distance), links.log_sf(response.link, distance)
    below, above = np.exp(log_density - log_below), np.exp(log_density - log_above)

    def continuation(moved: np.ndarray) -> np.ndarray:
        # d log P(y = k) = f_k / F_k d u_k - sum_{j<k} f_j / (1 - F_j) d u_j
        stop, go = np.concatenate([below * moved, edge]), np.concatenate([edge, np.cumsum(above * moved, axis=0)])
        return np.asarray(level * (stop - go))

    def adjacent(moved: np.ndarray) -> np.ndarray:
        # d log P(y = k) = G_k - sum_j P(y = j) G_j with G_k = -sum_{j<k} (f_j / F_j + f_j / (1 - F_j)) d u_j
        steps = np.concatenate([edge, -np.cumsum((below + above) * moved, axis=0)])
        return np.asarray(level * (steps - (level * steps).sum(axis=0)))

    return continuation if response.family == "continuation" else adjacent

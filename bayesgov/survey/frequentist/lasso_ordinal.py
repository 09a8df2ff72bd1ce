r"""The Lasso of an ordinal model: the likelihood that the outcome calls for, in place of least squares on its scores.

With :math:`N` observations and predictors scaled to standard deviation one (divisor N),

.. math:: \min_{\theta, b} -\tfrac1N \ell(\theta, b) + \lambda \sum_j |b_j| ,

thresholds not penalised, contrasts of a factor each by themselves: glmnet's conventions, and with two levels and a
logit link its binomial path. Only location effects take part: nominal departures, scale terms and random intercepts of
the Design are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.lasso_path import (
    N_LAMBDA,
    CrossValidation,
    LassoPath,
    cross_validation,
    given_penalties,
    path_ends,
    penalty_sequence,
    smallest_ratio,
)
from bayesgov.survey.frequentist.proximal_newton import Loss, PenalisedMinimum, minimise_penalised
from bayesgov.survey.links import quantile
from bayesgov.survey.ordinal import OrdinalProblem, ordinal_problem
from bayesgov.survey.spec import Family, Link, Thresholds

_TOLERANCE = 1e-10  # of the conditions of optimality, in units of lambda
_NO_PREDICTOR = 9.9e35  # glmnet's "big": a penalty that no coefficient survives


class LostLevelError(ValueError):
    """A fold that holds all rows of an outcome level."""


@dataclass(frozen=True, slots=True)
class _Standardised:
    """A location problem with predictors of mean zero and standard deviation one.

    ``varies`` says which columns of the Design it has.
    """

    problem: OrdinalProblem
    mean: np.ndarray
    deviation: np.ndarray
    varies: np.ndarray

    @property
    def n_intercepts(self) -> int:
        """Parameters of the thresholds, which come first."""
        return len(self.problem.names) - int(self.varies.sum())

    def loss(self, parameters: np.ndarray) -> Loss:
        """Minus the log-likelihood of one observation on average."""
        found = self.problem.evaluate(parameters)
        n = self.problem.n_observations
        return Loss(-found.value / n, -found.gradient / n, -found.hessian / n)

    def penalty(self, size: float) -> np.ndarray:
        """The same for every coefficient and none for the thresholds, shape (n_parameters,)."""
        return np.repeat([0.0, size], [self.n_intercepts, int(self.varies.sum())])


def ordinal_path(
    design: Design,
    *,
    family: Family = "cumulative",
    link: Link = "logit",
    thresholds: Thresholds = "flexible",
    lambdas: np.ndarray | None = None,
    n_lambda: int = N_LAMBDA,
    ratio: float | None = None,
) -> LassoPath:
    """Penalised maximum likelihood along a sequence of penalties.

    Parameters
    ----------
    design : Design
        Complete. Levels without any weight are left out of the model.
    family, link, thresholds
        As in :class:`bayesgov.survey.spec.CumulativeSpec`.
    lambdas : ndarray, optional
        Penalties to use. Default: ``n_lambda`` from the smallest one with no predictor, which the model of thresholds
        alone determines, down to ``ratio`` times it, ended early by glmnet's rules.
    ratio : float, optional
        Default 0.0001, or 0.01 with fewer rows than predictors.

    Returns
    -------
    LassoPath
        ``intercepts`` are the thresholds for predictors in their own units.

    Raises
    ------
    ValueError
        If predictors are missing or none varies, the outcome has one level, or penalties cannot be used.
    """
    model = _standardise(_location_only(design), family, link, thresholds)
    null = _null(model)
    if lambdas is None:
        largest = float(np.abs(null.loss.gradient[model.n_intercepts :]).max())
        penalties = penalty_sequence(largest, n_lambda, ratio or smallest_ratio(*design.x.shape))
    else:
        penalties = given_penalties(lambdas)
    minima = _follow(model, null, penalties, stop_early=lambdas is None)
    coefficients, cutpoints = _own_units(model, np.array([found.parameters for found in minima]))
    return LassoPath(
        model=f"{family} {link}",
        terms=design.terms,
        intercept_names=model.problem.design.thresholds,
        lambdas=penalties[: len(minima)],
        coefficients=coefficients,
        intercepts=cutpoints,
        dev_ratio=np.array([1 - found.loss.value / null.loss.value for found in minima]),
        null_deviance=2 * model.problem.n_observations * null.loss.value,
        deviation=np.where(model.varies, model.deviation, 0.0),
        kkt=np.array([found.kkt for found in minima]),
        n_obs=model.problem.n_observations,
    )


def ordinal_cross_validation(
    design: Design,
    folds: np.ndarray,
    path: LassoPath,
    *,
    family: Family = "cumulative",
    link: Link = "logit",
    thresholds: Thresholds = "flexible",
) -> CrossValidation:
    """Deviance of an observation left out, -2 log P(y), fold by fold at the penalties of the path.

    Parameters
    ----------
    design : Design
    folds : ndarray of int, shape (n_obs,)
        Fold of each row; any labels.
    path : LassoPath
        Fitted to all rows.
    family, link, thresholds
        As for the path.

    Raises
    ------
    LostLevelError
        If leaving out a fold leaves a level without rows: its threshold could not be estimated.
    """
    whole = _location_only(design)
    folds = folds[design.weights > 0]
    deviance = np.empty((whole.n_obs, path.lambdas.size))
    for fold in np.unique(folds):
        held_out = folds == fold
        _require_levels(whole, held_out, fold)
        kept = ordinal_path(
            whole.take(~held_out), family=family, link=link, thresholds=thresholds, lambdas=path.lambdas
        )
        outside = ordinal_problem(whole.take(held_out), family=family, link=link)
        for index, parameters in enumerate(np.hstack([kept.intercepts, kept.coefficients])):
            deviance[held_out, index] = -2 * outside.pointwise(parameters)
    return cross_validation(deviance, whole.weights, folds, path, criterion="deviance")


def _location_only(design: Design) -> Design:
    """The Design of rows with weight, levels with rows, and location effects."""
    if not np.isfinite(design.x).all():
        raise ValueError("the Lasso needs complete rows: drop or impute missing values first")
    weighted = design.weights > 0
    rows = design if weighted.all() else design.take(weighted)
    observed = np.unique(rows.y)
    if observed.size < 2:
        raise ValueError(f"the outcome needs two or more levels with rows; got {observed.size}")
    return replace(
        rows,
        y=np.searchsorted(observed, rows.y),
        levels=tuple(rows.levels[level] for level in observed),
        nominal=(),
        scale_x=np.zeros((rows.n_obs, 0)),
        scale_terms=(),
    )


def _standardise(design: Design, family: Family, link: Link, thresholds: Thresholds) -> _Standardised:
    share = design.weights / design.weights.sum()
    mean = share @ design.x
    centred = design.x - mean
    deviation = np.sqrt(share @ centred**2)
    # rounding of a constant's mean leaves a spread of this order
    varies = deviation > 1e-14 * np.abs(design.x).max(axis=0, initial=0.0)
    if not varies.any():
        raise ValueError("the Lasso needs a predictor that varies")
    scaled = replace(
        design,
        x=centred[:, varies] / deviation[varies],
        terms=tuple(np.array(design.terms, dtype=object)[varies]),
        factors=tuple(np.array(design.factors, dtype=object)[varies]),
    )
    return _Standardised(
        ordinal_problem(scaled, family=family, link=link, thresholds=thresholds), mean, deviation, varies
    )


def _null(model: _Standardised) -> PenalisedMinimum:
    """The model of thresholds alone."""
    design, size = model.problem.design, model.n_intercepts
    below = np.cumsum(np.bincount(design.y, design.weights))[:-1] / design.weights.sum()
    wanted = quantile(model.problem.link, below) + np.average(design.offset, weights=design.weights)
    structure = model.problem.expand[: below.size, :size]
    start = np.concatenate([np.linalg.lstsq(structure, wanted, rcond=None)[0], np.zeros(int(model.varies.sum()))])
    return minimise_penalised(model.loss, start, model.loss(start), model.penalty(_NO_PREDICTOR), _TOLERANCE)


def _follow(
    model: _Standardised, null: PenalisedMinimum, penalties: np.ndarray, *, stop_early: bool
) -> list[PenalisedMinimum]:
    """The minimum at each penalty, each started from the one before."""
    minima: list[PenalisedMinimum] = []
    explained: list[float] = []
    latest = null
    for penalty in penalties:
        latest = minimise_penalised(model.loss, latest.parameters, latest.loss, model.penalty(penalty), _TOLERANCE)
        minima.append(latest)
        explained.append(1 - latest.loss.value / null.loss.value)
        if stop_early and path_ends(explained, relative=False):
            break
    return minima


def _own_units(model: _Standardised, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (n, n_terms) and thresholds (n, n_categories - 1) for predictors as the Design has them."""
    size = model.n_intercepts
    coefficients = np.zeros((parameters.shape[0], model.varies.size))
    coefficients[:, model.varies] = parameters[:, size:] / model.deviation[model.varies]
    structure = model.problem.expand[: model.problem.design.n_categories - 1, :size]
    # theta_k - sum_j b_j (x_j - m_j) / s_j = (theta_k + sum_j b_j m_j / s_j) - sum_j (b_j / s_j) x_j
    return coefficients, parameters[:, :size] @ structure.T + (coefficients @ model.mean)[:, None]


def _require_levels(design: Design, held_out: np.ndarray, fold: object) -> None:
    """LostLevelError unless every level has rows outside the fold."""
    lost = np.setdiff1d(np.arange(design.n_categories), design.y[~held_out])
    if lost.size:
        names = ", ".join(repr(design.levels[level]) for level in lost)
        raise LostLevelError(
            f"every level needs rows outside each fold; fold {fold} holds all rows of {names}: "
            "use other folds or merge levels"
        )

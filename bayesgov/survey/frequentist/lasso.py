r"""The gaussian Lasso by glmnet's conventions (Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01).

With weights scaled to sum to one, predictors scaled to standard deviation one (divisor N) and the outcome centred,

.. math:: \min_b \tfrac12 \sum_i w_i (y_i - x_i b)^2 + \lambda \sum_j |b_j| .

Internally the outcome is scaled to standard deviation one as well; lambda is reported on the outcome's own scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
from bayesgov.survey.frequentist.penalised_quadratic import kkt_residual, minimise_penalised_quadratic


@dataclass(frozen=True, slots=True)
class _Moments:
    """Weighted moments of predictors and outcome: all that a gaussian path depends on.

    ``correlation`` and ``with_outcome`` are those of the predictors that vary, ``varies``.
    """

    mean_x: np.ndarray
    sd_x: np.ndarray
    mean_y: float
    sd_y: float
    varies: np.ndarray
    correlation: np.ndarray
    with_outcome: np.ndarray


def gaussian_path(
    x: np.ndarray,
    y: np.ndarray,
    *,
    terms: Sequence[str],
    weights: np.ndarray | None = None,
    lambdas: np.ndarray | None = None,
    n_lambda: int = N_LAMBDA,
    ratio: float | None = None,
) -> LassoPath:
    """Least squares with an absolute-value penalty, along a sequence of penalties.

    Parameters
    ----------
    x : ndarray, shape (n_obs, n_terms)
        Without an intercept, which is fitted and not penalised.
    y : ndarray, shape (n_obs,)
        For an ordered outcome its scores 1, 2, ..., as the paper took them.
    terms : sequence of str, length n_terms
    weights : ndarray, shape (n_obs,), optional
    lambdas : ndarray, optional
        Penalties to use. Default: ``n_lambda`` from the smallest one with no predictor down to ``ratio`` times it,
        ended early by glmnet's rules.
    ratio : float, optional
        Default 0.0001, or 0.01 with fewer rows than predictors.

    Returns
    -------
    LassoPath

    Raises
    ------
    ValueError
        If values are missing, the outcome does not vary, weights are negative or penalties cannot be used.
    """
    weight = _usable(x, y, weights, len(terms))
    moments = _moments(x, y, weight)
    penalties = (
        penalty_sequence(float(np.abs(moments.with_outcome).max()), n_lambda, ratio or smallest_ratio(*x.shape))
        if lambdas is None
        else given_penalties(lambdas) / moments.sd_y
    )
    solution, dev_ratio, kkt = _follow(moments, penalties, stop_early=lambdas is None)
    standardised = np.zeros((len(solution), x.shape[1]))
    standardised[:, moments.varies] = solution
    # a predictor that does not vary has coefficient 0, whatever it is divided by
    coefficients = moments.sd_y * standardised / np.where(moments.varies, moments.sd_x, 1.0)
    return LassoPath(
        model="gaussian",
        terms=tuple(terms),
        intercept_names=("(Intercept)",),
        lambdas=moments.sd_y * penalties[: len(solution)],
        coefficients=coefficients,
        intercepts=(moments.mean_y - coefficients @ moments.mean_x)[:, None],
        dev_ratio=dev_ratio,
        null_deviance=float(weight.sum() * moments.sd_y**2),
        deviation=moments.sd_x,
        kkt=moments.sd_y * kkt,
        n_obs=float(weight.sum()),
    )


def gaussian_cross_validation(
    x: np.ndarray,
    y: np.ndarray,
    folds: np.ndarray,
    path: LassoPath,
    *,
    weights: np.ndarray | None = None,
    lambdas: np.ndarray | None = None,
) -> CrossValidation:
    """Mean squared error of prediction, fold by fold, as cv.glmnet computes it.

    Parameters
    ----------
    x, y, weights
        As for :func:`gaussian_path`.
    folds : ndarray of int, shape (n_obs,)
        Fold of each row; any labels.
    path : LassoPath
        Fitted to all rows.
    lambdas : ndarray, optional
        The user's penalties that ``path`` was fitted with, if it was. Then every fold is fitted at them; by default
        every fold has its own path, interpolated at the penalties of ``path``, which is what cv.glmnet does.
    """
    weight = _usable(x, y, weights, len(path.terms))
    errors = np.empty((y.size, path.lambdas.size))
    for fold in np.unique(folds):
        held_out = folds == fold
        if not weight[held_out].sum() or not weight[~held_out].sum():
            raise ValueError(f"every fold needs rows with weight inside and outside of it; fold {fold} has not")
        kept = gaussian_path(x[~held_out], y[~held_out], terms=path.terms, weights=weight[~held_out], lambdas=lambdas)
        coefficients, intercepts = kept.at(path.lambdas)
        errors[held_out] = (y[held_out, None] - x[held_out] @ coefficients.T - intercepts.T) ** 2
    return cross_validation(errors, weight, folds, path, criterion="mean squared error")


def generalised_cross_validation(path: LassoPath) -> CrossValidation:
    """GCV(lambda) = N RSS / (N - df)² with df the number of non-zero coefficients (Golub, Heath & Wahba 1979).

    The number of non-zero coefficients is unbiased for the Lasso's degrees of freedom (Zou, Hastie & Tibshirani 2007,
    doi:10.1214/009053607000000127); the intercept is not counted, as in glmnet's ``df``. Being no average over folds,
    the curve has no standard error, so no lambda.1se.

    Raises
    ------
    ValueError
        For a path that is not gaussian.
    """
    if path.model != "gaussian":
        raise ValueError(f"generalised cross-validation needs a gaussian path; got {path.model!r}: use folds")
    residual = path.null_deviance * (1 - path.dev_ratio)
    room = path.n_obs - path.df
    mean = np.where(room > 0, path.n_obs * residual / np.where(room > 0, room, 1.0) ** 2, np.inf)
    return CrossValidation(
        model=path.model,
        criterion="generalised cross-validation error",
        lambdas=path.lambdas,
        mean=mean,
        se=np.full(mean.size, np.nan),
        n_variables=path.df,
        min_index=int(np.argmin(mean)),
        one_se_index=None,
    )


def _usable(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, n_terms: int) -> np.ndarray:
    """The weights, after checking all that a path needs."""
    weight = np.ones(y.size) if weights is None else np.asarray(weights, dtype=float)
    if x.shape != (y.size, n_terms) or weight.shape != y.shape or not n_terms:
        raise ValueError(
            f"x must be rows by terms, {(y.size, n_terms)}, with a weight a row; got {x.shape} and {weight.shape}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("the Lasso needs complete rows: drop or impute missing values first")
    if not np.isfinite(weight).all() or weight.min() < 0 or not weight.sum():
        raise ValueError("weights must be finite and not negative, and not all zero")
    return weight


def _moments(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> _Moments:
    share = weights / weights.sum()
    mean_x, mean_y = share @ x, float(share @ y)
    centred_x, centred_y = x - mean_x, y - mean_y
    sd_x, sd_y = np.sqrt(share @ centred_x**2), float(np.sqrt(share @ centred_y**2))
    if not sd_y:
        raise ValueError("the outcome has one value only: there is nothing to explain")
    # rounding of a constant column's mean leaves a spread of this order
    varies = sd_x > 1e-14 * np.abs(x).max(axis=0, initial=0.0)
    if not varies.any():
        raise ValueError("the Lasso needs a predictor that varies")
    standardised = centred_x[:, varies] / sd_x[varies]
    weighted = share[:, None] * standardised
    return _Moments(
        mean_x=mean_x,
        sd_x=np.where(varies, sd_x, 0.0),
        mean_y=mean_y,
        sd_y=sd_y,
        varies=varies,
        correlation=weighted.T @ standardised,
        with_outcome=weighted.T @ centred_y / sd_y,
    )


def _follow(moments: _Moments, penalties: np.ndarray, *, stop_early: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standardised coefficients, share of variance explained and KKT residual at each penalty, warm-started."""
    correlation, target = moments.correlation, moments.with_outcome
    b = np.zeros(target.size)
    solution: list[np.ndarray] = []
    explained: list[float] = []
    kkt: list[float] = []
    for penalty in penalties:
        everywhere = np.full(b.size, penalty)
        b = minimise_penalised_quadratic(correlation, target, everywhere, b)
        gradient = correlation @ b - target
        solution.append(b)
        explained.append(float(b @ (target - gradient)))  # 1 - RSS / TSS = 2 c'b - b'Rb
        kkt.append(kkt_residual(gradient, b, everywhere))
        if stop_early and path_ends(explained, relative=True):
            break
    return np.array(solution), np.array(explained), np.array(kkt)

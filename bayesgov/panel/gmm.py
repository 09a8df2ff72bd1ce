r"""Difference and system GMM of dynamic panels (Arellano & Bond 1991, doi:10.2307/2297968; Blundell & Bond 1998,
doi:10.1016/S0304-4076(98)00009-8), to the conventions of xtabond2 (Roodman 2009, doi:10.1177/1536867X0900900106).

With stacked rows of unit i, :math:`g_i(b) = Z_i'(y_i - X_i b)`, the estimator for a weight A is

.. math:: b = (X'Z A Z'X)^{-1} X'Z A Z'y.

One step: :math:`A_1 = (\sum Z_i'HZ_i)^{-1}` with H the covariance of the rows under independent level errors. Two
steps: :math:`A_2 = S^{-1}`, :math:`S = \sum g_i(b_1) g_i(b_1)'`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bayesgov.panel.cube import Panel
from bayesgov.panel.gmm_tests import GmmTest, autocorrelation, chi2_test, wald
from bayesgov.panel.instruments import (
    GmmModel,
    Moments,
    Rows,
    build_moments,
    pulled_regressors,
    scores,
    stack_rows,
    weighted_products,
)
from bayesgov.panel.symmetric import SymmetricInverse, invert

Steps = Literal["one", "two", "iterated"]

_UNIDENTIFIED = 1e-14  # eigenvalues of the coefficients' information, unit diagonal, below this share of the largest
_MAX_ITERATIONS = 500
_CONVERGED = 1e-10


@dataclass(frozen=True, slots=True)
class GmmFit:
    """Estimates with every test that readers of such a table expect.

    Attributes
    ----------
    names : tuple of str, length n_coefficients
        Regressors, then ``constant`` (system GMM) and period dummies such as ``time[1999]``.
    lags_of_outcome : tuple of str
        Those of ``names`` that are the outcome's lags.
    coefficients : ndarray, shape (n_coefficients,)
    covariance : ndarray, shape (n_coefficients, n_coefficients)
        Of the kind that ``covariance_kind`` names.
    one_step : ndarray, shape (n_coefficients,)
        The one-step estimate behind it.
    df_residual : float
        Degrees of freedom of t and F under ``small``; infinite otherwise.
    n_obs, n_units, n_instruments : int
        Rows of the level equation in system GMM, of the transformed one otherwise; instruments not counting those
        that are exact combinations of others.
    sargan, hansen, wald : GmmTest
    autocorrelation : tuple of GmmTest
        Arellano-Bond tests of orders 1, 2, ... in the first-differenced residuals.
    difference_hansen : tuple of (GmmTest, GmmTest)
        For each group of instruments: Hansen's test without it, and the difference.
    singular : bool
        Whether the two-step weight needed a generalised inverse (the Moore-Penrose one).
    iterations : int
        Weights computed after the first.
    converged : bool
        False where iterating did not reach a fixed point.
    """

    names: tuple[str, ...]
    lags_of_outcome: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    covariance_kind: str
    one_step: np.ndarray
    df_residual: float
    n_obs: int
    n_units: int
    n_instruments: int
    sargan: GmmTest
    hansen: GmmTest
    wald: GmmTest
    autocorrelation: tuple[GmmTest, ...]
    difference_hansen: tuple[tuple[GmmTest, GmmTest], ...]
    singular: bool
    iterations: int
    converged: bool

    @property
    def std_errors(self) -> np.ndarray:
        """Shape (n_coefficients,); NaN where a corrected variance is negative, as Windmeijer's can be."""
        variances = np.diag(self.covariance)
        return np.sqrt(np.where(variances >= 0, variances, np.nan))


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The estimate for one weight."""

    coefficients: np.ndarray
    weight: np.ndarray  # (n_instruments, n_instruments)
    bread: np.ndarray  # (X'Z A Z'X)^-1
    projection: np.ndarray  # bread @ X'Z A, shape (n_coefficients, n_instruments)
    total: np.ndarray  # sum of g_i, shape (n_instruments,)

    @property
    def distance(self) -> float:
        return float(self.total @ self.weight @ self.total)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Rows and units of the reported equation, rows of the transformed one."""

    rows: int
    units: int
    transformed: int


@dataclass(frozen=True, slots=True)
class _Path:
    """The steps; ``former`` gave ``last`` its weight, which does not exist where it is not identified."""

    first: _Step
    former: _Step
    last: _Step
    n_instruments: int
    weight_rank: int
    identified: bool
    iterations: int
    converged: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """An estimate with its units' moments and their covariance S."""

    estimate: _Estimate
    scores: np.ndarray  # g_i, shape (n_units, n_instruments)
    spread: np.ndarray  # S


def fit_gmm(
    panel: Panel,
    model: GmmModel,
    *,
    steps: Steps = "two",
    robust: bool = True,
    small: bool = False,
    orders: int = 2,
) -> GmmFit:
    """Estimate a dynamic panel by GMM.

    Parameters
    ----------
    panel : Panel
    model : GmmModel
    steps : {"one", "two", "iterated"}
    robust : bool
        One step: the cluster-robust covariance; further steps: Windmeijer's (2005, doi:10.1016/j.jeconom.2004.02.005)
        finite-sample correction.
    small : bool
        Covariance times N / (N - 1) (n - 1) / (n - K), and an F instead of a chi-square test.
    orders : int
        Highest order of the tests of autocorrelation.

    Raises
    ------
    ValueError
        If no unit has a transformed row, there are fewer instruments than coefficients, or the instruments do not
        identify them.
    """
    rows = _without_collinear(stack_rows(panel, model))
    moments = build_moments(panel, model, rows)
    counts = _counts(panel, model, rows)
    path = _path(rows, moments, counts.units, steps)
    chosen = path.first if steps == "one" else path.last
    sigma2 = _error_variance(rows, model, path.first.estimate.coefficients, counts.transformed)
    covariance = _covariance(rows, moments, path, chosen, sigma2, steps=steps, robust=robust)
    plain = steps == "one" and not robust
    factor, df_residual = _small_sample(model, counts, len(rows.names), plain=plain) if small else (1.0, np.inf)
    df = path.n_instruments - len(rows.names)
    # Hansen's J belongs to the efficient weight, whichever estimate is reported
    hansen = chi2_test("Hansen", path.last.estimate.distance, df if path.identified else 0)
    return GmmFit(
        names=rows.names,
        lags_of_outcome=tuple(entry.name for entry in model.regressors if entry.variable == model.outcome),
        coefficients=chosen.estimate.coefficients,
        covariance=covariance * factor,
        covariance_kind=_kind(steps, robust=robust, small=small),
        one_step=path.first.estimate.coefficients,
        df_residual=df_residual,
        n_obs=counts.rows,
        n_units=counts.units,
        n_instruments=path.n_instruments,
        sargan=chi2_test("Sargan", path.first.estimate.distance / sigma2, df),
        hansen=hansen,
        wald=wald(rows.names, chosen.estimate.coefficients, covariance * factor, df_residual),
        autocorrelation=tuple(
            autocorrelation(
                rows,
                moments,
                coefficients=chosen.estimate.coefficients,
                unit_scores=chosen.scores,
                projection=chosen.estimate.projection,
                covariance=covariance,
                order=order,
                sigma2=sigma2 * factor if plain else None,
            )
            for order in range(1, min(orders, len(panel.times) - 1) + 1)
        ),
        difference_hansen=_difference_hansen(moments, path, hansen, len(rows.names)) if path.identified else (),
        singular=path.weight_rank < path.n_instruments,
        iterations=0 if steps == "one" else path.iterations,
        converged=path.converged,
    )


def _path(rows: Rows, moments: Moments, n_units: int, steps: Steps) -> _Path:
    """One step, two, and on where the weight is to be iterated.

    Raises
    ------
    ValueError
        If there are fewer instruments, or for a further step fewer units, than coefficients.
    """
    n_coefficients = len(rows.names)
    weight = invert(moments.zhz)
    n_instruments = weight.rank
    if n_instruments < n_coefficients:
        raise ValueError(
            f"{n_coefficients} coefficients need as many instruments; got {n_instruments}: add lags or variables"
        )
    first = _step(rows, moments, weight)
    weight = invert(first.spread)
    identified = weight.rank >= n_coefficients
    if not identified and steps != "one":
        raise ValueError(
            f"{n_coefficients} coefficients need as many units for a two-step weight; got {n_units}: fewer terms or "
            'period effects, more units, or steps = "one"'
        )
    last = _step(rows, moments, weight) if identified else first
    former, iterations, converged = first, 1, True
    while steps == "iterated":
        change = np.max(np.abs(last.estimate.coefficients - former.estimate.coefficients))
        converged = bool(change < _CONVERGED)
        if converged or iterations == _MAX_ITERATIONS:
            break
        weight = invert(last.spread)
        former, last, iterations = last, _step(rows, moments, weight), iterations + 1
    return _Path(first, former, last, n_instruments, weight.rank, identified, iterations, converged)


def _kind(steps: Steps, *, robust: bool, small: bool) -> str:
    if steps == "one":
        name = "cluster-robust" if robust else "homoskedastic"
    else:
        name = "Windmeijer-corrected" if robust else "uncorrected two-step"
    return f"{name}, small-sample" if small else name


def _counts(panel: Panel, model: GmmModel, rows: Rows) -> _Counts:
    n_times = len(panel.times)
    reported = rows.mask[:, n_times:] if model.system else rows.mask
    return _Counts(int(reported.sum()), int(reported.any(axis=1).sum()), int(rows.mask[:, :n_times].sum()))


def _small_sample(model: GmmModel, counts: _Counts, n_coefficients: int, *, plain: bool) -> tuple[float, float]:
    """Factor of the covariance, and degrees of freedom."""
    if plain:
        return counts.transformed / (counts.transformed - n_coefficients), float(counts.rows - n_coefficients)
    factor = counts.units / (counts.units - 1) * (counts.rows - 1) / (counts.rows - n_coefficients)
    return factor, float(counts.units - int(model.system))


def _without_collinear(rows: Rows) -> Rows:
    """Rows without period dummies that are exact combinations of the columns before them (their place is not data)."""
    x = rows.x[rows.mask]
    scale = np.linalg.norm(x, axis=0)
    # the constant first: who is told to leave something out can leave out a regressor
    order = np.argsort([name != "constant" for name in rows.names], kind="stable")
    triangle = np.linalg.qr((x / np.where(scale > 0, scale, 1.0))[:, order], mode="r")
    diagonal = np.zeros(x.shape[1])  # fewer rows than columns leave the last ones undetermined
    diagonal[order[: triangle.shape[0]]] = np.abs(np.diag(triangle))
    kept = diagonal > 1e-8
    if kept.all():
        return rows
    named = [name for name, keep in zip(rows.names, kept, strict=True) if not keep and name not in rows.dummies]
    if named:
        raise ValueError(f"{named[0]} is constant or an exact combination of the other regressors: leave it out")
    names = tuple(name for name, keep in zip(rows.names, kept, strict=True) if keep)
    return replace(rows, x=rows.x[:, :, kept], difference_x=rows.difference_x[:, :, kept], names=names)


def _estimate(zx: np.ndarray, zy: np.ndarray, weight: np.ndarray) -> _Estimate:
    """Raises LinAlgError where the instruments do not identify the coefficients."""
    projected = zx.T @ weight
    information = projected @ zx
    scale = 1 / np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(scale[:, None] * information * scale)
    if values[0] <= _UNIDENTIFIED * values[-1]:
        raise np.linalg.LinAlgError
    root = scale[:, None] * vectors / np.sqrt(values)
    bread = root @ root.T
    projection = bread @ projected
    coefficients = projection @ zy
    return _Estimate(coefficients, weight, bread, projection, zy - zx @ coefficients)


def _step(rows: Rows, moments: Moments, weight: SymmetricInverse) -> _Step:
    try:
        estimate = _estimate(moments.zx, moments.zy, weight.matrix)
    except np.linalg.LinAlgError:
        raise ValueError("the instruments do not identify the coefficients: choose other lags or variables") from None
    unit_scores = scores(moments, rows.y - rows.x @ estimate.coefficients)
    return _Step(estimate, unit_scores, unit_scores.T @ unit_scores)


def _error_variance(rows: Rows, model: GmmModel, coefficients: np.ndarray, n_transformed: int) -> float:
    """Variance of the level errors from the transformed residuals, without a correction for degrees of freedom.

    Over the rows of the transformed equation; xtabond2 before its version 2.8.3 divided by those of the level equation
    in system GMM.
    """
    n_times = rows.difference_mask.shape[1]
    residuals = rows.y[:, :n_times] - rows.x[:, :n_times] @ coefficients
    per_row = 2.0 if model.transformation == "difference" else 1.0  # a difference has twice the variance
    return float((residuals**2).sum() / (per_row * n_transformed))


def _covariance(
    rows: Rows,
    moments: Moments,
    path: _Path,
    chosen: _Step,
    sigma2: float,
    *,
    steps: Steps,
    robust: bool,
) -> np.ndarray:
    first, former = path.first.estimate, path.former
    sandwich = first.projection @ path.first.spread @ first.projection.T
    if steps == "one":
        return sandwich if robust else sigma2 * first.bread
    bread = chosen.estimate.bread
    if not robust:
        return bread
    # dS/db_k = -sum (x_k'Z g' + g Z'x_k), through which the estimated weight adds to the variance
    pull = chosen.estimate.weight @ chosen.estimate.total
    slope = weighted_products(moments, former.scores @ pull, rows.x)
    slope = slope + former.scores.T @ pulled_regressors(moments, pull, rows.x)
    derivative = chosen.estimate.projection @ slope
    behind = sandwich if steps == "two" else former.estimate.bread
    cross = derivative @ bread
    corrected: np.ndarray = bread + cross + cross.T + derivative @ behind @ derivative.T
    return corrected


def _difference_hansen(
    moments: Moments, path: _Path, hansen: GmmTest, n_coefficients: int
) -> tuple[tuple[GmmTest, GmmTest], ...]:
    """Hansen's test without each group of instruments, and what the group adds.

    The weight of what is left is a block of the full S, so the difference cannot be negative unless S is singular.
    """
    spread, n_instruments = path.former.spread, path.n_instruments
    members = np.array(moments.groups)
    groups = {name: members == name for name in dict.fromkeys(moments.groups) if name}
    if 0 < moments.level_gmm.sum() < moments.level_gmm.size:
        groups["gmm of the level equation"] = moments.level_gmm
    tests = []
    for name, removed in groups.items():
        kept = np.flatnonzero(~removed)
        block = np.ix_(kept, kept)
        # instruments that are combinations of others keep no count of their own
        regular = n_instruments == members.size
        left = kept.size if regular else invert(moments.zhz[block]).rank if kept.size else 0
        if left < n_coefficients or left == n_instruments:
            continue
        try:
            part = _estimate(moments.zx[kept], moments.zy[kept], invert(spread[block]).matrix)
        except np.linalg.LinAlgError:
            continue
        without = chi2_test(f"Hansen without {name}", part.distance, left - n_coefficients)
        difference = hansen.statistic - (without.statistic if without.df > 0 else 0.0)
        tests.append((without, chi2_test(f"difference, {name}", difference, n_instruments - left)))
    return tuple(tests)

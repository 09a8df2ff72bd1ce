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
from scipy import linalg, stats

from bayesgov.panel.cube import Panel
from bayesgov.panel.instruments import GmmModel, Moments, Rows, build_moments, instrumented_errors, stack_rows

Steps = Literal["one", "two", "iterated"]

_SINGULAR = 1e-12  # eigenvalues below this share of the largest count as zero
_MAX_ITERATIONS = 500
_CONVERGED = 1e-10


@dataclass(frozen=True, slots=True)
class GmmTest:
    """One test statistic.

    Attributes
    ----------
    name : str
    statistic, p_value : float
        NaN where the data cannot give them.
    df : int
        0 for a standard normal statistic.
    """

    name: str
    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True)
class GmmFit:
    """Estimates with every test that readers of such a table expect.

    Attributes
    ----------
    names : tuple of str, length n_coefficients
    coefficients : ndarray, shape (n_coefficients,)
    covariance : ndarray, shape (n_coefficients, n_coefficients)
        Of the kind that ``covariance_kind`` names.
    one_step : ndarray, shape (n_coefficients,)
        The one-step estimate behind it.
    n_obs, n_units, n_instruments : int
        Rows of the level equation in system GMM, of the transformed one otherwise; instruments not counting those
        that are exact combinations of others.
    sargan, hansen, wald : GmmTest
    autocorrelation : tuple of GmmTest
        Arellano-Bond tests of orders 1, 2, ... in the first-differenced residuals.
    difference_hansen : tuple of (GmmTest, GmmTest)
        For each group of instruments: Hansen's test without it, and the difference.
    singular : bool
        Whether the two-step weight needed a generalised inverse.
    iterations : int
        Weights computed after the first.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    covariance_kind: str
    one_step: np.ndarray
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

    @property
    def std_errors(self) -> np.ndarray:
        """Shape (n_coefficients,)."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True, slots=True)
class _Step:
    """One estimate for one weight."""

    coefficients: np.ndarray
    weight: np.ndarray  # (n_instruments, n_instruments)
    bread: np.ndarray  # (X'Z A Z'X)^-1
    projection: np.ndarray  # bread @ X'Z A, shape (n_coefficients, n_instruments)
    scores: np.ndarray  # g_i at the estimate, shape (n_units, n_instruments)


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
        If there are fewer instruments than coefficients, or the instruments do not identify them.
    """
    rows = stack_rows(panel, model)
    rows = _without_collinear(rows)
    moments = build_moments(panel, model, rows)
    n_coefficients = rows.x.shape[2]
    n_instruments = _rank(moments.zhz)
    if n_instruments < n_coefficients:
        raise ValueError(
            f"{n_coefficients} coefficients need as many instruments; got {n_instruments}: add lags or variables"
        )
    first = _step(moments, _inverse(moments.zhz))
    second = _step(moments, _inverse(first.scores.T @ first.scores))
    last, former, iterations = second, first, 1
    while steps == "iterated" and iterations < _MAX_ITERATIONS:
        last, former, iterations = _step(moments, _inverse(last.scores.T @ last.scores)), last, iterations + 1
        if np.max(np.abs(last.coefficients - former.coefficients)) < _CONVERGED:
            break
    chosen = first if steps == "one" else last
    n_obs = int(rows.mask[:, panel.present.shape[1] :].sum() if model.system else rows.mask.sum())
    n_units = int(rows.mask.any(axis=1).sum())
    sigma2 = _error_variance(rows, model, first.coefficients, n_obs)
    covariance = _covariance(moments, first, former, chosen, sigma2, steps=steps, robust=robust)
    factor = n_units / (n_units - 1) * (n_obs - 1) / (n_obs - n_coefficients) if small else 1.0
    covariance = covariance * factor
    df, plain = n_instruments - n_coefficients, steps == "one" and not robust
    # Hansen's J belongs to the efficient weight, whichever estimate is reported
    hansen = _chi2_test("Hansen", _distance(last), df)
    total = first.scores.sum(axis=0)
    return GmmFit(
        names=rows.names,
        coefficients=chosen.coefficients,
        covariance=covariance,
        covariance_kind=_kind(steps, robust=robust, small=small),
        one_step=first.coefficients,
        n_obs=n_obs,
        n_units=n_units,
        n_instruments=n_instruments,
        sargan=_chi2_test("Sargan", float(total @ first.weight @ total) / sigma2, df),
        hansen=hansen,
        wald=_wald(rows.names, chosen.coefficients, covariance, n_units, small=small),
        autocorrelation=tuple(
            _autocorrelation(panel, model, rows, moments, chosen, covariance, order, sigma2 if plain else None)
            for order in range(1, orders + 1)
        ),
        difference_hansen=_difference_hansen(moments, former, hansen, n_coefficients),
        singular=_rank(former.scores.T @ former.scores) < n_instruments,
        iterations=0 if steps == "one" else iterations,
    )


def _kind(steps: Steps, *, robust: bool, small: bool) -> str:
    if steps == "one":
        name = "cluster-robust" if robust else "homoskedastic"
    else:
        name = "Windmeijer-corrected" if robust else "uncorrected two-step"
    return f"{name}, small-sample" if small else name


def _without_collinear(rows: Rows) -> Rows:
    """Rows without period dummies that are exact combinations of the columns before them (their place is not data)."""
    x = rows.x[rows.mask]
    scale = np.linalg.norm(x, axis=0)
    _, triangle = np.linalg.qr(x / np.where(scale > 0, scale, 1.0), mode="reduced")
    kept = np.abs(np.diag(triangle)) > 1e-8
    dropped = [name for name, keep in zip(rows.names, kept, strict=True) if not keep]
    if not dropped:
        return rows
    named = [name for name in dropped if not name.lstrip("-").isdigit()]
    if named:
        raise ValueError(f"{named[0]} is constant or an exact combination of the other regressors: leave it out")
    return replace(
        rows,
        x=rows.x[:, :, kept],
        difference_x=rows.difference_x[:, :, kept],
        names=tuple(name for name, keep in zip(rows.names, kept, strict=True) if keep),
    )


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a symmetric matrix, the Moore-Penrose one where it is singular."""
    values, vectors = linalg.eigh(matrix)
    used = values > _SINGULAR * values[-1]
    inverse: np.ndarray = (vectors[:, used] / values[used]) @ vectors[:, used].T
    return inverse


def _rank(matrix: np.ndarray) -> int:
    scale = 1 / np.sqrt(np.diag(matrix))
    values = linalg.eigvalsh(scale[:, None] * matrix * scale)
    return int((values > 1e-10 * values[-1]).sum())


def _step(moments: Moments, weight: np.ndarray) -> _Step:
    zx, zy = moments.zx.sum(axis=0), moments.zy.sum(axis=0)
    bread = np.linalg.inv(zx.T @ weight @ zx)
    projection = bread @ zx.T @ weight
    coefficients = projection @ zy
    return _Step(coefficients, weight, bread, projection, moments.zy - moments.zx @ coefficients)


def _distance(step: _Step) -> float:
    total = step.scores.sum(axis=0)
    return float(total @ step.weight @ total)


def _error_variance(rows: Rows, model: GmmModel, coefficients: np.ndarray, n_obs: int) -> float:
    """Variance of the level errors from the transformed residuals, without a correction for degrees of freedom.

    xtabond2 divides by the number of observations that it reports, which in system GMM is that of the level equation.
    """
    n_times = rows.difference_mask.shape[1]
    residuals = (rows.y - rows.x @ coefficients)[:, :n_times]
    per_row = 2.0 if model.transformation == "difference" else 1.0  # a difference has twice the variance
    return float((residuals**2).sum() / (per_row * n_obs))


def _covariance(
    moments: Moments, first: _Step, former: _Step, chosen: _Step, sigma2: float, *, steps: Steps, robust: bool
) -> np.ndarray:
    spread = first.projection @ first.scores.T
    sandwich = spread @ spread.T
    if steps == "one":
        return sandwich if robust else sigma2 * first.bread
    if not robust:
        return chosen.bread
    # dS/db_k = -sum (x_k'Z g' + g Z'x_k), through which the estimated weight adds to the variance
    pull = chosen.weight @ chosen.scores.sum(axis=0)
    slope = np.einsum("nlk,n->lk", moments.zx, former.scores @ pull) + former.scores.T @ (pull @ moments.zx)
    derivative = chosen.projection @ slope
    behind = sandwich if steps == "two" else former.bread
    cross = derivative @ chosen.bread
    corrected: np.ndarray = chosen.bread + cross + cross.T + derivative @ behind @ derivative.T
    return corrected


def _chi2_test(name: str, statistic: float, df: int) -> GmmTest:
    if df <= 0:
        return GmmTest(name, float("nan"), df, float("nan"))
    return GmmTest(name, statistic, df, float(stats.chi2.sf(statistic, df)))


def _wald(
    names: tuple[str, ...], coefficients: np.ndarray, covariance: np.ndarray, n_units: int, *, small: bool
) -> GmmTest:
    """All coefficients but the constant are zero."""
    tested = np.array([name != "constant" for name in names])
    part = coefficients[tested]
    statistic = float(part @ np.linalg.pinv(covariance[np.ix_(tested, tested)]) @ part)
    df = int(tested.sum())
    if not small:
        return _chi2_test("Wald", statistic, df)
    return GmmTest("Wald F", statistic / df, df, float(stats.f.sf(statistic / df, df, n_units - 1)))


def _autocorrelation(
    panel: Panel,
    model: GmmModel,
    rows: Rows,
    moments: Moments,
    step: _Step,
    covariance: np.ndarray,
    order: int,
    sigma2: float | None,
) -> GmmTest:
    """Arellano & Bond's (1991, eqs. 8-10) test of autocorrelation in first differences.

    ``sigma2`` is given where the errors count as independent with one variance.
    """
    residuals = rows.difference_y - rows.difference_x @ step.coefficients
    earlier = np.zeros_like(residuals)
    earlier[:, order:] = residuals[:, :-order]
    earlier = np.where(rows.difference_mask, earlier, 0.0)
    products = (earlier * residuals).sum(axis=1)
    if not np.any(products):
        return GmmTest(f"AR({order})", float("nan"), 0, float("nan"))
    pull = np.einsum("nt,ntk->k", earlier, rows.difference_x)
    if sigma2 is None:
        own, joint = float(products @ products), step.scores.T @ products
    else:
        errors = earlier - np.concatenate([earlier[:, 1:], np.zeros((earlier.shape[0], 1))], axis=1)  # D'w
        errors[:, 0] = -earlier[:, 1]
        own = sigma2 * float((errors**2).sum())
        joint = sigma2 * instrumented_errors(panel, model, rows, moments, errors)
    variance = own - 2 * float(pull @ step.projection @ joint) + float(pull @ covariance @ pull)
    statistic = float(products.sum() / np.sqrt(variance)) if variance > 0 else float("nan")
    return GmmTest(f"AR({order})", statistic, 0, float(2 * stats.norm.sf(abs(statistic))))


def _difference_hansen(
    moments: Moments, former: _Step, hansen: GmmTest, n_coefficients: int
) -> tuple[tuple[GmmTest, GmmTest], ...]:
    """Hansen's test without each group of instruments, and what the group adds.

    The weight of what is left is a block of the full S, so the difference cannot be negative.
    """
    covariance = former.scores.T @ former.scores
    groups: dict[str, np.ndarray] = {
        name: np.array([group == name for group in moments.groups]) for name in dict.fromkeys(moments.groups)
    }
    if 0 < moments.in_level.sum() < moments.in_level.size:
        groups["instruments of the level equation"] = moments.in_level
    tests = []
    for name, removed in groups.items():
        kept = np.flatnonzero(~removed)
        if kept.size < n_coefficients:
            continue
        part = replace(moments, zx=moments.zx[:, kept], zy=moments.zy[:, kept])
        try:
            step = _step(part, _inverse(covariance[np.ix_(kept, kept)]))
        except np.linalg.LinAlgError:
            continue
        without = _chi2_test(
            f"Hansen without {name}", _distance(step), _rank(moments.zhz[np.ix_(kept, kept)]) - n_coefficients
        )
        difference = hansen.statistic - (without.statistic if without.df > 0 else 0.0)
        tests.append((without, _chi2_test(f"difference, {name}", difference, hansen.df - max(without.df, 0))))
    return tuple(tests)

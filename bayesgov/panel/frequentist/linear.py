r"""Least squares of a dynamic panel, and what corrects its bias.

With unit effects in the errors, pooled least squares overstates the persistence alpha, the within estimator
understates it by order 1/T (Nickell 1981, doi:10.2307/1911408); a consistent estimate should lie between
(Bond 2002, doi:10.1007/s10258-002-0009-9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import optimize

from bayesgov.fits import Check
from bayesgov.panel.design import PanelDesign

Estimator = Literal["pooled", "within", "anderson-hsiao", "bias-corrected"]

_ALPHA_MAX = 1.5  # end of the search for the corrected persistence
_STEPS = 400


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """An estimate of the equation's coefficients with its covariance clustered by unit.

    Attributes
    ----------
    estimator : {"pooled", "within", "anderson-hsiao", "bias-corrected"}
    names : tuple of str, length n_terms
        Terms of the design, without constant and period effects.
    coefficients : ndarray, shape (n_terms,)
        NaN where the estimator has no solution.
    covariance : ndarray, shape (n_terms, n_terms)
    n_obs, n_units : int
    """

    estimator: Estimator
    names: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    n_obs: int
    n_units: int

    @property
    def std_errors(self) -> np.ndarray:
        """Shape (n_terms,)."""
        return np.sqrt(np.diag(self.covariance))


def fit_least_squares(design: PanelDesign, *, unit_effects: bool) -> LinearFit:
    """Pooled least squares or the within estimator, through linearmodels, errors clustered by unit.

    Parameters
    ----------
    design : PanelDesign
        Period effects enter where it has them.
    unit_effects : bool

    Raises
    ------
    ValueError
        If a term does not vary (within units).
    """
    from linearmodels.panel import PanelOLS
    from linearmodels.panel.utility import AbsorbingEffectError

    index = pd.MultiIndex.from_arrays([design.unit, design.time], names=["unit", "time"])
    x = pd.DataFrame(design.x, index=index, columns=list(design.terms)).assign(constant=1.0)
    y = pd.Series(design.y, index=index, name="outcome")
    try:
        model = PanelOLS(y, x, entity_effects=unit_effects, time_effects=design.time_effects)
        found = model.fit(cov_type="clustered", cluster_entity=True)
    except (AbsorbingEffectError, ValueError) as error:
        within = " within units" if unit_effects else ""
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"a term does not vary{within} or repeats others: leave it out ({reason})") from None
    terms = list(design.terms)
    return LinearFit(
        estimator="within" if unit_effects else "pooled",
        names=design.terms,
        coefficients=found.params[terms].to_numpy(),
        covariance=found.cov.loc[terms, terms].to_numpy(),
        n_obs=design.n_obs,
        n_units=len(design.units),
    )


def fit_anderson_hsiao(design: PanelDesign) -> LinearFit:
    """First differences with the outcome's level two periods back as the instrument of its lagged change.

    Anderson & Hsiao (1981, doi:10.1080/01621459.1981.10477691); predictors and further lags count as exogenous in
    differences.

    Raises
    ------
    ValueError
        If the differences do not identify the coefficients.
    """
    follows = np.flatnonzero(design.unit[1:] == design.unit[:-1])
    y = np.diff(design.y)[follows]
    x = np.diff(design.x, axis=0)[follows]
    z = np.column_stack([design.x[follows, 0], x[:, 1:]])  # the row before holds y_{t-2} as its first lag
    if design.time_effects:
        dummies = _period_dummies(design.time[follows + 1])
        x, z = np.column_stack([x, dummies]), np.column_stack([z, dummies])
    cross = z.T @ x
    if np.linalg.matrix_rank(cross) < x.shape[1]:
        raise ValueError("the differences do not identify the coefficients: a term does not vary over time")
    coefficients = np.linalg.solve(cross, z.T @ y)
    unit = design.unit[follows + 1]
    moments = _by_unit(z * (y - x @ coefficients)[:, None], unit)
    return _sandwich("anderson-hsiao", design, coefficients, np.linalg.inv(cross), moments, y.size)


def fit_bias_corrected(design: PanelDesign) -> LinearFit:
    r"""The within estimator with its moments corrected for Nickell's bias.

    Breitung, Kripfganz & Hayakawa (2022, doi:10.1016/j.ecosta.2021.07.001). With tildes for deviations from unit
    means and :math:`h_T(\alpha) = \frac1T \sum_{s=1}^{T-1} (T - s) \alpha^{s-1}`,

    .. math:: \sum_i \left[ \tilde y_{i,-1}'\tilde e_i + \frac{h_{T_i}(\alpha)}{T_i - 1} \tilde e_i'\tilde e_i \right]
              = 0, \qquad \sum_i \tilde X_i'\tilde e_i = 0,

    because :math:`E \tilde y_{i,-1}'\tilde e_i = -\sigma^2 h_T(\alpha)` whatever the unit effects and the first
    outcomes are. Unbalanced panels and period effects are covered; predictors are strictly exogenous. The solution
    next above the within estimate is taken.

    Raises
    ------
    ValueError
        If the design has more than one lag of the outcome, or the terms do not vary within units.
    """
    if design.n_lags != 1:
        raise ValueError(f"the bias-corrected estimator is for one lag of the outcome; got {design.n_lags}")
    lag, x = design.x[:, 0], design.x[:, 1:]
    if design.time_effects:
        x = np.column_stack([x, _period_dummies(design.time)])
    y, lag, x = (_demeaned(column, design) for column in (design.y, lag, x))
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError("a predictor does not vary within units, or repeats others: leave it out")
    basis = np.linalg.qr(x)[0]
    y_left, lag_left = y - basis @ (basis.T @ y), lag - basis @ (basis.T @ lag)
    alpha = _corrected_alpha(y_left, lag_left, design)
    regressors = np.column_stack([lag, x])
    if not np.isfinite(alpha):
        n_terms = len(design.terms)
        empty = np.full((n_terms, n_terms), np.nan)
        return LinearFit("bias-corrected", design.terms, empty[0], empty, design.n_obs, len(design.units))
    slopes = np.linalg.lstsq(x, y - alpha * lag, rcond=None)[0]
    errors = y - alpha * lag - x @ slopes
    rows = design.unit_rows
    share, slope_of_share = _bias_factors(alpha, rows)
    squares = _by_unit(errors**2, design.unit)
    moments = _by_unit(regressors * errors[:, None], design.unit)
    moments[:, 0] += share * squares
    # derivatives: of X'e, and of the correction through h and through e'e
    jacobian = -regressors.T @ regressors
    jacobian[0] -= 2 * (share[design.unit] * errors) @ regressors
    jacobian[0, 0] += slope_of_share @ squares
    coefficients = np.concatenate([[alpha], slopes])
    return _sandwich("bias-corrected", design, coefficients, np.linalg.inv(jacobian), moments, design.n_obs)


def _corrected_alpha(y: np.ndarray, lag: np.ndarray, design: PanelDesign) -> float:
    """First root above the within estimate of the corrected moment, predictors partialled out; NaN without one."""
    rows, unit = design.unit_rows, design.unit

    def moment(alpha: float) -> float:
        errors = y - alpha * lag
        share, _ = _bias_factors(alpha, rows)
        return float(lag @ errors + share @ np.bincount(unit, errors**2, minlength=rows.size))

    if not lag.any():
        return float("nan")  # an outcome that never changes
    start = float(lag @ y / (lag @ lag))
    grid = np.linspace(start, max(_ALPHA_MAX, start + 1), _STEPS)
    before = grid[0]
    for point in grid[1:]:
        if moment(point) <= 0:
            return float(optimize.brentq(moment, before, point, xtol=1e-12))
        before = point
    return float("nan")


def _bias_factors(alpha: float, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """h_T(alpha) / (T - 1) of every unit and its derivative; zero for a unit with one row."""
    share, slope = np.zeros(rows.size), np.zeros(rows.size)
    for length in np.unique(rows[rows > 1]):
        s = np.arange(1, length)
        weight = (length - s) / (length * (length - 1))
        share[rows == length] = weight @ alpha ** (s - 1.0)
        slope[rows == length] = weight[1:] @ ((s[1:] - 1) * alpha ** (s[1:] - 2.0))
    return share, slope


def _demeaned(values: np.ndarray, design: PanelDesign) -> np.ndarray:
    """Deviations from unit means; shape as given."""
    means = _by_unit(values, design.unit) / design.unit_rows.reshape(-1, *[1] * (values.ndim - 1))
    deviations: np.ndarray = values - means[design.unit]
    return deviations


def _by_unit(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Sums over the rows of each unit that has some; ``unit`` is sorted."""
    starts = np.flatnonzero(np.append(True, unit[1:] != unit[:-1]))
    sums: np.ndarray = np.asarray(np.add.reduceat(values, starts, axis=0))
    return sums


def _period_dummies(time: np.ndarray) -> np.ndarray:
    """One column for each period but the first."""
    dummies: np.ndarray = (time[:, None] == np.unique(time)[1:]).astype(float)
    return dummies


def _sandwich(
    estimator: Estimator,
    design: PanelDesign,
    coefficients: np.ndarray,
    bread: np.ndarray,
    moments: np.ndarray,
    n_obs: int,
) -> LinearFit:
    """Covariance bread S bread' with S the units' moments, and without the period effects."""
    covariance = bread @ (moments.T @ moments) @ bread.T
    n_terms = len(design.terms)
    return LinearFit(
        estimator=estimator,
        names=design.terms,
        coefficients=coefficients[:n_terms],
        covariance=covariance[:n_terms, :n_terms],
        n_obs=n_obs,
        n_units=moments.shape[0],
    )


def alpha_bracket(pooled: LinearFit, within: LinearFit, alpha: float) -> Check:
    """Whether a persistence lies between the within estimate, biased downwards, and the pooled one, biased upwards.

    Estimates within half a standard error outside the bracket pass with a warning.
    """
    low, high = float(within.coefficients[0]), float(pooled.coefficients[0])
    between = f"within {low:.3f} < alpha {alpha:.3f} < pooled {high:.3f}"
    if not np.isfinite(alpha):
        return Check("alpha_bracket", None, None, "not applicable", "there is no estimate of alpha")
    if low <= alpha <= high:
        return Check("alpha_bracket", alpha, high, "pass")
    slack = 0.5 * float(within.std_errors[0] if alpha < low else pooled.std_errors[0])
    near = low - slack <= alpha <= high + slack
    return Check(
        "alpha_bracket",
        alpha,
        low if alpha < low else high,
        "warn" if near else "fail",
        f"{between} does not hold: weak or invalid instruments, or a misspecified equation",
    )

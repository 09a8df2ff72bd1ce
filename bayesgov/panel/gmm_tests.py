"""Tests that come with a GMM estimate of a dynamic panel, to the conventions of xtabond2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from bayesgov.panel.instruments import Moments, Rows, scores


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


def chi2_test(name: str, statistic: float, df: int) -> GmmTest:
    """A chi-square test; NaN without degrees of freedom."""
    if df <= 0:
        return GmmTest(name, float("nan"), df, float("nan"))
    return GmmTest(name, statistic, df, float(special.chdtrc(df, max(statistic, 0.0))))


def wald(names: tuple[str, ...], coefficients: np.ndarray, covariance: np.ndarray, df_residual: float) -> GmmTest:
    """All coefficients but the constant are zero: F where ``df_residual`` is finite, chi-square otherwise."""
    tested = np.array([name != "constant" for name in names])
    part = coefficients[tested]
    statistic = float(part @ np.linalg.pinv(covariance[np.ix_(tested, tested)]) @ part)
    df = int(tested.sum())
    if not np.isfinite(df_residual):
        return chi2_test("Wald", statistic, df)
    return GmmTest("Wald F", statistic / df, df, float(special.fdtrc(df, df_residual, statistic / df)))


def autocorrelation(
    rows: Rows,
    moments: Moments,
    *,
    coefficients: np.ndarray,
    unit_scores: np.ndarray,
    projection: np.ndarray,
    covariance: np.ndarray,
    order: int,
    sigma2: float | None,
) -> GmmTest:
    """Arellano & Bond's (1991, eqs. 8-10) test of autocorrelation in first differences.

    Parameters
    ----------
    coefficients : ndarray, shape (n_coefficients,)
    unit_scores : ndarray, shape (n_units, n_instruments)
        Z_i'e_i at the coefficients.
    projection : ndarray, shape (n_coefficients, n_instruments)
        Of the summed scores on the coefficients.
    covariance : ndarray, shape (n_coefficients, n_coefficients)
        As reported, before any small-sample factor.
    order : int
    sigma2 : float or None
        Given where the errors count as independent with one variance.
    """
    name = f"AR({order})"
    residuals = rows.difference_y - rows.difference_x @ coefficients
    earlier = np.zeros_like(residuals)
    earlier[:, order:] = residuals[:, :-order]
    earlier = np.where(rows.difference_mask, earlier, 0.0)
    products = (earlier * residuals).sum(axis=1)
    if not np.any(products):
        return GmmTest(name, float("nan"), 0, float("nan"))
    pull = np.tensordot(earlier, rows.difference_x, axes=2)
    if sigma2 is None:
        own, joint = float(products @ products), unit_scores.T @ products
    else:
        errors = earlier - np.pad(earlier[:, 1:], ((0, 0), (0, 1)))  # D'w: the test's weights on level errors
        errors[:, 0] = -earlier[:, 1]
        own = sigma2 * float((errors**2).sum())
        joint = sigma2 * scores(moments, errors @ rows.spread.T).sum(axis=0)
    variance = own - 2 * float(pull @ projection @ joint) + float(pull @ covariance @ pull)
    statistic = float(products.sum() / np.sqrt(variance)) if variance > 0 else float("nan")
    return GmmTest(name, statistic, 0, float(2 * special.ndtr(-abs(statistic))))

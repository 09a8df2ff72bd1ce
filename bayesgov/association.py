"""Association in a two-way table: classical statistics with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats


@dataclass(frozen=True, slots=True)
class Association:
    """Tests and effect size of one two-way table.

    Attributes
    ----------
    chi2, g2 : float
        Pearson's statistic and the likelihood ratio.
    df : int
    p_chi2, p_g2 : float
    cramers_v : float
    v_lower, v_upper : float
        Confidence limits by inverting the noncentral chi-square.
    v_corrected : float
        Bias-corrected (Bergsma 2013).
    """

    chi2: float
    g2: float
    df: int
    p_chi2: float
    p_g2: float
    cramers_v: float
    v_lower: float
    v_upper: float
    v_corrected: float


def associate(table: np.ndarray, level: float = 0.95) -> Association:
    """Pearson's chi-square, G², and Cramér's V of a table, shape (n_rows, n_columns).

    No continuity correction. The interval of V inverts the noncentral chi-square in its noncentrality n V² (k - 1)
    (Smithson 2003, doi:10.4135/9781412983761, ch. 4). The bias-corrected V is of Bergsma (2013,
    doi:10.1016/j.jkss.2012.10.002).
    """
    pearson = stats.chi2_contingency(table, correction=False)
    ratio = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    n, (rows, columns) = float(table.sum()), table.shape
    smaller, df = min(rows, columns) - 1, (rows - 1) * (columns - 1)
    chi2 = float(pearson.statistic)
    low, high = noncentrality_interval(chi2, df, level)
    phi2 = max(0.0, chi2 / n - df / (n - 1))
    size = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1))
    return Association(
        chi2=chi2,
        g2=float(ratio.statistic),
        df=df,
        p_chi2=float(pearson.pvalue),
        p_g2=float(ratio.pvalue),
        cramers_v=float(np.sqrt(chi2 / (n * smaller))),
        v_lower=float(np.sqrt(low / (n * smaller))),
        v_upper=float(min(1.0, np.sqrt(high / (n * smaller)))),
        v_corrected=float(np.sqrt(phi2 / (size - 1))),
    )


def noncentrality_interval(statistic: float, df: int, level: float) -> np.ndarray:
    """Confidence limits of a noncentrality from one chi-square statistic, shape (2,)."""
    return np.array(
        [_noncentrality(statistic, df, 0.5 * (1 + level)), _noncentrality(statistic, df, 0.5 * (1 - level))]
    )


def _noncentrality(statistic: float, df: int, probability: float) -> float:
    """The noncentrality at which P(chi-square <= statistic) = probability; 0 where none reaches it."""
    if stats.chi2.cdf(statistic, df) <= probability:
        return 0.0
    high = statistic + 10 * np.sqrt(2 * statistic) + 50
    return float(optimize.brentq(lambda nc: stats.ncx2.cdf(statistic, df, nc) - probability, 1e-12, high, xtol=1e-9))

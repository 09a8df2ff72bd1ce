"""Rubin's rules: one set of estimates from several imputed data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesgov.fits import Check, EstimatorFit, estimator_tree


@dataclass(frozen=True, slots=True)
class PooledEstimates:
    """Estimates over imputations combined by Rubin's rules.

    Attributes
    ----------
    estimate : ndarray, shape (n_parameters,)
    covariance, within, between : ndarray, shape (n_parameters, n_parameters)
        Total = within + (1 + 1 / m) between.
    df : ndarray, shape (n_parameters,)
        Degrees of freedom of Barnard & Rubin (1999).
    increase : ndarray, shape (n_parameters,)
        Relative increase in variance due to missing values.
    missing_information : ndarray, shape (n_parameters,)
        Fraction of missing information, with the degrees of freedom taken into account.
    efficiency : ndarray, shape (n_parameters,)
        Of m imputations relative to infinitely many, in units of variance.
    n_imputations : int
    """

    estimate: np.ndarray
    covariance: np.ndarray
    within: np.ndarray
    between: np.ndarray
    df: np.ndarray
    increase: np.ndarray
    missing_information: np.ndarray
    efficiency: np.ndarray
    n_imputations: int

    @property
    def std_error(self) -> np.ndarray:
        """Square root of the total variance."""
        return np.sqrt(np.diag(self.covariance))


def pool(estimates: np.ndarray, covariances: np.ndarray, complete_df: float = np.inf) -> PooledEstimates:
    r"""Combine estimates from m completed data sets by Rubin's rules.

    Parameters
    ----------
    estimates : ndarray, shape (m, n_parameters)
    covariances : ndarray, shape (m, n_parameters, n_parameters)
    complete_df : float
        Degrees of freedom that the analysis would have without missing values: observations less parameters.

    Returns
    -------
    PooledEstimates

    Notes
    -----
    With within-imputation variance U, between-imputation variance B and T = U + (1 + 1/m) B (Rubin 1987,
    doi:10.1002/9780470316696), lambda = (1 + 1/m) B / T; degrees of freedom by Barnard & Rubin (1999,
    doi:10.1093/biomet/86.4.948): 1 / df = 1 / df_m + 1 / df_obs, df_m = (m - 1) / lambda² and
    df_obs = (nu + 1) / (nu + 3) nu (1 - lambda).
    """
    estimates, covariances = np.asarray(estimates, dtype=float), np.asarray(covariances, dtype=float)
    m = len(estimates)
    if m < 2 or covariances.shape != (m, estimates.shape[1], estimates.shape[1]):
        raise ValueError(
            "pooling needs estimates (m, p) and covariances (m, p, p) with m of 2 or more; "
            f"got shapes {estimates.shape} and {covariances.shape}"
        )
    within = covariances.mean(axis=0)
    between = np.atleast_2d(np.cov(estimates, rowvar=False))
    total = within + (1 + 1 / m) * between
    extra, own = (1 + 1 / m) * np.diag(between), np.diag(within)
    share = extra / np.diag(total)
    with np.errstate(divide="ignore"):
        # written as a sum of reciprocals, so that lambda = 0 and infinite complete_df need no case of their own
        shrunk = 0.0 if np.isinf(complete_df) else (complete_df + 3) / ((complete_df + 1) * complete_df * (1 - share))
        df = 1 / (share**2 / (m - 1) + shrunk)
    increase = extra / own
    missing_information = (increase + 2 / (df + 3)) / (increase + 1)
    return PooledEstimates(
        estimate=estimates.mean(axis=0),
        covariance=total,
        within=within,
        between=between,
        df=df,
        increase=increase,
        missing_information=missing_information,
        efficiency=1 / (1 + missing_information / m),
        n_imputations=m,
    )


def pooled_fit(pooled: PooledEstimates, terms: Sequence[str], label: str) -> EstimatorFit:
    """Pooled estimates as a Fit: t intervals, their covariance, and group ``imputation``: what missing values cost."""
    dataset = xr.Dataset(
        {
            "within_std_error": ("term", np.sqrt(np.diag(pooled.within))),
            "between_std_error": ("term", np.sqrt(np.diag(pooled.between))),
            "relative_increase": ("term", pooled.increase),
            "missing_information": ("term", pooled.missing_information),
            "relative_efficiency": ("term", pooled.efficiency),
        },
        coords={"term": list(terms)},
        attrs={"n_imputations": pooled.n_imputations},
    )
    covariance = xr.Dataset(
        {"covariance": (("term", "other_term"), pooled.covariance)},
        coords={"term": list(terms), "other_term": list(terms)},
    )
    groups = {"imputation": dataset, "covariance": covariance}
    tree = estimator_tree(terms, pooled.estimate, pooled.std_error, df=pooled.df, groups=groups)
    return EstimatorFit(label, tree, (enough_imputations(pooled),))


def enough_imputations(pooled: PooledEstimates, variation: float = 0.05) -> Check:
    """Whether another set of imputations would give nearly the same standard errors.

    Parameters
    ----------
    pooled : PooledEstimates
    variation : float
        Wanted coefficient of variation of the standard errors over repetitions; von Hippel (2020,
        doi:10.1177/0049124117747303): m = 1 + (fraction of missing information / variation)² / 2.
    """
    needed = float(np.ceil(1 + 0.5 * (pooled.missing_information.max() / variation) ** 2))
    enough = pooled.n_imputations >= needed
    advice = "" if enough else f"standard errors depend on the seed: set imputations = {needed:.0f} or more"
    return Check("imputations", float(pooled.n_imputations), needed, "pass" if enough else "warn", advice)

"""Bayes factors against a zero effect by the Savage-Dickey ratio, from draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

# Variables that the shrinkage prior named in a tree's attribute ``prior`` is about.
_SHRUNKEN = ("beta", "option_effect")
_NO_DENSITY = {
    "horseshoe": "the horseshoe's density at zero is infinite",
    "laplace": "the prior's peak at zero is too sharp for draws from it",
    "r2d2": "the prior's peak at zero is too sharp for draws from it",
}
_KERNELS = 25  # independent draws near zero, at least, for a density there


@dataclass(frozen=True, slots=True)
class Density:
    """A density at a point, from draws.

    Attributes
    ----------
    value : float
    mc_error : float
        Monte Carlo standard error of ``value``.
    resolved : bool
        Whether enough draws lie near the point; if not, ``value`` is an upper limit.
    """

    value: float
    mc_error: float
    resolved: bool = True


@dataclass(frozen=True, slots=True)
class BayesFactor:
    """Of an effect against none.

    Attributes
    ----------
    value : float
        A lower limit where ``bound`` says so.
    mc_error : float
        Monte Carlo standard error; NaN for a limit.
    bound : bool
    """

    value: float
    mc_error: float
    bound: bool


def density_at(draws: np.ndarray, point: float) -> Density:
    r"""Density of a distribution at one point, from draws of it.

    Parameters
    ----------
    draws : ndarray, shape (n_chains, n_draws)
    point : float

    Notes
    -----
    A mixture of normals with their centres drawn towards the mean so that the mixture keeps the draws' variance (West
    1993, doi:10.1111/j.2517-6161.1993.tb01911.x): f(x) = mean_i N(x | m + a (x_i - m), h²), a² = 1 - h² / s². It is
    exact in expectation for a normal distribution, also in its tails, where a plain kernel estimate is too high; h is
    Silverman's. Where fewer than 25 independent draws lie within reach of the point, the value is an upper 97.5% limit
    for a density that does not fall from the point towards the median: the least of three limits for the share of
    draws in an interval over its length, within h of the point and up to a quarter and to half of the way.
    """
    from arviz_stats.base import array_stats  # loaded here: it takes seconds

    spread, n = float(draws.std(ddof=1)), draws.size
    if not np.isfinite(spread) or spread == 0:
        return Density(np.nan, np.nan, resolved=False)
    robust = float(stats.iqr(draws)) / 1.349
    width = 0.9 * min(spread, robust or spread) * n**-0.2
    mean = float(draws.mean())
    centre = mean + np.sqrt(1 - (width / spread) ** 2) * (draws - mean)
    kernels = stats.norm.pdf(point, centre, width)
    share = min(1.0, float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="bulk")) / n)
    squares = float((kernels**2).sum())
    if squares == 0 or share * kernels.sum() ** 2 / squares < _KERNELS:
        return Density(_upper_limit(draws, point, width, share), np.nan, resolved=False)
    error = array_stats.mcse(kernels, chain_axis=0, draw_axis=1, method="mean")
    return Density(float(kernels.mean()), float(error))


def _upper_limit(draws: np.ndarray, point: float, width: float, share: float) -> float:
    """Exact Poisson limits, each at a third of 2.5%; ``share`` is how many independent draws one draw is worth."""
    way = float(np.median(draws)) - point
    spans = [(point - width, point + width)]
    spans += [(min(point, point + part * way), max(point, point + part * way)) for part in (0.25, 0.5) if way]
    limits = []
    for low, high in spans:
        near = share * np.count_nonzero((draws > low) & (draws < high))
        most = 0.5 * stats.chi2.ppf(1 - 0.025 / 3, 2 * (near + 1))
        limits.append(most / (share * draws.size) / (high - low))
    return float(min(limits))


def prior_at_zero(tree: xr.DataTree, variable: str, index: int) -> Density | str:
    """Prior density of one element of a posterior variable at zero, or why there is none to be had.

    Parameters
    ----------
    tree : xarray.DataTree
        Exact densities stand in group ``prior_at_zero``; else draws of group ``prior`` give them.
    variable : str
    index : int
        Of the element, in the order of :func:`bayesgov.fits.element_names`.
    """
    exact = tree["prior_at_zero"].to_dataset() if "prior_at_zero" in tree else xr.Dataset()
    if variable in exact:
        value = float(exact[variable].values.ravel()[index])
        return Density(value, 0.0) if np.isfinite(value) else "the prior's density at zero is infinite"
    if variable in _SHRUNKEN and (reason := _NO_DENSITY.get(str(tree.attrs.get("prior", "")))):
        return reason
    prior = tree["prior"].to_dataset() if "prior" in tree else xr.Dataset()
    if variable not in prior:
        return "the fit keeps no draws from its prior"
    values = prior[variable].transpose("chain", "draw", ...).values
    found = density_at(values.reshape(*values.shape[:2], -1)[..., index], 0.0)
    return found if found.resolved else "too few draws from the prior lie near zero"


def savage_dickey(draws: np.ndarray, prior: Density) -> BayesFactor:
    """Bayes factor of an effect against none: prior over posterior density at zero.

    Dickey (1971, doi:10.1214/aoms/1177693507), Wagenmakers et al. (2010, doi:10.1016/j.cogpsych.2009.12.001): exact
    where the prior of the other parameters under no effect is theirs given a zero effect.

    Parameters
    ----------
    draws : ndarray, shape (n_chains, n_draws)
        From the posterior of the effect.
    prior : Density
        At zero.
    """
    posterior = density_at(draws, 0.0)
    value = prior.value / posterior.value
    if not posterior.resolved:
        return BayesFactor(value, np.nan, bound=True)
    relative = np.hypot(posterior.mc_error / posterior.value, prior.mc_error / prior.value)
    return BayesFactor(value, float(value * relative), bound=False)

r"""Posterior checks of the errors: autocorrelation, cross-section dependence, tails and regional variances.

Posterior predictive checks with realised discrepancies (Gelman, Meng & Stern 1996, Statistica Sinica 6, 733-807): at
every draw of the parameters a statistic of the residuals they leave stands beside the same statistic of errors drawn
from the model, and p is the share of draws at which the latter is at least as large.

Every statistic is computed from residuals less their unit means, in error standard deviations. Unit effects, and all
that is constant within a unit, drop out of these, so the checks hold for every model of unit effects, and the shrinkage
of drawn unit effects cannot hide or feign anything. Subtracting means makes residuals slightly autocorrelated; the
replications carry the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.fits import Check
from bayesgov.panel.design import PanelDesign

UNUSUAL = 0.02  # p below it or above 1 - it
_BLOCK = 4_000_000  # numbers in one array
_COMMON = 3  # periods that two units must share

DIFFERENCES = "autocorrelation of differenced residuals"
LEVELS = "autocorrelation of residuals"
DEPENDENCE = "cross-section dependence"
SQUARES = "squared cross-section correlation"
KURTOSIS = "kurtosis"
VARIANCES = "largest to smallest regional variance"

type Statistics = dict[tuple[str, int | None], np.ndarray]

_AUTOCORRELATED = "errors are autocorrelated: raise outcome_lags or predictor_lags"
_ADVICE: Mapping[str, str] = {
    DIFFERENCES: _AUTOCORRELATED,
    LEVELS: _AUTOCORRELATED,
    DEPENDENCE: "units move together: set time_effects = true or add what moves them",
    SQUARES: "units share movements that year effects do not describe: standard deviations are too small",
    KURTOSIS: 'tails are not as assumed: compare errors = "student_t" with "gaussian"',
    VARIANCES: 'regions differ in their error variance: set error_scale = "by_region"',
}


@dataclass(frozen=True, slots=True, eq=False)
class ResidualChecks:
    """Statistics of the errors, one row each, and what they say.

    Attributes
    ----------
    table : DataFrame
        Columns ``statistic, order, observed`` (posterior median of the realised value), ``replicated_lower,
        replicated_upper`` (central 95% of the replications), ``posterior_predictive_p`` and ``reading``. ``order`` is
        missing where a statistic has none.
    checks : tuple of Check
        ``value`` is the smaller of p and 1 - p.
    """

    table: pd.DataFrame
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the rows of a Design stand among units and periods, and which units have the same periods.

    Attributes
    ----------
    present : ndarray of bool, shape (n_units, n_times)
    region : ndarray of int, shape (n_units,)
    pattern : ndarray of int, shape (n_units,)
        Codes of the sets of periods.
    shared : ndarray, shape (n_patterns, n_patterns)
        Periods that two patterns have in common; zero below three, where no correlation is taken.
    """

    present: np.ndarray
    region: np.ndarray
    pattern: np.ndarray
    shared: np.ndarray

    @property
    def largest(self) -> int:
        """Numbers that one draw takes in the largest array."""
        n_patterns, (n_units, n_times) = len(self.shared), self.present.shape
        return int(max(n_units * n_times, n_patterns**2, n_patterns * n_times**2))


def residual_checks(
    design: PanelDesign, posterior: xr.Dataset, *, seed: int, n_draws: int = 400, by_region: bool = False
) -> ResidualChecks:
    """Compare the residuals of evenly spaced draws with errors drawn from the model.

    Parameters
    ----------
    design : PanelDesign
    posterior : xarray.Dataset
        ``alpha, beta, error_sd`` and, where the model has them, ``year_effect, degrees_of_freedom``, in the variables'
        own units; dims chain and draw.
    seed : int
        Of the replications.
    n_draws : int
        At most this many draws are used.
    by_region : bool
        Whether error scales are the regions' own already, so that comparing their variances would say nothing.

    Returns
    -------
    ResidualChecks
        Statistics that the panel is too short for are absent.
    """
    flat = posterior.stack(sample=("chain", "draw")).transpose("sample", ...)
    count = flat.sizes["sample"]
    drawn = flat.isel(sample=np.unique(np.linspace(0, count - 1, min(n_draws, count)).astype(int)))
    grid, rng = grid_of(design), np.random.default_rng(seed)
    block = max(1, _BLOCK // grid.largest)
    observed: list[Statistics] = []
    replicated: list[Statistics] = []
    for start in range(0, drawn.sizes["sample"], block):
        part = drawn.isel(sample=slice(start, start + block))
        for found, errors in ((observed, standardised_residuals), (replicated, _replicated_errors)):
            cube = np.zeros((part.sizes["sample"], *grid.present.shape))
            cube[:, design.unit, design.time] = errors(design, part, rng)
            found.append(error_statistics(cube, grid, regions=len(design.regions) > 1 and not by_region))
    rows, checks = [], []
    for statistic, order in observed[0]:
        real, copy = (np.concatenate([found[statistic, order] for found in both]) for both in (observed, replicated))
        row, check = _judged(statistic, order, real, copy)
        rows.append(row)
        checks.append(check)
    table = pd.DataFrame(rows).astype({"order": "Int64"})
    return ResidualChecks(table, tuple(checks))


def grid_of(design: PanelDesign) -> Grid:
    """The Design's rows on its grid of units and periods."""
    present = np.zeros((len(design.units), len(design.times)), dtype=bool)
    present[design.unit, design.time] = True
    patterns, code = np.unique(present, axis=0, return_inverse=True)
    shared = patterns.astype(float) @ patterns.T
    return Grid(present, design.unit_region, code.reshape(-1), np.where(shared >= _COMMON, shared, 0.0))


def standardised_residuals(
    design: PanelDesign, drawn: xr.Dataset, _rng: np.random.Generator | None = None
) -> np.ndarray:
    """What the slopes and the year effects leave, in error standard deviations, shape (n_draws, n_obs).

    What is constant within a unit is still in them.
    """
    slopes = drawn["alpha"].transpose("sample", "region", "lag").values
    if "beta" in drawn:
        slopes = np.concatenate([slopes, drawn["beta"].transpose("sample", "region", "predictor").values], axis=2)
    x, y, region = design.x - design.x.mean(axis=0), design.y - design.y.mean(), design.region
    residuals = np.empty((slopes.shape[0], design.n_obs))
    for code in range(len(design.regions)):
        own = region == code
        residuals[:, own] = y[own] - slopes[:, code] @ x[own].T
    if "year_effect" in drawn:
        residuals -= drawn["year_effect"].transpose("sample", "time").values[:, design.time]
    scale = drawn["error_sd"].values.reshape(slopes.shape[0], -1)
    residuals /= scale[:, region] if scale.shape[1] > 1 else scale
    return residuals


def _replicated_errors(design: PanelDesign, drawn: xr.Dataset, rng: np.random.Generator) -> np.ndarray:
    """Errors from the model in its error scales, shape (n_draws, n_obs)."""
    shape = (drawn.sizes["sample"], design.n_obs)
    if "degrees_of_freedom" in drawn:
        return rng.standard_t(drawn["degrees_of_freedom"].values[:, None], shape)
    return rng.standard_normal(shape)


def error_statistics(cube: np.ndarray, grid: Grid, *, regions: bool = False) -> Statistics:
    """Every statistic of errors on their grid.

    Parameters
    ----------
    cube : ndarray, shape (n_draws, n_units, n_times)
        Zero outside the grid; unit means may still be in them.
    grid : Grid
    regions : bool
        Whether to compare the regions' variances.

    Returns
    -------
    dict of (str, int or None) to ndarray, shape (n_draws,)
        By statistic and order.
    """
    counts = grid.present.sum(axis=1)
    within = (cube - (cube.sum(axis=2) / counts)[:, :, None]) * grid.present
    found: Statistics = {}
    both = grid.present[:, 1:] & grid.present[:, :-1]
    differences = np.diff(within, axis=2) * both
    for order in (1, 2):
        if (both[:, order:] & both[:, :-order]).any():
            found[DIFFERENCES, order] = autocorrelation(differences, both, order)
    if counts.max() > 2:  # two residuals less their mean are each other's negative
        found[LEVELS, 1] = autocorrelation(within, grid.present, 1)
    pairs = _pairs(grid)
    if pairs > 0:
        found[DEPENDENCE, None], found[SQUARES, None] = _cross_section(within, grid, pairs)
    squares = within**2
    # n sum e^4 / (sum e^2)^2
    found[KURTOSIS, None] = grid.present.sum() * (squares**2).sum(axis=(1, 2)) / squares.sum(axis=(1, 2)) ** 2
    if regions:
        found[VARIANCES, None] = _variance_ratio(squares, grid, counts)
    return found


def autocorrelation(values: np.ndarray, present: np.ndarray, order: int) -> np.ndarray:
    """Mean product of values ``order`` periods apart over their mean square, shape (n_draws,).

    Of differenced errors without autocorrelation it is -1/2 at order one and 0 at order two, as in the tests m1 and m2
    of Arellano & Bond (1991, doi:10.2307/2297968).

    Parameters
    ----------
    values : ndarray, shape (n_draws, n_units, n_times)
        With mean zero; zero where absent.
    present : ndarray of bool, shape (n_units, n_times)
    order : int
    """
    n_pairs = (present[:, order:] & present[:, :-order]).sum()
    products = np.einsum("dut,dut->d", values[:, :, order:], values[:, :, :-order]) / n_pairs
    result: np.ndarray = products / (np.einsum("dut,dut->d", values, values) / present.sum())
    return result


def _pairs(grid: Grid) -> float:
    """Pairs of units with enough periods in common."""
    units = np.bincount(grid.pattern).astype(float)
    usable = grid.shared > 0
    return float(units @ usable @ units - units @ np.diag(usable)) / 2


def _cross_section(within: np.ndarray, grid: Grid, pairs: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Pesaran's CD (2015, doi:10.1080/07474938.2014.956623) and the mean of T_ij r_ij^2, shape (n_draws,) each.

    .. math:: CD = P^{-1/2} \sum_{i<j} \sqrt{T_{ij}} r_{ij}, \quad r_{ij} = \sum_t z_{it} z_{jt} / T_{ij}

    over P pairs with T_ij periods in common, z residuals over their root mean square in all the unit's periods. The
    second, of Breusch & Pagan (1980, doi:10.2307/2297111), also sees what moves units in opposite directions. Units
    with the same periods share T_ij, so sums over pairs are products of sums z_g and of matrices Z_g'Z_g by pattern g:
    :math:`\sum_{i \in g, j \in h} (z_i'z_j)^2 = tr(Z_g'Z_g Z_h'Z_h)`.
    """
    n_draws, _, n_times = within.shape
    n_patterns = grid.shared.shape[0]
    counts = grid.present.sum(axis=1)
    length = np.sqrt((within**2).sum(axis=2) / counts)
    z = within / np.where(length > 0, length, 1.0)[:, :, None]
    sums = np.empty((n_draws, n_patterns, n_times))
    products = np.empty((n_draws, n_patterns, n_times**2))
    for code in range(n_patterns):
        own = z[:, grid.pattern == code]
        sums[:, code] = own.sum(axis=1)
        products[:, code] = (own.transpose(0, 2, 1) @ own).reshape(n_draws, -1)
    shared = np.where(grid.shared > 0, grid.shared, np.inf)
    own_shared = np.diag(grid.shared)[grid.pattern]  # z_i'z_i = T_i
    linear = np.einsum("dgh,gh->d", sums @ sums.transpose(0, 2, 1), shared**-0.5) - np.sqrt(own_shared).sum()
    squared = np.einsum("dgh,gh->d", products @ products.transpose(0, 2, 1), 1 / shared) - own_shared.sum()
    return linear / 2 / np.sqrt(pairs), squared / 2 / pairs


def _variance_ratio(squares: np.ndarray, grid: Grid, counts: np.ndarray) -> np.ndarray:
    """Largest over smallest regional variance within units, shape (n_draws,)."""
    member = grid.region[:, None] == np.arange(grid.region.max() + 1)
    freedom = (counts - 1) @ member
    variances = (squares.sum(axis=2) @ member)[:, freedom > 0] / freedom[freedom > 0]
    ratio: np.ndarray = variances.max(axis=1) / variances.min(axis=1)
    return ratio


def _judged(statistic: str, order: int | None, real: np.ndarray, copy: np.ndarray) -> tuple[dict[str, object], Check]:
    """The row of the table and the Check of one statistic."""
    p = float(np.mean(copy >= real))
    lower, upper = np.percentile(copy, [2.5, 97.5])
    unusual = min(p, 1 - p) < UNUSUAL
    side = "larger" if p < 0.5 else "smaller"
    row: dict[str, object] = {
        "statistic": statistic,
        "order": order,
        "observed": float(np.median(real)),
        "replicated_lower": float(lower),
        "replicated_upper": float(upper),
        "posterior_predictive_p": p,
        "reading": f"{side} than the model's errors have it" if unusual else "as the model's errors have it",
    }
    name = f"residuals: {statistic}" + (f", order {order}" if order else "")
    advice = f"{side} than the model's errors have it: {_ADVICE[statistic]}" if unusual else ""
    return row, Check(name, min(p, 1 - p), UNUSUAL, "warn" if unusual else "pass", advice)

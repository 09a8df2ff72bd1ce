"""Diagnostics of posterior draws as Checks.

Thresholds follow Vehtari et al. (2021, doi:10.1214/20-BA1221): R-hat below 1.01, bulk and tail ESS above 400 (100 a
chain for four chains); E-BFMI above 0.3 (Betancourt 2016, arXiv:1604.00695); power-scaling sensitivity below 0.05
(Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from bayesgov.convergence import convergence
from bayesgov.fits import Check, Status, element_names

RHAT_MAX = 1.01
ESS_MIN = 400.0
EBFMI_MIN = 0.3
POWER_SCALING_MAX = 0.05


def posterior_checks(tree: xr.DataTree) -> tuple[Check, ...]:
    """Convergence and sampler checks over every variable of the posterior group.

    NaN counts as a failure: a diagnostic that could not be computed never passes.
    """
    posterior = tree["posterior"].to_dataset()
    statistics = tree["sample_stats"].to_dataset()
    divergences = float(statistics["diverging"].sum())
    depth_hits = float(statistics["reached_max_treedepth"].sum())
    ebfmi = float(_energy_information(statistics["energy"].transpose("chain", "draw").values).min())
    rhat, bulk, tail = _per_variable(posterior)
    return (
        _extreme("rhat_max", rhat, RHAT_MAX, "run longer or reparameterise"),
        _extreme("ess_bulk_min", bulk, ESS_MIN, "run longer or reparameterise"),
        _extreme("ess_tail_min", tail, ESS_MIN, "run longer: tail quantiles are uncertain"),
        _verdict("divergences", divergences, 0.0, divergences == 0, "raise target_accept or reparameterise"),
        _verdict("max_tree_depth_hits", depth_hits, 0.0, depth_hits == 0, "reparameterise: trajectories end too early"),
        _verdict("ebfmi_min", ebfmi, EBFMI_MIN, ebfmi > EBFMI_MIN, "reparameterise: energy moves too slowly"),
    )


def _energy_information(energy: np.ndarray) -> np.ndarray:
    """E-BFMI of every chain: mean square step of the energy over its variance (Betancourt 2016)."""
    found: np.ndarray = np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1, ddof=1)
    return found


def _per_variable(posterior: xr.Dataset) -> list[xr.Dataset]:
    """R-hat, bulk and tail ESS of every element of every variable; all elements at once."""
    first = [posterior[name].transpose("chain", "draw", ...).isel(chain=0, draw=0, drop=True) for name in posterior]
    arrays = [posterior[name].transpose(..., "chain", "draw").values for name in posterior]
    stacked = [values.reshape(-1, *values.shape[-2:]) for values in arrays]
    if not stacked:
        return [xr.Dataset()] * 3
    found = convergence(np.concatenate(stacked))
    ends = np.cumsum([len(values) for values in stacked])[:-1]
    return [
        xr.Dataset(
            {
                variable.name: variable.copy(data=part.reshape(variable.shape))
                for variable, part in zip(first, np.split(values, ends), strict=True)
            }
        )
        for values in (found.rhat, found.ess_bulk, found.ess_tail)
    ]


def _extreme(name: str, per_variable: xr.Dataset, threshold: float, advice: str) -> Check:
    """The worst value over all elements of all variables, with the element's name in the advice."""
    worst_is_large = name.endswith("max")
    worst, where = None, ""
    for variable in per_variable.data_vars.values():
        flat = np.atleast_1d(variable.values).ravel()
        position = int(np.argmax(np.where(np.isnan(flat), np.inf, flat if worst_is_large else -flat)))
        value = float(flat[position])
        if worst is None or np.isnan(value) or (value > worst if worst_is_large else value < worst):
            worst, where = value, element_names(variable)[position]
        if np.isnan(value):
            break
    if worst is None:
        return Check(name, None, threshold, "not applicable", "the posterior has no variables")
    passed = worst < threshold if worst_is_large else worst > threshold
    return _verdict(name, worst, threshold, passed, f"{where}: {advice}")


def _verdict(name: str, value: float, threshold: float, passed: bool, advice: str) -> Check:
    status: Status = "pass" if passed else "fail"
    return Check(name, value, threshold, status, "" if passed else advice)


def power_scaling(tree: xr.DataTree, variables: list[str]) -> xr.Dataset:
    """Sensitivity of each estimand to power-scaling the prior and the likelihood.

    Parameters
    ----------
    tree : xarray.DataTree
        With groups ``posterior``, ``log_prior`` (top-level priors only) and ``log_likelihood``.
    variables : list of str
        Posterior variables to report on.

    Returns
    -------
    xarray.Dataset
        Every variable with an extra dim ``component`` = ("prior", "likelihood"): the cumulative Jensen-Shannon
        distance per unit of log2 power (Kallioinen et al. 2024).
    """
    import arviz_stats as az  # here, because it takes seconds to load

    parts = [az.psense(tree, var_names=variables, group=group) for group in ("prior", "likelihood")]
    both: xr.Dataset = xr.concat(parts, dim=xr.Variable("component", ["prior", "likelihood"]))
    return both


def power_scaling_check(sensitivity: xr.Dataset) -> Check:
    """Warn where the prior moves an estimand by more than the usual threshold."""
    check = _extreme(
        "prior_sensitivity_max",
        sensitivity.sel(component="prior", drop=True),
        POWER_SCALING_MAX,
        "the conclusion depends on the prior: see the power-scaling table",
    )
    return check if check.status == "pass" else Check(check.name, check.value, check.threshold, "warn", check.advice)

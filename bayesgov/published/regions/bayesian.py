"""The hierarchical Bayesian model of printed regional estimates, all terms in one PyMC model.

For term j and region r, with b the printed estimate and s = |b / t| its standard error::

    b[j, r] | theta[j, r] ~ Normal(theta[j, r], s[j, r])
    theta[j, r]           ~ Normal(mu[j], tau[j])
    mu[j]                 ~ Normal(0, mean_prior_scale · u[j])
    tau[j]                ~ HalfNormal(heterogeneity_prior_scale · u[j])
    1 / s[j, r]           ~ Uniform(1 / s_high, 1 / s_low)

u[j] is the term's typical standard error. The last line carries the rounding of t: 1/s = |t| / |b| is uniform over
what the printed b and t allow, which for t printed as 0.00 reaches down to 1/s = 0, a cell that says nothing. The
region effects are integrated out for sampling and drawn again exactly afterwards, so the sampler sees 2 J + J R
parameters and no funnel (Röver 2020, doi:10.18637/jss.v093.i06).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pymc as pm
import xarray as xr
from scipy import stats

from bayesgov import diagnostics, sampling
from bayesgov.fits import PosteriorFit
from bayesgov.published.regions.design import RegionTable
from bayesgov.sampling import CompiledModel, SamplingOptions

TERMS = ("mu", "tau", "theta", "theta_new")


@dataclass(frozen=True, slots=True, eq=False)
class ModelInputs:
    """What the compiled model takes as data; another reading or prior needs no compilation.

    Attributes
    ----------
    printed : ndarray, shape (n_terms, n_regions)
        Estimates.
    root_precision_low, root_precision_high : ndarray, shape (n_terms, n_regions)
        Limits of 1 / s; equal where the standard error is taken as known.
    mu_scale, tau_scale : ndarray, shape (n_terms,)
        Prior scales, in the units of the estimates.
    """

    printed: np.ndarray
    root_precision_low: np.ndarray
    root_precision_high: np.ndarray
    mu_scale: np.ndarray
    tau_scale: np.ndarray

    def as_data(self) -> dict[str, np.ndarray]:
        """Values by the names of the model's ``pm.Data``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def with_known_std_error(self, std_error: np.ndarray) -> ModelInputs:
        """The same with the standard errors known, shape (n_terms, n_regions)."""
        return replace(self, root_precision_low=1.0 / std_error, root_precision_high=1.0 / std_error)

    def with_tau_scale(self, factor: float) -> ModelInputs:
        """The same with the prior scale of tau multiplied."""
        return replace(self, tau_scale=factor * self.tau_scale)

    def root_precision(self, position: np.ndarray) -> np.ndarray:
        """1 / s at relative positions in [0, 1] between its limits."""
        width = self.root_precision_high - self.root_precision_low
        return np.asarray(self.root_precision_low + width * position)


def model_inputs(table: RegionTable, mean_prior_scale: float, heterogeneity_prior_scale: float) -> ModelInputs:
    """Inputs of the model for a table, rounding carried."""
    unit = table.typical_std_error
    return ModelInputs(
        printed=table.estimate,
        root_precision_low=1.0 / table.std_error_high,
        root_precision_high=1.0 / table.std_error_low,
        mu_scale=mean_prior_scale * unit,
        tau_scale=heterogeneity_prior_scale * unit,
    )


def build_model(table: RegionTable, inputs: ModelInputs) -> pm.Model:
    """The PyMC model with the region effects integrated out.

    Returns
    -------
    pm.Model
        Free variables ``mu`` and ``tau`` (term) and ``position`` (term, region), the place of 1/s between its limits.
    """
    cell = ("term", "region")
    with pm.Model(coords={"term": list(table.terms), "region": list(table.regions)}) as model:
        printed = pm.Data("printed", inputs.printed, dims=cell)
        low = pm.Data("root_precision_low", inputs.root_precision_low, dims=cell)
        high = pm.Data("root_precision_high", inputs.root_precision_high, dims=cell)
        mu = pm.Normal("mu", 0.0, pm.Data("mu_scale", inputs.mu_scale, dims="term"), dims="term")
        tau = pm.HalfNormal("tau", pm.Data("tau_scale", inputs.tau_scale, dims="term"), dims="term")
        position = pm.Uniform("position", 0.0, 1.0, dims=cell)
        root_precision = low + (high - low) * position
        # b ~ N(mu, tau² + s²)
        spread = pm.math.sqrt(tau[:, None] ** 2 + root_precision**-2)
        pm.Normal("estimate", mu[:, None], spread, observed=printed, dims=cell)
    return model


def log_likelihood(draws: xr.Dataset, inputs: ModelInputs) -> xr.DataArray:
    """log N(b | mu, tau² + s²) of every cell at every draw, dims (chain, draw, term, region).

    Parameters
    ----------
    draws : xarray.Dataset
        ``mu``, ``tau`` (chain, draw, term) and ``position`` (chain, draw, term, region).
    """
    position = draws["position"]
    std_error = 1.0 / inputs.root_precision(position.values)
    mu, tau = draws["mu"].values[..., None], draws["tau"].values[..., None]
    density = stats.norm.logpdf(inputs.printed, mu, np.hypot(tau, std_error))
    return xr.DataArray(density, dims=position.dims, coords=position.coords, name="estimate")


def redraw_region_effects(draws: xr.Dataset, inputs: ModelInputs, rng: np.random.Generator) -> xr.Dataset:
    """Exact draws of the region effects given the sampled parameters, and of the effect in a new region.

    With w = 1/s and B = tau² w² / (1 + tau² w²), the share of a region's own estimate::

        theta | b, mu, tau, w ~ Normal(mu + B (b - mu), tau √(1 - B))
        theta_new | mu, tau   ~ Normal(mu, tau)

    (Röver 2020, doi:10.18637/jss.v093.i06).

    Returns
    -------
    xarray.Dataset
        ``theta`` and ``share`` (chain, draw, term, region); ``theta_new`` and ``i2`` (chain, draw, term), where i2 is
        tau² over tau² plus the typical variance of Higgins & Thompson (2002, eq. 9, doi:10.1002/sim.1186).
    """
    position = draws["position"]
    precision = inputs.root_precision(position.values) ** 2
    mu, tau = draws["mu"].values, draws["tau"].values
    signal = tau[..., None] ** 2 * precision
    share = signal / (1.0 + signal)
    centre = mu[..., None] + share * (inputs.printed - mu[..., None])
    theta = centre + tau[..., None] * np.sqrt(1.0 - share) * rng.standard_normal(share.shape)
    theta_new = mu + tau * rng.standard_normal(mu.shape)
    total, squares = precision.sum(axis=-1), (precision**2).sum(axis=-1)
    typical_variance = (precision.shape[-1] - 1) * total / (total**2 - squares)
    cell, term = position.dims, draws["mu"].dims
    coords = {name: position.coords[name] for name in ("chain", "draw", "term", "region")}
    return xr.Dataset(
        {
            "theta": (cell, theta),
            "share": (cell, share),
            "theta_new": (term, theta_new),
            "i2": (term, tau**2 / (tau**2 + typical_variance)),
        },
        coords=coords,
    )


def sample_posterior(compiled: CompiledModel, inputs: ModelInputs, options: SamplingOptions) -> xr.DataTree:
    """Posterior and prior under these inputs, region effects redrawn, with log-likelihood and log-prior groups."""
    tree = sampling.sample(compiled, options, data=inputs.as_data())
    rng = np.random.default_rng([options.seed, 1])
    posterior = tree["posterior"].to_dataset()
    tree["posterior"] = xr.DataTree(posterior.merge(redraw_region_effects(posterior, inputs, rng)))
    tree["log_likelihood"] = xr.DataTree(log_likelihood(posterior, inputs).to_dataset())
    tree["log_prior"] = xr.DataTree(sampling.log_prior(compiled.model, tree, ["mu", "tau"]))
    return tree


def power_scaling(tree: xr.DataTree) -> xr.Dataset:
    """Power-scaling sensitivity of every term's mu, tau and new-region effect.

    Terms are independent a priori and a posteriori, so each is scaled with its own prior and likelihood alone: the
    other terms would add noise to the importance weights and nothing else.

    Returns
    -------
    xarray.Dataset
        ``mu``, ``tau``, ``theta_new`` with dims (component, term).
    """
    names = ["mu", "tau", "theta_new"]
    posterior = tree["posterior"].to_dataset()[names]
    groups = {
        "posterior": posterior,
        "log_prior": tree["log_prior"].to_dataset().assign_coords(term=posterior["term"]),
        "log_likelihood": tree["log_likelihood"].to_dataset(),
    }
    parts = []
    for index in range(posterior.sizes["term"]):
        one_term = {name: group.isel(term=[index]) for name, group in groups.items()}
        parts.append(diagnostics.power_scaling(xr.DataTree.from_dict(one_term), names))
    return xr.concat(parts, dim="term")


def fit(compiled: CompiledModel, inputs: ModelInputs, options: SamplingOptions, *, label: str) -> PosteriorFit:
    """Sample, redraw and check.

    Returns
    -------
    PosteriorFit
        The tree's group ``power_scaling`` holds the sensitivity that the last check summarises.
    """
    tree = sample_posterior(compiled, inputs, options)
    sensitivity = power_scaling(tree)
    tree["power_scaling"] = xr.DataTree(sensitivity)
    checks = (*diagnostics.posterior_checks(tree), diagnostics.power_scaling_check(sensitivity))
    return PosteriorFit(label=label, tree=tree, terms=TERMS, checks_run=checks)

"""Bayesian shrinkage of printed coefficients: the normal-means model with a regularised horseshoe.

For row r with printed estimate b and standard error s, both taken as data::

    b[r]    | beta[r] ~ Normal(beta[r], s[r])      for the rows that the reading includes
    beta[r]           ~ Normal(0, scale[r])        regularised horseshoe

The covariances of the estimates are not printed, so rows are independent given beta. For sampling beta is integrated
out and drawn again exactly afterwards; every reading is a refit of one model with other data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pymc as pm
import xarray as xr
from scipy import stats

from bayesgov import diagnostics, priors, sampling
from bayesgov.fits import PosteriorFit
from bayesgov.fused import FusedDensity, compile_fused
from bayesgov.published.coefficients.design import CoefficientReading
from bayesgov.published.coefficients.kernel import normal_means_log_density
from bayesgov.sampling import CompiledModel, SamplingOptions
from bayesgov.shrinkage_kernel import FAMILIES, log_scales, n_hyper
from bayesgov.spec import CoefficientsSpec


@dataclass(frozen=True, slots=True, eq=False)
class ModelInputs:
    """What one reading gives the model.

    Attributes
    ----------
    estimate, std_error, included : ndarray, shape (n_rows,)
        ``included`` is 1 or 0; an excluded row has any finite standard error, which is never used.
    tau0 : ndarray, shape ()
        Global scale of the horseshoe.
    """

    estimate: np.ndarray
    std_error: np.ndarray
    included: np.ndarray
    tau0: np.ndarray

    def as_data(self) -> dict[str, np.ndarray]:
        """Values by the names of the model's ``pm.Data``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def model_inputs(table: CoefficientReading, spec: CoefficientsSpec) -> ModelInputs:
    """Data of the model for one reading; the horseshoe's tau0 from the rows that it includes."""
    n_included = int(table.included.sum())
    expected = spec.expected_nonzero * n_included / len(table.rows)
    return ModelInputs(
        estimate=table.estimate,
        std_error=np.where(table.included, table.std_error, 1.0),
        included=table.included.astype(float),
        tau0=np.asarray(priors.horseshoe_tau0(n_included, expected, table.typical_standard_error)),
    )


def build_model(rows: tuple[str, ...], spec: CoefficientsSpec, inputs: ModelInputs) -> pm.Model:
    """The model as stated at the top of this module."""
    with pm.Model(coords={"row": rows}) as model:
        data = {name: pm.Data(name, value) for name, value in inputs.as_data().items()}
        scale = priors.regularised_horseshoe(
            "row", tau0=data["tau0"], slab_scale=spec.slab_scale, slab_df=spec.slab_df
        ).scale
        beta = pm.Normal("beta", 0.0, scale, dims="row")
        likelihood = pm.logp(pm.Normal.dist(beta, data["std_error"]), data["estimate"])
        pm.Potential("estimates", (data["included"] * likelihood).sum())
    return model


def fused_density(rows: tuple[str, ...], spec: CoefficientsSpec, inputs: ModelInputs) -> FusedDensity:
    """The model's log posterior with beta integrated out; equal to :func:`build_model`, and tested so."""
    n_rows = len(rows)
    n_dim = n_hyper("horseshoe", n_rows)

    def constants(tau0: np.ndarray) -> np.ndarray:
        return np.array([float(tau0), 0.5 * spec.slab_df, 0.5 * spec.slab_df * spec.slab_scale**2])

    def log_density(
        theta: np.ndarray, estimate: np.ndarray, std_error: np.ndarray, included: np.ndarray, tau0: np.ndarray
    ) -> tuple[float, np.ndarray]:
        gradient = np.empty(n_dim)
        return normal_means_log_density(theta, estimate, std_error, included, constants(tau0), gradient), gradient

    def expand(theta: np.ndarray, rng: np.random.Generator, **data: np.ndarray) -> dict[str, np.ndarray]:
        estimate, std_error, included, tau0 = (data[name] for name in ("estimate", "std_error", "included", "tau0"))
        log_scale = np.empty(n_rows)
        log_scales(FAMILIES["horseshoe"], theta, constants(tau0), log_scale)
        # beta | scale, b ~ N(b precision_b / precision, 1 / precision)
        from_data = included * std_error**-2
        precision = from_data + np.exp(-2 * log_scale)
        beta = from_data * estimate / precision + rng.standard_normal(n_rows) / np.sqrt(precision)
        positive = np.exp(theta)
        return {"beta": beta, "tau": positive[0], "slab_variance": positive[1], "lambda": positive[2:]}

    initial = np.zeros(n_dim)
    initial[0] = np.log(float(inputs.tau0))
    dims: dict[str, tuple[str, ...]] = {"beta": ("row",), "tau": (), "slab_variance": (), "lambda": ("row",)}
    return FusedDensity(n_dim, log_density, expand, dims, inputs.as_data(), initial)


def prepare(table: CoefficientReading, spec: CoefficientsSpec) -> CompiledModel:
    """The model ready to sample, for this and any other reading of the same rows."""
    inputs = model_inputs(table, spec)
    return compile_fused(build_model(table.rows, spec, inputs), fused_density(table.rows, spec, inputs))


def fit(
    compiled: CompiledModel, table: CoefficientReading, spec: CoefficientsSpec, options: SamplingOptions
) -> PosteriorFit:
    """Sample the posterior under one reading.

    Returns
    -------
    PosteriorFit
        Estimands ``beta[row]`` of the included rows; ``shrinkage_factor`` is the share of each estimate that the prior
        takes away, SE² / (SE² + scale²). Groups ``log_likelihood``, ``log_prior`` and ``power_scaling``.
    """
    inputs = model_inputs(table, spec)
    tree = sampling.sample(compiled, options, data=inputs.as_data())
    kept = {"row": np.flatnonzero(table.included)}
    posterior = tree["posterior"].to_dataset().isel(kept)
    std_error = xr.DataArray(table.std_error[table.included], dims="row")
    estimate = xr.DataArray(table.estimate[table.included], dims="row")
    variance = (posterior["tau"] * posterior["lambda"]) ** 2
    scale2 = 1 / (1 / posterior["slab_variance"] + 1 / variance)
    posterior["shrinkage_factor"] = (std_error**2 / (std_error**2 + scale2)).transpose("chain", "draw", "row")
    pointwise = stats.norm.logpdf(estimate.values, posterior["beta"].values, std_error.values)
    tree["posterior"] = xr.DataTree(posterior)
    tree["prior"] = xr.DataTree(tree["prior"].to_dataset().isel(kept))
    tree["log_likelihood"] = xr.DataTree(
        xr.Dataset({"estimates": (("chain", "draw", "row"), pointwise)}, coords=posterior["beta"].coords)
    )
    tree["log_prior"] = xr.DataTree(sampling.log_prior(compiled.model, tree, ("tau", "slab_variance")))
    sensitivity = diagnostics.power_scaling(tree, ["beta"])
    tree["power_scaling"] = xr.DataTree(sensitivity)
    tree.attrs.update(prior="horseshoe", reading=table.reading, tau0=float(inputs.tau0))
    checks = (*diagnostics.posterior_checks(tree), diagnostics.power_scaling_check(sensitivity))
    return PosteriorFit(f"coefficients-horseshoe-{table.reading}", tree, ("beta",), checks)

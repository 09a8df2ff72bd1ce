"""The Bayesian cumulative-logit model of all printed tables, with shrinkage of the option effects.

For item i, option o and level k, with the counts n[i, o, k] and the composite weight w::

    P(y <= k | i, o)  = logistic(cutpoint[i, k] - option_effect[i, o])
    option_effect[i]  = basis[i] @ contrast[i]          zero-sum over the options
    contrast[i, j]    ~ Normal(0, scale[i])             scale from the shrinkage prior, one an item
    baseline[i]       ~ Dirichlet(1, ..., 1),  cutpoint[i, k] = logit(baseline[i, 1] + ... + baseline[i, k])
    log-likelihood    = w sum n[i, o, k] log P(y = k | i, o)

The basis is orthonormal, so the prior of an item's effects does not depend on which basis it is: all options are
exchangeable. With the normal prior the scale is a constant, the posterior is a product over items, and the items are
fitted *apart*; with the others they share hyperparameters and are fitted *together*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pymc as pm
import xarray as xr

from bayesgov import diagnostics, priors, sampling
from bayesgov.fits import PosteriorFit
from bayesgov.fused import FusedDensity, compile_fused
from bayesgov.published.contingency.conjugate import cramers_v
from bayesgov.published.contingency.design import ContingencyDesign
from bayesgov.sampling import CompiledModel, SamplingOptions
from bayesgov.shrinkage_kernel import FAMILIES, log_scales, n_hyper
from bayesgov.spec import ContingencySpec, ShrinkagePrior
from bayesgov.survey.kernel import tables_log_density
from bayesgov.survey.likelihood import cumulative_logits, log_likelihood_graph, log_probabilities

TERMS = ("option_effect", "cramers_v")


@dataclass(frozen=True, slots=True, eq=False)
class TablesModel:
    """A model that is ready to sample, with what its draws need afterwards.

    Attributes
    ----------
    prior : {"normal", "horseshoe", "r2d2"}
    compiled : CompiledModel
    top_level : tuple of str
        Variables whose prior strength the sensitivity analysis scales.
    design : ContingencyDesign
    """

    prior: ShrinkagePrior
    compiled: CompiledModel
    top_level: tuple[str, ...]
    design: ContingencyDesign


def typical_standard_error(design: ContingencyDesign) -> float:
    """Standard error of a contrast of average information."""
    return float(design.curvature.mean() ** -0.5)


def build_model(design: ContingencyDesign, spec: ContingencySpec, prior: ShrinkagePrior) -> pm.Model:
    """The model as stated at the top of this module; ``weight`` is ``pm.Data``."""
    n_items, n_options, n_levels = design.counts.shape
    coords = {
        "item": design.items,
        "option": design.options,
        "level": design.levels,
        "axis": [str(j + 1) for j in range(n_options - 1)],
    }
    with pm.Model(coords=coords) as model:
        weight = pm.Data("weight", 1.0)
        cutpoints = priors.induced_dirichlet("baseline", ("item", "level"), n_items, n_levels)
        scale = _shrinkage(design, spec, prior).scale
        contrast = pm.Normal("contrast", 0.0, scale[:, None], dims=("item", "axis"))
        eta = (design.basis * contrast[:, None, :]).sum(axis=-1)
        pm.Potential("tables", weight * log_likelihood_graph(design.counts, eta, cutpoints[:, None, :]))
    return model


def _shrinkage(design: ContingencyDesign, spec: ContingencySpec, prior: ShrinkagePrior) -> priors.ShrinkageScale:
    n_items = len(design.items)
    if prior == "horseshoe":
        tau0 = priors.horseshoe_tau0(n_items, spec.expected_nonzero_items, typical_standard_error(design))
        return priors.regularised_horseshoe("item", tau0=tau0, slab_scale=spec.slab_scale, slab_df=spec.slab_df)
    if prior == "r2d2":
        return priors.r2d2(
            "item",
            n_items,
            r2_mean=spec.r2_mean,
            r2_concentration=spec.r2_concentration,
            variance_share=_variance_share(design),
        )
    return priors.fixed_scale(n_items, spec.normal_scale, "contrast")


def _variance_share(design: ContingencyDesign) -> float:
    """Latent variance explained by effects of one item whose contrasts have standard deviation one.

    E[sum_o q_o effect_o²] = sum_o q_o (1 - 1 / n_options) for any option shares q.
    """
    return 1.0 - 1.0 / len(design.options)


def _kernel_constants(design: ContingencyDesign, spec: ContingencySpec, prior: ShrinkagePrior) -> np.ndarray:
    n_items = len(design.items)
    if prior == "horseshoe":
        tau0 = priors.horseshoe_tau0(n_items, spec.expected_nonzero_items, typical_standard_error(design))
        return np.array([tau0, 0.5 * spec.slab_df, 0.5 * spec.slab_df * spec.slab_scale**2])
    if prior == "r2d2":
        factor = n_items * priors.LATENT_VARIANCE / _variance_share(design)
        mean, size = spec.r2_mean, spec.r2_concentration
        return np.array([mean * size, (1 - mean) * size, np.log(factor)])
    return np.array([np.log(spec.normal_scale)])


def fused_density(design: ContingencyDesign, spec: ContingencySpec, prior: ShrinkagePrior) -> FusedDensity:
    """The model's log posterior over unconstrained coordinates; equal to :func:`build_model`, and tested so."""
    n_items, _, n_levels = design.counts.shape
    n_contrasts = design.basis.shape[2]
    first_u = n_items * (n_levels - 1)
    first_hyper = first_u + n_items * n_contrasts
    family, fixed = FAMILIES[prior], _kernel_constants(design, spec, prior)
    counts, basis, mode, curvature = (
        np.ascontiguousarray(array, dtype=float)
        for array in (design.counts, design.basis, design.mode, design.curvature)
    )
    n_dim = first_hyper + n_hyper(prior, n_items)

    def log_density(theta: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = np.empty(n_dim)
        value = tables_log_density(theta, counts, float(weight), basis, mode, curvature, family, fixed, gradient)
        return value, gradient

    def expand(theta: np.ndarray, _rng: np.random.Generator, weight: np.ndarray) -> dict[str, np.ndarray]:
        gaps = np.exp(theta[n_items:first_u].reshape(n_items, n_levels - 2))
        cutpoints = theta[:n_items, None] + np.concatenate([np.zeros((n_items, 1)), gaps.cumsum(axis=1)], axis=1)
        hyper = theta[first_hyper:]
        named = _named_hyper(prior, hyper)
        scale = _scale(prior, hyper, fixed, n_items)
        information = float(weight) * curvature
        total = information + scale[:, None] ** -2
        u = theta[first_u:first_hyper].reshape(n_items, n_contrasts)
        contrast = information * mode / total + u / np.sqrt(total)
        baseline = np.exp(log_probabilities(np.zeros(n_items), cutpoints))
        return {"baseline": baseline, "contrast": contrast, **named}

    initial = np.zeros(n_dim)
    cuts = np.array([found.cutpoints for found in design.maxima])
    initial[:n_items] = cuts[:, 0]
    initial[n_items:first_u] = np.log(np.diff(cuts, axis=1)).ravel()
    if prior == "horseshoe":
        initial[first_hyper] = np.log(fixed[0])
    dims = {"baseline": ("item", "level"), "contrast": ("item", "axis"), **_HYPER_DIMS[prior]}
    return FusedDensity(n_dim, log_density, expand, dims, {"weight": np.asarray(1.0)}, initial)


_HYPER_DIMS: dict[ShrinkagePrior, dict[str, tuple[str, ...]]] = {
    "normal": {},
    "horseshoe": {"tau": (), "slab_variance": (), "lambda": ("item",)},
    "r2d2": {"r2": (), "portion": ("item",)},
}


def _named_hyper(prior: ShrinkagePrior, hyper: np.ndarray) -> dict[str, np.ndarray]:
    if prior == "horseshoe":
        positive = np.exp(hyper)
        return {"tau": positive[0], "slab_variance": positive[1], "lambda": positive[2:]}
    if prior == "r2d2":
        return {"r2": 1 / (1 + np.exp(-hyper[0])), "portion": np.exp(hyper[1:])}
    return {}


def _scale(prior: ShrinkagePrior, hyper: np.ndarray, fixed: np.ndarray, n_items: int) -> np.ndarray:
    log_scale = np.empty(n_items)
    log_scales(FAMILIES[prior], hyper, fixed, log_scale)
    return np.exp(log_scale)


def prepare(design: ContingencyDesign, spec: ContingencySpec, prior: ShrinkagePrior) -> TablesModel:
    """Build a model and make it ready to sample."""
    model = build_model(design, spec, prior)
    with pm.Model(coords={"item": design.items}):
        top_level = _shrinkage(design, spec, prior).top_level
    return TablesModel(prior, compile_fused(model, fused_density(design, spec, prior)), top_level, design)


def fit(ready: TablesModel, options: SamplingOptions, *, weight: float = 1.0) -> PosteriorFit:
    """Sample one posterior.

    Parameters
    ----------
    ready : TablesModel
    options : SamplingOptions
    weight : float
        Power of the composite likelihood.

    Returns
    -------
    PosteriorFit
        Estimands ``option_effect[item, option]`` and ``cramers_v[item]`` (implied by the model and the printed option
        totals); groups ``log_likelihood`` (one value a table, weighted), ``log_prior`` and ``power_scaling``.
    """
    tree = sampling.sample(ready.compiled, options, data={"weight": np.asarray(weight)})
    posterior = _with_estimands(tree["posterior"].to_dataset(), ready.design)
    tree["posterior"] = xr.DataTree(posterior)
    tree["prior"] = xr.DataTree(_with_estimands(tree["prior"].to_dataset(), ready.design))
    tree["log_likelihood"] = xr.DataTree(_table_log_likelihood(posterior, ready.design, weight))
    tree["log_prior"] = xr.DataTree(sampling.log_prior(ready.compiled.model, tree, ready.top_level))
    sensitivity = diagnostics.power_scaling(tree, ["option_effect"])
    tree["power_scaling"] = xr.DataTree(sensitivity)
    tree.attrs.update(prior=ready.prior, composite_weight=weight, likelihood="composite: product over items")
    checks = (*diagnostics.posterior_checks(tree), diagnostics.power_scaling_check(sensitivity))
    suffix = "" if weight == 1 else f"-weight-{weight:g}"
    return PosteriorFit(f"contingency-{ready.prior}{suffix}", tree, TERMS, checks)


def _with_estimands(draws: xr.Dataset, design: ContingencyDesign) -> xr.Dataset:
    effect = np.einsum("ioj,cdij->cdio", design.basis, draws["contrast"].values)
    probability = np.exp(log_probabilities(effect, _cutpoints(draws)[:, :, :, None, :]))
    share = design.option_totals / design.option_totals.sum(axis=1, keepdims=True)
    return draws.assign_coords(option=list(design.options)).assign(
        option_effect=(("chain", "draw", "item", "option"), effect),
        cramers_v=(("chain", "draw", "item"), cramers_v(share[:, :, None] * probability)),
    )


def _cutpoints(draws: xr.Dataset) -> np.ndarray:
    return cumulative_logits(draws["baseline"].transpose("chain", "draw", "item", "level").to_numpy())


def _table_log_likelihood(posterior: xr.Dataset, design: ContingencyDesign, weight: float) -> xr.Dataset:
    log_probability = log_probabilities(posterior["option_effect"].values, _cutpoints(posterior)[:, :, :, None, :])
    value = weight * np.einsum("iok,cdiok->cdi", design.counts, log_probability)
    return xr.Dataset(
        {"tables": (("chain", "draw", "item"), value)},
        coords={name: posterior.coords[name] for name in ("chain", "draw", "item")},
    )

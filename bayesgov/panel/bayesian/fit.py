"""Fit the hierarchical dynamic panel and check the draws."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr

from bayesgov import diagnostics, sampling
from bayesgov.fits import PosteriorFit
from bayesgov.fused import compile_density
from bayesgov.panel.bayesian.collapsed import (
    COORDINATES,
    CollapsedModel,
    collapsed_density,
    collapsed_model,
    is_collapsible,
    redraw_coefficients,
    scales_at,
)
from bayesgov.panel.bayesian.draws import named_draws, prior_draws, unit_effect_moments
from bayesgov.panel.bayesian.effects import derived_effects
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.sampling import CompiledModel, SamplingOptions

TERMS = (
    "alpha", "beta", "intercept", "delta", "year_effect", "alpha_mean", "beta_mean", "region_sd", "year_sd", "unit_sd",
    "error_sd", "degrees_of_freedom",
)  # fmt: skip


def fit_bayesian(design: PanelDesign, spec: DynamicPanelSpec, label: str = "", seed: int | None = None) -> PosteriorFit:
    """Sample the posterior of a dynamic panel.

    Gaussian models with independent regional coefficients go through the collapsed density; the others through the
    compiled graph of :func:`bayesgov.panel.bayesian.model.build_model`.

    Parameters
    ----------
    design : PanelDesign
    spec : DynamicPanelSpec
    label : str
        Of the fit; empty takes the spec's.
    seed : int, optional
        Instead of the spec's.

    Returns
    -------
    PosteriorFit
        Its tree's group ``posterior`` is described at :func:`bayesgov.panel.bayesian.draws.named_draws`; a declared
        model adds its own parameters. Group ``unit_effects`` holds posterior means and standard deviations (not for
        declared models that integrate them out), group ``effects`` the quantities of
        :func:`bayesgov.panel.bayesian.effects.derived_effects`.
    """
    chosen = spec.sampling if seed is None else spec.sampling.model_copy(update={"seed": seed})
    options = SamplingOptions(**chosen.model_dump())
    tree = (sample_collapsed if is_collapsible(spec) else _declared_tree)(design, spec, options)
    tree["effects"] = xr.DataTree(derived_effects(tree["posterior"].to_dataset(), design))
    tree.attrs["n_obs"], tree.attrs["n_units"] = design.n_obs, len(design.units)
    terms = tuple(name for name in TERMS if name in tree["posterior"].data_vars)
    return PosteriorFit(label or spec.label, tree, terms, diagnostics.posterior_checks(tree))


def sample_collapsed(design: PanelDesign, spec: DynamicPanelSpec, options: SamplingOptions) -> xr.DataTree:
    """Sample the standard deviations, redraw the coefficients, and name both.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, ``prior``, ``sample_stats`` and ``unit_effects``.
    """
    model = collapsed_model(design, spec)
    compiled = _compiled(design, model)
    with ThreadPoolExecutor(1) as background:  # chains leave Python alone; compiling takes as long as sampling
        compiling = background.submit(_compile_redraw, model)
        tree = sampling.sample(compiled, options)
        compiling.result()
    theta = tree["posterior"].to_dataset()[COORDINATES].values.reshape(-1, model.n_dim)
    scales = scales_at(model, theta)
    working = redraw_coefficients(model, scales, np.random.default_rng([options.seed, 1]))
    tree["posterior"] = xr.DataTree(named_draws(design, model, scales, working, options.chains))
    tree["unit_effects"] = _unit_effects(design, *unit_effect_moments(design, model, scales, working))
    return tree


def _compile_redraw(model: CollapsedModel) -> None:
    redraw_coefficients(model, scales_at(model, np.zeros((1, model.n_dim))), np.random.default_rng(0))


def _declared_tree(design: PanelDesign, spec: DynamicPanelSpec, options: SamplingOptions) -> xr.DataTree:
    from bayesgov.panel.bayesian.model import build_model

    tree = sampling.sample(build_model(design, spec), options)
    posterior = tree["posterior"].to_dataset()
    if "unit_effect" in posterior:
        effect = posterior["unit_effect"]
        moments = (effect.mean(("chain", "draw")).values, effect.std(("chain", "draw")).values)
        tree["unit_effects"] = _unit_effects(design, *moments)
    return tree


def _unit_effects(design: PanelDesign, mean: np.ndarray, sd: np.ndarray) -> xr.DataTree:
    effects = xr.Dataset({"mean": ("unit", mean), "sd": ("unit", sd)}, coords={"unit": list(design.units)})
    return xr.DataTree(effects)


def _compiled(design: PanelDesign, model: CollapsedModel) -> CompiledModel:
    def prior(options: SamplingOptions) -> xr.Dataset:
        scales, working = prior_draws(model, options.prior_draws, np.random.default_rng([options.seed, 2]))
        return named_draws(design, model, scales, working, 1)

    return compile_density(collapsed_density(model), {"coordinate": range(model.n_dim)}, prior=prior)

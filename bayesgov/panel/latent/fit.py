"""Fit the dynamic panel whose outcome is a latent factor of its indicators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov import diagnostics, sampling
from bayesgov.errors import InputError
from bayesgov.fits import Check, PosteriorFit
from bayesgov.fused import compile_density
from bayesgov.panel.bayesian.collapsed import is_collapsible
from bayesgov.panel.bayesian.effects import derived_effects
from bayesgov.panel.bayesian.fit import TERMS
from bayesgov.panel.bayesian.pooling import collapsible_version
from bayesgov.panel.latent.density import COORDINATES, latent_density
from bayesgov.panel.latent.draws import latent_prior_draws, posterior_draws
from bayesgov.panel.latent.expansion import expanded
from bayesgov.panel.latent.items import Items, measured_items
from bayesgov.panel.latent.model import LatentModel, latent_model
from bayesgov.panel.prepare import PreparedPanel
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.sampling import SamplingOptions
from bayesgov.steps import Progress

LATENT_TERMS = (*TERMS, "first_sd", "first_correlation", "composite_scale", "loading", "lasting_sd", "yearly_sd")


def fit_latent(
    frame: pd.DataFrame,
    prepared: PreparedPanel,
    spec: DynamicPanelSpec,
    *,
    seed: int | None = None,
    label: str = "latent",
    progress: Progress = lambda _message: None,
) -> PosteriorFit:
    """Sample the posterior of the measurement and the dynamic equations together.

    Parameters
    ----------
    frame : DataFrame
        Rows as they were read: a missing cell of an indicator is left out of the likelihood, not interpolated.
    prepared : PreparedPanel
        The same rows with their composite, whose weights set the units of the latent outcome, and their predictors.
    spec : DynamicPanelSpec
        With ``latent`` and ``indices``. Errors are normal and regional coefficients independent whatever the spec says
        of them; a check says so.
    seed : int, optional
        Instead of the spec's.
    label : str
    progress : callable

    Returns
    -------
    PosteriorFit
        Group ``posterior`` has the names of :func:`bayesgov.panel.bayesian.draws.named_draws` in the composite's units,
        and those of :class:`bayesgov.panel.latent.draws.LatentDraws`; group ``latent_scores`` the latent level by
        unit and time; group ``effects`` what follows from the coefficients.

    Raises
    ------
    InputError
        If the spec has no latent outcome, town and country have weights of their own, the outcome has a second lag, or
        an indicator has no values that differ.

    Notes
    -----
    Dynamic factor with indicator noise that partly stays with the unit (Bollen & Curran 2004,
    doi:10.1177/0049124103260222, with several indicators); the first level is modelled jointly with the unit effect
    (Anderson & Hsiao 1982, doi:10.1016/0304-4076(82)90095-1, case of a free initial distribution). Indicators are
    centred in the rows used, and their means taken as known. Priors beyond those of the dynamic panel: loadings
    zero-sum normal around one and half-normal noise as in :class:`bayesgov.panel.index_spec.LatentSpec`; the first
    level's standard deviation half-normal with ``unit_scale``, its regression as the intercept and the unit covariates,
    and its correlation with the unit effect LKJ with ``correlation_concentration``; all four by region where
    persistence is.
    """
    items = _items(frame, prepared, spec)
    model = expanded(latent_model(prepared.panel, items, collapsible_version(spec)))
    chosen = spec.sampling if seed is None else spec.sampling.model_copy(update={"seed": seed})
    options = SamplingOptions(**chosen.model_dump())
    tree = _sampled(model, options, progress)
    tree["effects"] = xr.DataTree(derived_effects(tree["posterior"].to_dataset(), model.design))
    tree.attrs["n_obs"], tree.attrs["n_units"] = model.design.n_obs, len(model.design.units)
    tree.attrs["item_cells"] = int(model.rows.counts.sum())
    tree.attrs["item_cells_missing"] = int(_levels_used(model) * len(model.item_names) - model.rows.counts.sum())
    terms = tuple(name for name in LATENT_TERMS if name in tree["posterior"].data_vars)
    return PosteriorFit(label, tree, terms, (*diagnostics.posterior_checks(tree), *_simplified(spec)))


def _items(frame: pd.DataFrame, prepared: PreparedPanel, spec: DynamicPanelSpec) -> Items:
    if spec.latent is None or spec.indices is None or prepared.indices is None:
        raise InputError("a latent outcome needs latent and indices in the spec: add them")
    composite = prepared.indices.composites.get("level")
    if composite is None:
        raise InputError(
            f"a latent outcome needs one set of weights for town and country; got loadings = "
            f'"{spec.indices.loadings}": use "shared" or "urban"'
        )
    return measured_items(frame, composite, spec)


def _sampled(model: LatentModel, options: SamplingOptions, progress: Progress) -> xr.DataTree:
    def prior(chosen: SamplingOptions) -> xr.Dataset:
        return latent_prior_draws(model, chosen.prior_draws, np.random.default_rng([chosen.seed, 2]))

    ready = compile_density(latent_density(model), {"coordinate": range(model.layout.size)}, prior=prior)
    tree = sampling.sample(ready, options, progress=progress)
    theta = tree["posterior"].to_dataset()[COORDINATES].values
    drawn = posterior_draws(model, theta)
    tree["posterior"], tree["latent_scores"] = xr.DataTree(drawn.posterior), xr.DataTree(drawn.scores)
    return tree


def _levels_used(model: LatentModel) -> int:
    """Cells of units and periods that have a latent level."""
    return model.design.n_obs + len(model.design.units)


def _simplified(spec: DynamicPanelSpec) -> tuple[Check, ...]:
    """What the spec asks for and the latent model does not have."""
    found = []
    if not is_collapsible(spec):
        reason = (
            "the latent model has normal errors, independent regional coefficients and free persistence; the spec has "
            f"errors {spec.errors}, correlation {spec.correlation}, stationarity {spec.stationarity}"
        )
        found.append(Check("latent model as in the spec", None, None, "not applicable", reason))
    return tuple(found)

r"""The Bayesian ordinal regression as a PyMC model.

For row i of level y with predictors x, of which z may have effects that differ between thresholds::

    P(y_i <= k)      = F((threshold_k - eta_ik) / s_i)      or the adjacent or continuation form of the family
    eta_ik           = offset_i + x_i beta + group_effect[group_i] + z_i departure_k,   log s_i = w_i log_scale
    threshold_k      = threshold_at_mean_k + mean(x) beta + mean(z) departure_k
    beta_j           ~ Normal(0, scale of its factor * unit_j)     shrinkage prior: bayesgov.survey.bayesian.shrinkage
    threshold_at_mean: level probabilities at the mean of the predictors ~ Dirichlet, or sorted normals
    group_effect     ~ Normal(0, group_sd), summing to zero; group_sd ~ HalfNormal(group_scale)
    departure_j      ~ Normal(0, departure_scale * unit_j), summing to zero over thresholds: beta is the average effect
    log_scale        ~ Normal(0, 0.5 * unit): a standard deviation of a scale predictor may well change s by half

A column under mo() enters as n_steps * (sum of the shares of the steps taken), simplex ~ Dirichlet(1, ..., 1), see
:mod:`bayesgov.survey.monotonic`; missing cells and the model of the incomplete predictors stand in
:mod:`bayesgov.survey.missing`.

In the cumulative family the thresholds of every z in the data's box (from the least to the largest value of each
column) have to be in order: gap_k = threshold_at_mean_{k+1} - threshold_at_mean_k exceeds the largest
(z - mean(z)) (departure_{k+1} - departure_k) in the box. The prior of the thresholds is therefore that of
``threshold_tight``, to whose gaps those amounts are added: a density that is smooth up to the edge, and proper.

Structured thresholds are location + spacings: location ~ Normal(0, scale) is the middle of the first and the last
threshold at the mean, spacing ~ HalfNormal(scale).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bayesgov import priors
from bayesgov.survey.bayesian.baseline import draw_induced_dirichlet
from bayesgov.survey.bayesian.conditioning import Conditioning, zero_sum
from bayesgov.survey.bayesian.incomplete import add_monotonic, incomplete_log_likelihood, known_x, require_supported
from bayesgov.survey.bayesian.parts import ModelParts, model_parts
from bayesgov.survey.bayesian.shrinkage import Shrinkage
from bayesgov.survey.bayesian.threshold_graph import induced_dirichlet_density, sorted_normal_density
from bayesgov.survey.bayesian.transforms import ConditionedNormal, ConditionedThresholds, ConditionedZeroSum
from bayesgov.survey.design import Design
from bayesgov.survey.op import log_likelihood, log_likelihood_graph
from bayesgov.survey.spec import CumulativeSpec

type Tensor = TensorVariable[Any, Any]

LOG_SCALE_SD = 0.5


def build_model(
    design: Design,
    spec: CumulativeSpec,
    *,
    likelihood: Literal["fused", "graph"] = "fused",
    parts: ModelParts | None = None,
) -> pm.Model:
    """The model as stated at the top of this module.

    Parameters
    ----------
    design : Design
    spec : CumulativeSpec
    likelihood : {"fused", "graph"}
        The compiled kernel as one operation, or a plain PyTensor graph for other backends.
    parts : ModelParts, optional
        From :func:`bayesgov.survey.bayesian.parts.model_parts`, to share them.

    Returns
    -------
    pm.Model
        Rows are data: ``x`` (term, row), ``y``, ``starts``, ``weights`` (empty where all are one), ``group_code``,
        ``offset``, ``scale_x``, sorted by level and merged where that pays.

    Raises
    ------
    InputError
        As :func:`bayesgov.survey.bayesian.parts.model_parts` does; and for modelled missing cells beside nominal
        effects or a scale model.
    """
    require_supported(design, spec)
    parts = model_parts(design, spec) if parts is None else parts
    with pm.Model(coords=_coords(design, spec, parts)) as model:
        rows = _row_data(design, parts)
        beta = _coefficients(design, spec, parts.shrinkage, parts.conditioning)
        effect = _group_effects(design, spec, parts.conditioning)
        departure = _departures(design, spec, parts.shrinkage)
        at_mean = _thresholds_at_mean(design, spec, parts, departure)
        mean = parts.conditioning.mean
        shift = mean @ beta + mean[list(design.nominal)] @ departure
        threshold = pm.Deterministic("threshold", at_mean + shift, dims="cut")
        log_scale = _log_scale(design)
        parameters = (beta, threshold, effect, departure, log_scale)
        offset, moving = add_monotonic(design, parts.data, rows["offset"], beta)
        if design.missing:
            value = incomplete_log_likelihood(design, spec, parts.data, rows, offset, beta, threshold, effect)
        else:
            value = _log_likelihood(design, spec, likelihood, rows, offset, moving, parameters)
        pm.Potential("likelihood", value)
    return model


def _coords(design: Design, spec: CumulativeSpec, parts: ModelParts) -> dict[str, Sequence[Any]]:
    coords: dict[str, Sequence[Any]] = {
        "term": design.terms,
        "factor": parts.shrinkage.factors,
        "cut": design.thresholds,
        "row": range(parts.data.n_rows),
    }
    if design.groups:
        coords["group"] = design.groups
    if design.nominal:
        coords["nominal_term"] = [design.terms[column] for column in design.nominal]
    if design.scale_terms:
        coords["scale_term"] = design.scale_terms
    if spec.thresholds != "flexible":
        gaps = [f"{low} to {high}" for low, high in zip(design.thresholds[:-1], design.thresholds[1:], strict=True)]
        coords["gap"] = [gaps[first] for first in np.unique(_gap_spacing(spec, len(gaps)), return_index=True)[1]]
    return coords


def _row_data(design: Design, parts: ModelParts) -> dict[str, Tensor]:
    data = parts.data
    return {
        "x": pm.Data("x", known_x(design, data), dims=("term", "row")),
        "y": pm.Data("y", data.y, dims="row"),
        "starts": pm.Data("starts", data.starts),
        "weights": pm.Data("weights", data.weights),
        "group_code": pm.Data("group_code", data.group, dims="row"),
        "offset": pm.Data("offset", data.offset, dims="row"),
        "scale_x": pm.Data("scale_x", data.scale_x),
    }


def _coefficients(design: Design, spec: CumulativeSpec, prior: Shrinkage, found: Conditioning) -> Tensor:
    if not design.n_terms:
        return pt.zeros(0)
    scale = shrinkage_scale(spec, prior).scale
    transform = ConditionedNormal(found.beta_precision, found.beta_pull)
    return pm.Normal(
        "beta",
        0.0,
        scale[prior.factor] * prior.unit,
        dims="term",
        transform=transform,
        initval=np.linalg.solve(found.beta_precision + np.diag(prior.unit**-2), found.beta_pull),
    )


def shrinkage_scale(spec: CumulativeSpec, prior: Shrinkage) -> priors.ShrinkageScale:
    """Declare the hyperparameters of the coefficients' prior in the surrounding model."""
    choice, n_factors = spec.prior, len(prior.factors)
    match choice.kind:
        case "normal":
            return priors.fixed_scale(n_factors, choice.scale, "beta")
        case "laplace":
            return priors.laplace(prior.dim, scale=choice.scale)
        case "horseshoe":
            return priors.regularised_horseshoe(
                prior.dim, tau0=np.float64(prior.tau0), slab_scale=choice.slab_scale, slab_df=choice.slab_df
            )
        case "r2d2":
            return priors.r2d2(
                prior.dim,
                n_factors,
                r2_mean=choice.r2_mean,
                r2_concentration=choice.r2_concentration,
                variance_share=float(n_factors),
                latent_variance=prior.latent_variance,
            )


def _group_effects(design: Design, spec: CumulativeSpec, found: Conditioning) -> Tensor:
    if not design.groups:
        return pt.zeros(0)
    sd = pm.HalfNormal("group_sd", np.float64(spec.group_scale), initval=found.group_sd)
    transform = ConditionedZeroSum(found.group_precision, found.group_pull)
    mode = zero_sum(found.group_pull / (found.group_precision + found.group_sd**-2))
    return pm.ZeroSumNormal("group_effect", sigma=sd, dims="group", default_transform=transform, initval=mode)


def _departures(design: Design, spec: CumulativeSpec, prior: Shrinkage) -> Tensor:
    """Departures of the nominal terms, shape (n_nominal, n_cuts)."""
    n_cuts = design.n_categories - 1
    if not design.nominal or n_cuts < 2:
        return pt.zeros((len(design.nominal), n_cuts))
    unit = prior.unit[list(design.nominal)]
    return pm.ZeroSumNormal("departure", sigma=spec.departure_scale * unit[:, None], dims=("nominal_term", "cut"))


def _thresholds_at_mean(design: Design, spec: CumulativeSpec, parts: ModelParts, departure: Tensor) -> Tensor:
    if spec.thresholds != "flexible":
        return _structured_thresholds(design, spec)
    tight = spec.family == "cumulative" and bool(design.nominal) and design.n_categories > 2
    base = _flexible_thresholds("threshold_tight" if tight else "threshold_at_mean", spec, parts.conditioning)
    if not tight:
        return base
    z = parts.data.x[list(design.nominal)]
    mean = parts.conditioning.mean[list(design.nominal)]
    low, high = (z.min(axis=1) - mean)[:, None], (z.max(axis=1) - mean)[:, None]
    change = departure[:, 1:] - departure[:, :-1]
    # the largest (z - mean) (departure_{k+1} - departure_k) in the box, column by column
    added = pt.cumsum(pt.maximum(low * change, high * change).sum(axis=0))
    widened = pt.concatenate([pt.zeros(1), added])
    return pm.Deterministic("threshold_at_mean", base + widened - widened.mean(), dims="cut")


def _flexible_thresholds(name: str, spec: CumulativeSpec, found: Conditioning) -> Tensor:
    family, link, prior = spec.family, spec.link, spec.threshold_prior
    ordered = family == "cumulative"
    n_cuts = found.threshold_mode.size

    def logp(value: Tensor, _shape: Tensor) -> Tensor:
        if prior.kind == "induced_dirichlet":
            return induced_dirichlet_density(value, family, link, prior.concentration)
        return sorted_normal_density(value, prior.scale, ordered=ordered)

    def random(_shape: np.ndarray, rng: np.random.Generator, size: Any) -> np.ndarray:
        shape = () if size is None else tuple(np.atleast_1d(size))
        if prior.kind == "induced_dirichlet":
            return draw_induced_dirichlet(prior.concentration, n_cuts, family, link, rng=rng, size=shape)
        drawn = rng.normal(0.0, prior.scale, size=(*shape, n_cuts))
        return np.sort(drawn, axis=-1) if ordered else drawn

    free = found.threshold_mode
    return pm.CustomDist(
        name,
        np.zeros(n_cuts),
        logp=logp,
        random=random,
        signature="(k)->(k)",
        dims="cut",
        transform=ConditionedThresholds(free, found.threshold_root, ordered),
        initval=np.cumsum(np.concatenate([free[:1], np.exp(free[1:])])) if ordered else free,
    )


def _gap_spacing(spec: CumulativeSpec, n_gaps: int) -> np.ndarray:
    """Which spacing every gap between neighbouring thresholds has."""
    gap = np.arange(n_gaps)
    return np.zeros(n_gaps, dtype=int) if spec.thresholds == "equidistant" else np.minimum(gap, n_gaps - 1 - gap)


def _structured_thresholds(design: Design, spec: CumulativeSpec) -> Tensor:
    scale = np.float64(spec.threshold_prior.scale)
    location = pm.Normal("location", 0.0, scale)
    n_gaps = design.n_categories - 2
    if n_gaps == 0:
        return pm.Deterministic("threshold_at_mean", location[None], dims="cut")
    spacing = pm.HalfNormal("spacing", scale, dims="gap")
    gaps = spacing[_gap_spacing(spec, n_gaps)]
    reached = pt.concatenate([pt.zeros(1), pt.cumsum(gaps)])
    return pm.Deterministic("threshold_at_mean", location + reached - 0.5 * gaps.sum(), dims="cut")


def _log_scale(design: Design) -> Tensor:
    if not design.scale_terms:
        return pt.zeros(0)
    sd = design.scale_x.std(axis=0)
    return pm.Normal("log_scale", 0.0, LOG_SCALE_SD / np.where(sd > 0, sd, 1.0), dims="scale_term")


def _log_likelihood(
    design: Design,
    spec: CumulativeSpec,
    likelihood: Literal["fused", "graph"],
    rows: dict[str, Tensor],
    offset: Tensor,
    moving: bool,
    parameters: Sequence[Tensor],
) -> Tensor:
    nominal = np.array(design.nominal, dtype=np.int64)
    data = (rows["x"], rows["starts"], rows["weights"], rows["group_code"], pt.as_tensor(nominal), rows["scale_x"])
    if likelihood == "graph":
        return log_likelihood_graph(spec.family, spec.link, data, offset, parameters, rows["y"])
    plain = not design.nominal and not design.scale_terms
    return log_likelihood(spec.family, spec.link, data, offset, parameters, moving_offset=moving, plain=plain)

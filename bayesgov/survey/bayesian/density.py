"""The posterior of the common case as one compiled function: cumulative, adjacent or continuation, with groups or not.

Structured thresholds, nominal effects, scale models, monotonic effects and missing cells go through the compiled
graph of :func:`bayesgov.survey.bayesian.model.build_model` instead.
"""

from __future__ import annotations

import numpy as np

from bayesgov.fused import FusedDensity
from bayesgov.shrinkage_kernel import FAMILIES as SHRINKAGE
from bayesgov.shrinkage_kernel import n_hyper
from bayesgov.survey.bayesian.conditioning import Conditioning
from bayesgov.survey.bayesian.parts import ModelParts, model_parts
from bayesgov.survey.bayesian.shrinkage import Shrinkage
from bayesgov.survey.design import Design
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.posterior import (
    Coordinates,
    Prior,
    Rows,
    general_log_density,
    locate,
    logit_log_density,
)
from bayesgov.survey.spec import LINKS, CumulativeSpec


def has_fused_density(design: Design, spec: CumulativeSpec) -> bool:
    """Whether the fast path covers a model."""
    special = (design.nominal, design.scale_terms, design.monotonic, design.missing)
    return spec.thresholds == "flexible" and not any(special)


def fused_density(design: Design, spec: CumulativeSpec, *, parts: ModelParts | None = None) -> FusedDensity:
    """The model's log posterior over unconstrained coordinates; equal to ``build_model``, and tested so.

    Raises
    ------
    ValueError
        If :func:`has_fused_density` is false.
    InputError
        As :func:`bayesgov.survey.bayesian.parts.model_parts` does.
    """
    if not has_fused_density(design, spec):
        raise ValueError("this model has no fused density: sample its graph")
    parts = model_parts(design, spec) if parts is None else parts
    data, found, prior = parts.data, parts.conditioning, parts.shrinkage
    rows = Rows(data.x, data.starts, data.weights, data.offset, data.group)
    coordinates, constants = _coordinates(found), prior_constants(design, spec, prior)
    log_density = logit_log_density if (constants.family, constants.link) == (0, 0) else general_log_density
    n_groups, first_hyper = constants.n_groups, _first_hyper(design)
    n_dim = first_hyper + n_hyper(spec.prior.kind, constants.n_factors)

    def value(theta: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = np.empty(n_dim)
        return log_density(theta, rows, coordinates, constants, gradient), gradient

    def expand(theta: np.ndarray, _rng: np.random.Generator) -> dict[str, np.ndarray]:
        at_mean, beta, effect = np.empty(design.n_categories - 1), np.empty(design.n_terms), np.empty(n_groups)
        locate(theta, coordinates, constants, at_mean, beta, effect)
        named = {"threshold_at_mean": at_mean, "threshold": at_mean + found.mean @ beta, "beta": beta}
        if n_groups:
            named |= {"group_effect": effect, "group_sd": np.exp(theta[first_hyper - 1])}
        return named | _named_hyper(spec.prior.kind, theta[first_hyper:])

    initial = np.zeros(n_dim)
    if n_groups:
        initial[first_hyper - 1] = np.log(found.group_sd)
    if spec.prior.kind == "horseshoe":
        initial[first_hyper] = np.log(prior.tau0)
    return FusedDensity(n_dim, value, expand, _dims(design, spec), {}, initial)


def _first_hyper(design: Design) -> int:
    return design.n_categories - 1 + design.n_terms + len(design.groups)


def _dims(design: Design, spec: CumulativeSpec) -> dict[str, tuple[str, ...]]:
    dims: dict[str, tuple[str, ...]] = {"threshold_at_mean": ("cut",), "threshold": ("cut",)}
    if design.n_terms:
        dims["beta"] = ("term",)
    if design.groups:
        dims |= {"group_effect": ("group",), "group_sd": ()}
    return dims | (_HYPER_DIMS[spec.prior.kind] if design.n_terms else {})


_HYPER_DIMS: dict[str, dict[str, tuple[str, ...]]] = {
    "normal": {},
    "laplace": {"mixing": ("factor",)},
    "horseshoe": {"tau": (), "slab_variance": (), "lambda": ("factor",)},
    "r2d2": {"r2": (), "portion": ("factor",)},
}


def _coordinates(found: Conditioning) -> Coordinates:
    return Coordinates(
        mean=found.mean,
        threshold_mode=found.threshold_mode,
        threshold_root=found.threshold_root,
        beta_precision=found.beta_precision,
        beta_pull=found.beta_pull,
        group_precision=found.group_precision,
        group_pull=found.group_pull,
    )


def prior_constants(design: Design, spec: CumulativeSpec, prior: Shrinkage) -> Prior:
    """The model's priors as the compiled density reads them."""
    induced = spec.threshold_prior.kind == "induced_dirichlet"
    return Prior(
        family=FAMILIES.index(spec.family),
        link=LINKS.index(spec.link),
        threshold_kind=0 if induced else 1,
        threshold_size=spec.threshold_prior.concentration if induced else spec.threshold_prior.scale,
        group_scale=spec.group_scale,
        shrinkage=SHRINKAGE[spec.prior.kind],
        fixed=prior.constants,
        factor=prior.factor,
        log_unit=np.log(prior.unit),
        n_factors=len(prior.factors),
        n_groups=len(design.groups),
    )


def _named_hyper(kind: str, hyper: np.ndarray) -> dict[str, np.ndarray]:
    match kind:
        case "laplace":
            return {"mixing": np.exp(hyper)}
        case "horseshoe":
            positive = np.exp(hyper)
            return {"tau": positive[0], "slab_variance": positive[1], "lambda": positive[2:]}
        case "r2d2":
            return {"r2": 1 / (1 + np.exp(-hyper[0])), "portion": np.exp(hyper[1:])}
        case _:
            return {}

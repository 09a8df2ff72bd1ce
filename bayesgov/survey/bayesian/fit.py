"""From a Design and a Spec to a posterior."""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from bayesgov import diagnostics, sampling
from bayesgov.fits import PosteriorFit
from bayesgov.fused import compile_fused
from bayesgov.sampling import CompiledModel, SamplingOptions, compile_model
from bayesgov.survey.bayesian.density import fused_density, has_fused_density
from bayesgov.survey.bayesian.model import build_model
from bayesgov.survey.bayesian.parts import ModelParts, model_parts
from bayesgov.survey.bayesian.shrinkage import density_at_zero
from bayesgov.survey.design import Design
from bayesgov.survey.monotonic import has_simplex, variable_name
from bayesgov.survey.spec import CumulativeSpec


def prepare(design: Design, spec: CumulativeSpec, parts: ModelParts) -> CompiledModel:
    """The model ready to sample: through its compiled density where there is one, else through its compiled graph.

    Raises
    ------
    InputError
        As :func:`bayesgov.survey.bayesian.model.build_model` does.
    """
    model = build_model(design, spec, parts=parts)
    if has_fused_density(design, spec):
        return compile_fused(model, fused_density(design, spec, parts=parts))
    return compile_model(model)


def fit_bayesian(
    design: Design, spec: CumulativeSpec, label: str, seed: int, *, progress: Callable[[str], None] | None = None
) -> PosteriorFit:
    """Sample the posterior of an ordinal regression.

    Parameters
    ----------
    design : Design
    spec : CumulativeSpec
        Its ``sampling`` says how much to draw.
    label : str
        Name of the fit.
    seed : int
    progress : callable, optional
        Told in words how far the fit is; see :func:`bayesgov.sampling.sample`.

    Returns
    -------
    PosteriorFit
        Estimands ``beta[term]``, ``threshold[cut]`` in the predictors' own units and, where the model has them,
        ``departure``, ``log_scale`` and ``group_sd``. Group ``prior_at_zero`` holds the prior density of ``beta`` at
        zero.

    Raises
    ------
    InputError
        As :func:`bayesgov.survey.bayesian.model.build_model` does.
    """
    if progress is not None:
        progress("compiling the model")
    parts = model_parts(design, spec)
    ready = prepare(design, spec, parts)
    tree = sampling.sample(ready, SamplingOptions(**spec.sampling.model_dump() | {"seed": seed}), progress=progress)
    tree.attrs.update(prior=spec.prior.kind, family=spec.family, link=spec.link)
    if design.terms:
        density = xr.DataArray(density_at_zero(parts.shrinkage, spec), {"term": list(design.terms)}, ("term",))
        tree["prior_at_zero"] = xr.DataTree(density.to_dataset(name="beta"))
    return PosteriorFit(label, tree, estimands(design), diagnostics.posterior_checks(tree))


def estimands(design: Design) -> tuple[str, ...]:
    """Posterior variables that a report shows, in its order."""
    present = {
        "beta": bool(design.terms),
        "threshold": True,
        "departure": bool(design.nominal) and design.n_categories > 2,
        "log_scale": bool(design.scale_terms),
        "group_sd": bool(design.groups),
    }
    simplexes = [f"simplex_{variable_name(design, term)}" for term in design.monotonic if has_simplex(term)]
    return (*(name for name, has in present.items() if has), *simplexes)

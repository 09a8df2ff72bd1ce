"""Posteriors fitted beside the reported one, as parts of a larger question: nothing is drawn from the prior."""

from __future__ import annotations

from dataclasses import replace

import xarray as xr

from bayesgov import sampling
from bayesgov.fused import compile_density
from bayesgov.sampling import CompiledModel, SamplingOptions, compile_model
from bayesgov.survey.bayesian.density import fused_density, has_fused_density
from bayesgov.survey.bayesian.model import build_model
from bayesgov.survey.bayesian.parts import ModelParts, model_parts
from bayesgov.survey.design import Design
from bayesgov.survey.spec import CumulativeSpec


def refit(design: Design, spec: CumulativeSpec, options: SamplingOptions) -> xr.Dataset:
    """Draws of the posterior of an ordinal regression.

    Parameters
    ----------
    design : Design
    spec : CumulativeSpec
        Its ``sampling`` is not used.
    options : SamplingOptions

    Returns
    -------
    xarray.Dataset
        The variables of :func:`bayesgov.survey.bayesian.fit.fit_bayesian`'s posterior.

    Raises
    ------
    InputError
        As :func:`bayesgov.survey.bayesian.model.build_model` does.
    """
    parts = model_parts(design, spec)
    compiled = _fused(design, spec, parts) if has_fused_density(design, spec) else _graph(design, spec, parts)
    return sampling.sample(replace(compiled, prior=_nothing), options)["posterior"].to_dataset()


def _fused(design: Design, spec: CumulativeSpec, parts: ModelParts) -> CompiledModel:
    """Without the PyMC model, which takes longer to build than a few rows to sample."""
    coords = {
        "term": design.terms,
        "factor": parts.shrinkage.factors,
        "cut": design.thresholds,
        "group": design.groups,
    }
    return compile_density(fused_density(design, spec, parts=parts), coords)


def _graph(design: Design, spec: CumulativeSpec, parts: ModelParts) -> CompiledModel:
    return compile_model(build_model(design, spec, parts=parts))


def _nothing(_options: SamplingOptions) -> xr.Dataset:
    return xr.Dataset()

"""Posteriors fitted beside the reported one, as parts of a larger question: nothing is drawn from the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from bayesgov import sampling
from bayesgov.convergence import convergence
from bayesgov.fits import element_draws
from bayesgov.fused import compile_density
from bayesgov.sampling import CompiledModel, SamplingOptions, compile_model
from bayesgov.survey.bayesian.density import fused_density, has_fused_density
from bayesgov.survey.bayesian.model import build_model
from bayesgov.survey.bayesian.parts import ModelParts, model_parts
from bayesgov.survey.design import Design
from bayesgov.survey.spec import CumulativeSpec

RHAT_MAX = 1.05  # what is averaged over hundreds of draws needs no less


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


def largest_rhat(posterior: xr.Dataset, names: Sequence[str]) -> float:
    """R-hat of the worst element of those of the variables ``names`` that the posterior has; NaN where one has none."""
    drawn = element_draws(posterior, [name for name in names if name in posterior])
    # np.max keeps a NaN, which must not pass
    return float(np.max(convergence(drawn.values.transpose(2, 0, 1)).rhat))


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

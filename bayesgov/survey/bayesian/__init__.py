"""Bayesian ordinal regression: the model, its sampler and what comes out of it."""

from __future__ import annotations

from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.bayesian.model import build_model

__all__ = ["build_model", "fit_bayesian"]

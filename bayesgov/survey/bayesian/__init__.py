"""Bayesian ordinal regression: the model, its sampler and what comes out of it."""

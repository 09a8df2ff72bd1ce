"""Fits made by hand, so that what a comparison should say of them is known."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from bayesgov.fits import EstimatorFit, PosteriorFit, estimator_tree


def normal_draws(mean, sd, n=4000, chains=4):
    """Draws whose percentiles are those of a normal distribution, in random order."""
    quantiles = stats.norm.ppf((np.arange(n) + 0.5) / n, mean, sd)
    return np.random.default_rng(1).permutation(quantiles).reshape(chains, n // chains)


def estimator(estimates, std_errors, label="frequentist", df=np.inf, terms=None, checks=()):
    names = terms or [f"beta[{letter}]" for letter in "abcdefgh"[: len(estimates)]]
    return EstimatorFit(label, estimator_tree(names, np.array(estimates), np.array(std_errors), df=df), checks)


def posterior(means, sds, label="bayesian", prior_sd=1.0, checks=(), **attributes):
    """Independent normals as the variable ``beta``, a positive ``group_sd`` beside it, both with priors."""
    coords = {"term": list("abcdefgh"[: len(means)])}

    def group(beta, sd):
        variables = {"beta": (("chain", "draw", "term"), np.stack(beta, axis=-1)), "group_sd": (("chain", "draw"), sd)}
        return xr.Dataset(variables, coords)

    tree = xr.DataTree.from_dict(
        {
            "posterior": group(
                [normal_draws(mean, sd) for mean, sd in zip(means, sds, strict=True)], normal_draws(1, 0.01)
            ),
            "prior": group([normal_draws(0, prior_sd) for _ in means], np.abs(normal_draws(0, 1))),
        }
    )
    tree.attrs.update(attributes)
    return PosteriorFit(label, tree, ("beta", "group_sd"), checks)

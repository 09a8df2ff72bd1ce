"""Draws around the maximum-likelihood estimate, for tests of what is made of a posterior."""

import numpy as np
import xarray as xr

from bayesgov.survey.design import Design
from bayesgov.survey.mode import find_mode


def asymptotic_draws(design: Design, *, seed: int, chains: int = 4, draws: int = 250) -> xr.Dataset:
    """Independent draws from the normal approximation of the cumulative-logit posterior under flat priors."""
    n_cuts, n_terms, n_groups = design.n_categories - 1, design.n_terms, len(design.groups)
    counts = np.eye(design.n_categories)[design.y] * design.weights[:, None]
    # sum-to-zero coding: the last group's effect is minus the sum of the others
    coding = np.vstack([np.eye(n_groups - 1), -np.ones(n_groups - 1)]) if n_groups else np.zeros((1, 0))
    mode = find_mode(counts, np.hstack([design.x, coding[design.group]]), design.offset)
    centre = np.concatenate([mode.cutpoints, mode.coefficients])
    drawn = np.random.default_rng(seed).multivariate_normal(centre, mode.covariance, size=(chains, draws))
    variables = {
        "threshold": (("chain", "draw", "cut"), drawn[..., :n_cuts]),
        "beta": (("chain", "draw", "term"), drawn[..., n_cuts : n_cuts + n_terms]),
    }
    coords = {"chain": range(chains), "draw": range(draws), "cut": list(design.thresholds)}
    coords["term"] = list(design.terms)
    if n_groups:
        effect = drawn[..., n_cuts + n_terms :] @ coding.T
        variables["group_effect"] = (("chain", "draw", "group"), effect)
        variables["group_sd"] = (("chain", "draw"), effect.std(axis=-1))
        coords["group"] = list(design.groups)
    return xr.Dataset(variables, coords)

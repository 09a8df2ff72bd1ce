"""The model-free posterior of the tables as a fit: exact independent draws, no Markov chain."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bayesgov.diagnostics import ESS_MIN, POWER_SCALING_MAX, RHAT_MAX
from bayesgov.fits import Check, PosteriorFit
from bayesgov.published.contingency import conjugate
from bayesgov.published.contingency.design import ContingencyDesign

# Four rows of 5,000, so that the draws fit wherever chains do
_CHAINS, _DRAWS = 4, 5_000
JEFFREYS = 0.5
_REFITTED = "a uniform prior raised to any power is the same prior: refitted under Jeffreys' prior instead"


def fit(design: ContingencyDesign, seed: int, *, concentration: float = 1.0) -> PosteriorFit:
    """Dirichlet posterior of every table's cell probabilities.

    Parameters
    ----------
    design : ContingencyDesign
    seed : int
    concentration : float
        Of the Dirichlet prior, the same for every cell: 1 is uniform, 1/2 is Jeffreys' prior of a multinomial.

    Returns
    -------
    PosteriorFit
        Variables, dims (chain, draw, item): ``cramers_v`` and ``departure``, the largest departure from proportional
        odds over options and pairs of cutpoints in absolute value, in logits.
    """
    rng = np.random.default_rng(seed)
    tree = xr.DataTree.from_dict(
        {
            "posterior": _summaries(list(design.counts), design, rng, concentration),
            "prior": _summaries([np.zeros_like(table) for table in design.counts], design, rng, concentration),
        }
    )
    tree.attrs.update(
        bayesgov_kind="exact", seed=seed, prior=f"Dirichlet({concentration:g}, ...) over the cells of each table"
    )
    suffix = "" if concentration == 1 else f"-dirichlet-{concentration:g}"
    return PosteriorFit(f"contingency-saturated{suffix}", tree, ("cramers_v", "departure"), _checks())


def _summaries(
    tables: list[np.ndarray], design: ContingencyDesign, rng: np.random.Generator, concentration: float
) -> xr.Dataset:
    v, departure = [], []
    for table in tables:
        draws = conjugate.dirichlet_draws(table, _CHAINS * _DRAWS, rng, concentration)
        v.append(conjugate.cramers_v(draws))
        departure.append(np.abs(conjugate.proportionality_departure(draws)).max(axis=(1, 2)))
    shape, dims = (_CHAINS, _DRAWS, len(tables)), ("chain", "draw", "item")
    return xr.Dataset(
        {
            "cramers_v": (dims, np.stack(v, axis=1).reshape(shape)),
            "departure": (dims, np.stack(departure, axis=1).reshape(shape)),
        },
        coords={"chain": range(_CHAINS), "draw": range(_DRAWS), "item": list(design.items)},
    )


def _checks() -> tuple[Check, ...]:
    independent = "independent draws from a posterior in closed form: no chain to converge"
    return (
        Check("rhat_max", None, RHAT_MAX, "not applicable", independent),
        Check("ess_bulk_min", float(_CHAINS * _DRAWS), ESS_MIN, "pass"),
        Check("ess_tail_min", float(_CHAINS * _DRAWS), ESS_MIN, "pass"),
        Check("divergences", None, 0.0, "not applicable", independent),
        Check("prior_sensitivity_max", None, POWER_SCALING_MAX, "not applicable", _REFITTED),
    )

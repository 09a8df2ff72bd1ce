"""The posterior over multiply imputed data sets: their posteriors, mixed in equal parts.

The posterior given the observed cells is the average, over imputations, of the posteriors given the completed data
(Gelman et al. 2013, Bayesian Data Analysis, 3rd edition, p. 452; on how many imputations its tails need: Zhou & Reiter
2010, doi:10.1198/tast.2010.09109).
"""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from bayesgov.fits import Check, PosteriorFit
from bayesgov.survey.bayesian.fit import fit_bayesian
from bayesgov.survey.build import encode
from bayesgov.survey.imputation import impute
from bayesgov.survey.prepare import PreparedData
from bayesgov.survey.spec import CumulativeSpec

_MOST_ROWS = 100_000  # rows times imputations: minutes of sampling
_FEWEST = 5


def fit_imputed_bayesian(
    prepared: PreparedData,
    spec: CumulativeSpec,
    label: str,
    *,
    seed: int,
    progress: Callable[[str], None] = lambda _message: None,
) -> PosteriorFit:
    """Sample the posterior of every imputed data set and mix them.

    Parameters
    ----------
    prepared : PreparedData
        Of a spec with ``missing = "impute"``.
    spec : CumulativeSpec
        With very many rows fewer imputations are used than it asks for, five at least; a check says how many.
    label : str
    seed : int
        Of imputations and samplers; the frequentist fit of the same seed starts with the same imputations.
    progress : callable

    Returns
    -------
    PosteriorFit
        Chains of all imputations end to end, evenly thinned so that together they have about as many draws as one fit.
        Convergence is checked within imputations, whose posteriors differ from one another as they should: each check
        has the worst value.
    """
    wanted = min(spec.imputations, max(_FEWEST, _MOST_ROWS // len(prepared.used)))
    progress(f"imputing {wanted} times")
    kinds = {**prepared.kinds, prepared.formula.outcome: "ordinal"}
    frames = impute(prepared.used, kinds, wanted, seed, group=prepared.formula.group).frames
    fits = []
    for number, frame in enumerate(frames, start=1):

        def told(message: str, place: str = f"imputation {number} of {wanted}") -> None:
            progress(f"{place}, {message}")

        fits.append(fit_bayesian(encode(prepared, frame).design, spec, label, seed + number, progress=told))
    tree = _mixture([fit.tree for fit in fits])
    tree.attrs.update(fits[0].tree.attrs | {"seed": seed, "imputations": wanted})
    tree.attrs["sampling_seconds"] = sum(float(fit.tree.attrs["sampling_seconds"]) for fit in fits)
    fewer = Check(
        "imputations",
        float(wanted),
        float(spec.imputations),
        "pass" if wanted == spec.imputations else "warn",
        "" if wanted == spec.imputations else "fewer than the spec asks for, to bound the time: tails are less certain",
    )
    return PosteriorFit(label, tree, fits[0].terms, (*_worst([fit.checks() for fit in fits]), fewer))


def _mixture(trees: list[xr.DataTree]) -> xr.DataTree:
    """Groups with the draws of all trees, each evenly thinned and its chains numbered on."""
    groups = {}
    for name in ("posterior", "sample_stats"):
        parts, first = [], 0
        for tree in trees:
            part = tree[name].to_dataset()
            kept = part.isel(draw=slice(None, None, len(trees)))
            chains = range(first, first + kept.sizes["chain"])
            parts.append(kept.assign_coords(chain=list(chains), draw=range(kept.sizes["draw"])))
            first += kept.sizes["chain"]
        groups[name] = xr.concat(parts, dim="chain")
    groups["prior"] = trees[0]["prior"].to_dataset()
    return xr.DataTree.from_dict(groups)


def _worst(found: list[tuple[Check, ...]]) -> tuple[Check, ...]:
    """Of each check over the imputations, the first that failed, else the one nearest to its threshold."""

    def badness(check: Check) -> tuple[bool, float]:
        distance = 0.0 if check.value is None or check.threshold is None else abs(check.value - check.threshold)
        return check.status in ("pass", "not applicable"), distance

    return tuple(min(checks, key=badness) for checks in zip(*found, strict=True))

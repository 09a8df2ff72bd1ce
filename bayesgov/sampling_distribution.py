"""The sampling distribution of estimates as draws, so that what reads a posterior reads an estimator too.

Each estimate has its confidence distribution: the distribution whose quantiles are its confidence limits (Xie & Singh
2013, doi:10.1111/insr.12000), here normal or t around the estimate. Their dependence is that of the covariance of the
estimates. Draws are no posterior: they say where estimates would fall, not where the estimand lies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy import stats

from bayesgov.fits import ELEMENT

_DRAWS = 1000  # one chain: nothing was sampled in turn
# dims of variables as the posteriors name them, by the number of their dims; others are named as ArviZ names them
_DIMS = {
    ("threshold", 1): ("cut",),
    ("departure", 2): ("nominal_term", "cut"),
    ("log_scale", 1): ("scale_term",),
    ("alpha", 2): ("region", "lag"),
    ("beta", 1): ("term",),
    ("beta", 2): ("region", "predictor"),
    ("intercept", 1): ("region",),
    ("period_effect", 2): ("region", "time"),
    ("theta", 2): ("term", "region"),
    ("mu", 1): ("term",),
    ("option_effect", 2): ("item", "option"),
}


def sampling_distribution(tree: xr.DataTree, seed: int) -> xr.Dataset:
    """Draws of the estimates around themselves.

    Every estimate's draws are the quantiles of its confidence distribution at equally spaced probabilities, so that
    their percentiles are its confidence limits; their order is random, with the rank correlation of normal draws of
    the estimates' covariance.

    Parameters
    ----------
    tree : xarray.DataTree
        Of an :class:`~bayesgov.fits.EstimatorFit`. Group ``covariance`` holds that of the estimates; without one the
        estimates are drawn independently, and attribute ``dependence`` says so.
    seed : int

    Returns
    -------
    xarray.Dataset
        Variables named as a posterior's, dims chain, draw and theirs. A term without a standard error or a reference
        distribution (a standard deviation whose boundary is zero) has no draws.
    """
    table = tree["estimates"].to_dataset()
    estimate, std_error, df = (table[name].values for name in ("estimate", "std_error", "df"))
    usable = np.flatnonzero(np.isfinite(estimate) & np.isfinite(std_error) & (std_error > 0) & (df > 0))
    correlation = _correlation(tree, usable, std_error[usable])
    known = correlation is not None
    normal = np.random.default_rng(seed).standard_normal((_DRAWS, usable.size))
    if correlation is not None:
        # a symmetric root: the covariance of constrained thresholds has no Cholesky factor
        values, vectors = np.linalg.eigh(correlation)
        normal = normal @ (vectors * np.sqrt(np.clip(values, 0, None))).T
    rank = stats.rankdata(normal, method="ordinal", axis=0)
    draws = estimate[usable] + std_error[usable] * stats.t.ppf((rank - 0.5) / _DRAWS, df[usable])
    terms = [str(term) for term in table["term"].values[usable]]
    found = _as_variables(terms, draws[None], dict(tree.attrs.get("dims", {})))
    kind = str(tree.attrs["bayesgov_kind"])
    return found.assign_attrs(kind=kind, seed=seed, dependence="covariance of the estimates" if known else "unknown")


def _correlation(tree: xr.DataTree, usable: np.ndarray, std_error: np.ndarray) -> np.ndarray | None:
    if "covariance" not in tree:
        return None
    covariance = tree["covariance"].to_dataset()["covariance"].values[np.ix_(usable, usable)]
    correlation: np.ndarray = covariance / np.outer(std_error, std_error)
    return correlation if np.isfinite(correlation).all() else None


def _as_variables(terms: Sequence[str], draws: np.ndarray, dims: dict[str, Sequence[str]]) -> xr.Dataset:
    """``beta[a]``, ``beta[b]`` as the variable beta over a and b; what has no such form is a variable of its own."""
    members: dict[str, list[tuple[int, str]]] = {}
    variables: dict[str, xr.DataArray] = {}
    for column, term in enumerate(terms):
        match = ELEMENT.fullmatch(term)
        if match:
            members.setdefault(match[1], []).append((column, match[2]))
        else:
            variables[term] = xr.DataArray(draws[..., column], dims=("chain", "draw"))
    for name, parts in members.items():
        labels = _labels([text for _, text in parts])
        shape = tuple(map(len, labels))
        values = draws[..., [column for column, _ in parts]].reshape(1, _DRAWS, *shape)
        own = tuple(dims.get(name, ())) or _DIMS.get((name, len(shape)))
        own = own or tuple(f"{name}_dim_{number}" for number in range(len(shape)))
        variables[name] = xr.DataArray(values, dict(zip(own, labels, strict=True)), ("chain", "draw", *own))
    coords = {"chain": [0], "draw": np.arange(_DRAWS)}
    separate = [variable.to_dataset(name=name).assign_coords(coords) for name, variable in variables.items()]
    return _merged(separate) if separate else xr.Dataset(coords=coords)


def _labels(texts: list[str]) -> tuple[list[str], ...]:
    """Labels of each dim if the texts, in order, are a full grid of them; else the texts as one dim."""
    parts = [text.split(", ") for text in texts]
    if len({len(part) for part in parts}) == 1 and len(parts[0]) > 1:
        labels = [list(dict.fromkeys(column)) for column in zip(*parts, strict=True)]
        grid = np.stack(np.meshgrid(*labels, indexing="ij"), axis=-1).reshape(-1, len(labels))
        if grid.tolist() == parts:
            return tuple(labels)
    return (texts,)


def _merged(separate: list[xr.Dataset]) -> xr.Dataset:
    """One Dataset; a dim that two variables have with different labels is named apart for the later one."""
    merged = separate[0]
    for dataset in separate[1:]:
        (name,) = map(str, dataset.data_vars)
        clashing = [dim for dim in dataset.dims if dim in merged.dims and not dataset[dim].equals(merged[dim])]
        merged = merged.merge(dataset.rename({dim: f"{name}_{dim}" for dim in clashing}))
    return merged

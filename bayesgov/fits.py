"""Fit: what either school of inference returns, and Check: one diagnostic as data.

Both approaches keep their results in an ``xarray.DataTree`` in the ArviZ schema. A frequentist tree has an
``estimates`` group and no ``posterior``, so nobody computes R-hat on what is no Markov chain. Its group
``sampling_distribution`` (:mod:`bayesgov.sampling_distribution`) has what forests and summaries read in a posterior's
place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, final

import numpy as np
import pandas as pd
import xarray as xr

Approach = Literal["bayesian", "frequentist"]
Status = Literal["pass", "warn", "fail", "not applicable"]

# Variable and labels in a name as :func:`element_names` makes it: "beta[gdp, eastern]".
ELEMENT = re.compile(r"([^\W\d]\w*)\[(.*)\]", re.DOTALL)

# From a Design and parameters with dims (chain, draw, ...) to predictions with dims (chain, draw, obs[, category]).
type Predictor = Callable[[Any, xr.Dataset], xr.DataArray]

# The columns of ``Fit.estimates``, in order. The first six are shared; p-values and posterior probabilities keep
# columns of their own, so that no table aligns one under the other.
GLOSSARY = {
    "term": "name of the estimand",
    "estimate": "maximum-likelihood or other point estimate; for a posterior its median",
    "std_error": "standard error; for a posterior its standard deviation",
    "lower": "lower limit of the interval",
    "upper": "upper limit of the interval",
    "interval": "kind and level of the interval: '95% Wald confidence', '95% equal-tailed credible'",
    "p_value": "two-sided p-value of estimate = 0 (frequentist only)",
    "probability_positive": "posterior probability that the estimand is above zero (Bayesian only)",
    "mc_error": "Monte Carlo standard error of the median of draws (posterior or bootstrap)",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One diagnostic as data.

    Attributes
    ----------
    name : str
        Such as "rhat_max" or "gradient_norm".
    value, threshold : float or None
        None where the diagnostic does not apply.
    status : {"pass", "warn", "fail", "not applicable"}
    advice : str
        What to do, or why the check does not apply; empty when it passes.
    """

    name: str
    value: float | None
    threshold: float | None
    status: Status
    advice: str = ""


class Fit(Protocol):
    """What a fitted model offers, whatever the approach."""

    @property
    def label(self) -> str: ...

    @property
    def approach(self) -> Approach: ...

    @property
    def tree(self) -> xr.DataTree: ...

    def estimates(self, level: float = 0.95) -> pd.DataFrame: ...

    def predict(self, design: Any) -> xr.DataArray: ...

    def checks(self) -> tuple[Check, ...]: ...


@final
@dataclass(frozen=True, slots=True)
class PosteriorFit:
    """Draws from a posterior.

    Attributes
    ----------
    label : str
        Unique within a run; also the name of its files.
    tree : xarray.DataTree
        Groups ``posterior``, ``prior``, ``sample_stats`` and, where computed, ``log_likelihood``, ``log_prior``.
    terms : tuple of str
        Posterior variables that are estimands, in the order of a report.
    checks_run : tuple of Check
        What :func:`bayesgov.diagnostics.posterior_checks` found.
    predictor : callable, optional
        How draws become predictions; None for a fit without rows.
    """

    label: str
    tree: xr.DataTree
    terms: tuple[str, ...]
    checks_run: tuple[Check, ...]
    predictor: Predictor | None = None

    @property
    def approach(self) -> Approach:
        return "bayesian"

    def checks(self) -> tuple[Check, ...]:
        return self.checks_run

    def predict(self, design: Any) -> xr.DataArray:
        """Predictions for rows, one for every draw.

        Parameters
        ----------
        design : Design
            Of the fit, or of new rows under its encoding.

        Returns
        -------
        xarray.DataArray
            Dims chain, draw, obs and, for an ordered outcome, category.

        Raises
        ------
        ValueError
            If the fit has no rows behind it, or the Design does not belong to it.
        """
        return _predicted(self.predictor, self.label, design, self.tree, "posterior")

    def estimates(self, level: float = 0.95) -> pd.DataFrame:
        """Posterior median, standard deviation and equal-tailed interval of every estimand.

        Returns
        -------
        pandas.DataFrame
            Columns as in :data:`GLOSSARY` without ``p_value``; one row for each element of each variable.
        """
        _require_level(level)
        drawn = element_draws(self.tree["posterior"].to_dataset(), self.terms)
        flat = drawn.values.reshape(-1, len(drawn.terms))
        tail = 50 * (1 - level)
        lower, median, upper = np.percentile(flat, [tail, 50, 100 - tail], axis=0)
        return pd.DataFrame(
            {
                "term": drawn.terms,
                "estimate": median,
                "std_error": flat.std(axis=0, ddof=1),
                "lower": lower,
                "upper": upper,
                "interval": f"{100 * level:g}% equal-tailed credible",
                "probability_positive": np.mean(flat > 0, axis=0),
                "mc_error": drawn.monte_carlo_error(),
            }
        )


@final
@dataclass(frozen=True, slots=True)
class EstimatorFit:
    """Estimates of a frequentist procedure.

    Attributes
    ----------
    label : str
    tree : xarray.DataTree
        Group ``estimates`` with dim ``term``: ``estimate``, ``std_error`` and ``df`` (infinite for a normal
        reference distribution); further groups hold tests and profile intervals. Group ``point``, for predictions,
        has the estimates under the names of a posterior with one chain of one draw; ``sampling_distribution`` has
        draws under these names. Root attribute ``bayesgov_kind`` is "asymptotic_normal", "bootstrap" (the draws are
        of a bootstrap) or "point"; ``interval`` names the interval ("Wald confidence").
    checks_run : tuple of Check
    predictor : callable, optional
        How the group ``point`` becomes predictions; None for a fit without rows.
    """

    label: str
    tree: xr.DataTree
    checks_run: tuple[Check, ...]
    predictor: Predictor | None = None

    @property
    def approach(self) -> Approach:
        return "frequentist"

    def checks(self) -> tuple[Check, ...]:
        return self.checks_run

    def predict(self, design: Any) -> xr.DataArray:
        """Predictions for rows, from the estimates: a point estimate is a posterior with one atom.

        Parameters
        ----------
        design : Design
            Of the fit, or of new rows under its encoding.

        Returns
        -------
        xarray.DataArray
            Dims chain, draw, obs and, for an ordered outcome, category.

        Raises
        ------
        ValueError
            If the fit has no rows behind it, or the Design does not belong to it.
        """
        return _predicted(self.predictor, self.label, design, self.tree, "point")

    def estimates(self, level: float = 0.95) -> pd.DataFrame:
        """Point estimate, standard error, symmetric interval and p-value of every estimand.

        Returns
        -------
        pandas.DataFrame
            Columns as in :data:`GLOSSARY` without ``probability_positive``; ``mc_error`` after a bootstrap only.
        """
        from scipy import stats  # here, because a posterior needs none of it and it takes a second to load

        _require_level(level)
        table = self.tree["estimates"].to_dataset()
        estimate, std_error, df = (table[name].values for name in ("estimate", "std_error", "df"))
        reach = stats.t.ppf(0.5 * (1 + level), df) * std_error
        frame = pd.DataFrame(
            {
                "term": table["term"].values.astype(str),
                "estimate": estimate,
                "std_error": std_error,
                "lower": estimate - reach,
                "upper": estimate + reach,
                "interval": f"{100 * level:g}% {self.tree.attrs['interval']}",
                "p_value": 2 * stats.t.sf(np.abs(estimate / std_error), df),
            }
        )
        if self.tree.attrs["bayesgov_kind"] != "bootstrap":
            return frame
        drawn = element_draws(self.tree["sampling_distribution"].to_dataset())
        errors = dict(zip(drawn.terms, drawn.monte_carlo_error(), strict=True))
        return frame.assign(mc_error=frame["term"].map(errors))


def estimator_tree(
    terms: Sequence[str],
    estimate: np.ndarray,
    std_error: np.ndarray,
    *,
    df: np.ndarray | float = np.inf,
    interval: str = "Wald confidence",
    kind: Literal["asymptotic_normal", "bootstrap", "point"] = "asymptotic_normal",
    groups: dict[str, xr.Dataset] | None = None,
) -> xr.DataTree:
    """The DataTree of an :class:`EstimatorFit`.

    Parameters
    ----------
    terms : sequence of str, length n_terms
    estimate, std_error : ndarray, shape (n_terms,)
    df : ndarray, shape (n_terms,), or float
        Degrees of freedom of the reference t distribution; infinite for the normal.
    interval : str
        Name of the interval without its level.
    groups : dict of str to xarray.Dataset, optional
        Further groups: tests, profile intervals, covariance.
    """
    dataset = xr.Dataset(
        {
            "estimate": ("term", np.asarray(estimate, dtype=float)),
            "std_error": ("term", np.asarray(std_error, dtype=float)),
            "df": ("term", np.broadcast_to(np.asarray(df, dtype=float), (len(terms),)).copy()),
        },
        coords={"term": list(terms)},
    )
    tree = xr.DataTree.from_dict({"estimates": dataset, **(groups or {})})
    tree.attrs.update(bayesgov_kind=kind, interval=interval)
    return tree


@dataclass(frozen=True, slots=True, eq=False)
class ElementDraws:
    """Draws of single quantities.

    Attributes
    ----------
    terms : tuple of str, length n_terms
    values : ndarray, shape (n_chains, n_draws, n_terms)
    """

    terms: tuple[str, ...]
    values: np.ndarray

    def monte_carlo_error(self) -> np.ndarray:
        """Monte Carlo standard error of every median, shape (n_terms,).

        From the effective sample size of the median (Vehtari et al. 2021, doi:10.1214/20-BA1221, section 4.4).
        """
        if not self.terms:
            return np.zeros(0)
        from arviz_stats.base import array_stats  # loaded here: it takes seconds

        errors: np.ndarray = array_stats.mcse(self.values, chain_axis=0, draw_axis=1, method="median")
        return errors


def element_draws(dataset: xr.Dataset, variables: Sequence[str] | None = None) -> ElementDraws:
    """Every element of every variable as one column of draws.

    Parameters
    ----------
    dataset : xarray.Dataset
        Dims chain, draw and those of the variables.
    variables : sequence of str, optional
        In the order wanted; all by default.
    """
    chosen = [dataset[name] for name in (dataset.data_vars if variables is None else variables)]
    shape = (dataset.sizes["chain"], dataset.sizes["draw"], -1)
    values = [variable.transpose("chain", "draw", ...).values.reshape(shape) for variable in chosen]
    terms = tuple(term for variable in chosen for term in element_names(variable))
    return ElementDraws(terms, np.concatenate(values, axis=2) if values else np.empty((*shape[:2], 0)))


def element_names(variable: xr.DataArray) -> list[str]:
    """Names of a posterior variable's elements: ``beta[gdp, eastern]``; a scalar keeps its own name."""
    dims = [str(dim) for dim in variable.dims if dim not in ("chain", "draw")]
    if not dims:
        return [str(variable.name)]
    labels = [[str(value) for value in variable[dim].values] for dim in dims]
    grid = np.stack(np.meshgrid(*labels, indexing="ij"), axis=-1).reshape(-1, len(dims))
    return [f"{variable.name}[{', '.join(entry)}]" for entry in grid]


def _predicted(predictor: Predictor | None, label: str, design: Any, tree: xr.DataTree, group: str) -> xr.DataArray:
    if predictor is None:
        raise ValueError(f"predictions need a fit to rows; {label} has none behind it: fit with bayesgov.fit")
    return predictor(design, tree[group].to_dataset())


def _require_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}")

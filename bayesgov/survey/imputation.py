"""Multiple imputation by chained equations.

Each incomplete column is regressed on all others in turn and its missing cells take the values of donors: rows whose
predicted mean is nearest (predictive mean matching, Little 1988, doi:10.1080/07350015.1988.10509663; chained equations
as in van Buuren & Groothuis-Oudshoorn 2011, doi:10.18637/jss.v045.i03). A donor's value is always an admissible one, so
one method serves scores, yes or no, and categories; a nominal column is matched on the vector of its predicted
indicators in the metric of their residual covariance.

Parameters of each regression are drawn from their posterior before every matching, and matching is of the kind that
mice calls type 1: donors at the estimate, recipients at the draw. The regressions are linear with main effects; what
the analysis wants beyond that (an interaction, a curve) has to be added as a column. Where donors are
scarce, because most cells are missing just where the value would be high, matching understates the uncertainty
(Morris, White & Royston 2014, doi:10.1186/1471-2288-14-75). Groups, such as villages, enter
every regression as a normal random intercept with a Gibbs step for its variance. Values are missing at random given
the other columns and the group; the outcome must be among the columns, else effects shrink towards zero. What the
completed data sets say is combined in :mod:`bayesgov.survey.pooling`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from scipy.spatial import cKDTree

from bayesgov.errors import InputError
from bayesgov.survey.build import encode
from bayesgov.survey.design import Design
from bayesgov.survey.prepare import PreparedData

type Kind = Literal["continuous", "ordinal", "binary", "nominal"]

_RIDGE = 1e-5  # relative to the diagonal of the cross-products: keeps duplicate items from a singular regression
_TIE_NOISE = 1e-9  # rows of one pattern are predicted alike; in residual standard deviations
_GROUP_PRIOR_DF, _GROUP_PRIOR_VARIANCE = 1.0, 0.01  # weak, in units of the residual variance


@dataclass(frozen=True, slots=True)
class Imputations:
    """Completed copies of one frame.

    Attributes
    ----------
    frames : tuple of pandas.DataFrame
        Types as in the frame that came; only missing cells differ between copies.
    missing : mapping of str to int
        Missing cells a column, in the order of imputation.
    trace : xarray.DataArray, dims (imputation, cycle, column)
        Mean score of the imputed cells after each cycle: without trend, and with imputations overlapping, where the
        chained equations have settled.
    """

    frames: tuple[pd.DataFrame, ...]
    missing: Mapping[str, int]
    trace: xr.DataArray


@dataclass(frozen=True, slots=True)
class _Column:
    """One column as scores; a nominal one as codes, with as many indicators as levels but the first."""

    name: str
    nominal: bool
    score: np.ndarray
    missing: np.ndarray
    n_levels: int

    def features(self, score: np.ndarray) -> np.ndarray:
        """Shape (n_rows, 1), or (n_rows, n_levels - 1) of a nominal column."""
        if self.nominal:
            indicators: np.ndarray = (score[:, None] == np.arange(1, self.n_levels)).astype(float)
            return indicators
        observed = self.score[~self.missing]
        standardised: np.ndarray = ((score - observed.mean()) / observed.std())[:, None]
        return standardised


def impute(
    frame: pd.DataFrame,
    kinds: Mapping[str, Kind],
    m: int,
    seed: int,
    *,
    group: str = "",
    cycles: int = 10,
    donors: int = 5,
) -> Imputations:
    """Fill the missing cells of some columns m times.

    Parameters
    ----------
    frame : pandas.DataFrame
        Numeric columns, or categorical ones in the order of their levels.
    kinds : mapping of str to {"continuous", "ordinal", "binary", "nominal"}
        Columns that are imputed, or that only help to impute the others: all predictors and the outcome.
    m : int
        Number of imputations.
    seed : int
    group : str, optional
        Complete column whose levels have random intercepts in every regression.
    cycles : int
        Rounds over the incomplete columns.
    donors : int
        Candidates for each missing cell.

    Returns
    -------
    Imputations

    Raises
    ------
    ValueError
        If a column is unknown, is neither numeric nor categorical, has fewer than two different observed values, or
        if the group has missing cells.

    Notes
    -----
    Every row counts once: frequency weights take no part, so expand weighted rows first.
    """
    if m < 2:
        raise ValueError(f"multiple imputation needs m of 2 or more; got {m}")
    columns = [_column(frame, name, kind) for name, kind in kinds.items()]
    incomplete = sorted((c for c in columns if c.missing.any()), key=lambda c: int(c.missing.sum()))
    codes = _group_codes(frame, group)
    frames, traces = [], []
    for rng in (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(m)):
        source, trace = _one_imputation(columns, incomplete, codes, cycles, donors, rng)
        filled = {name: frame[name].array.take(rows) for name, rows in source.items()}
        frames.append(frame.assign(**{name: pd.Series(v, index=frame.index) for name, v in filled.items()}))
        traces.append(trace)
    names = [column.name for column in incomplete]
    return Imputations(
        tuple(frames),
        {column.name: int(column.missing.sum()) for column in incomplete},
        xr.DataArray(
            np.array(traces).reshape(m, cycles, len(names)),
            dims=("imputation", "cycle", "column"),
            coords={"imputation": np.arange(m), "cycle": np.arange(1, cycles + 1), "column": names},
        ),
    )


def imputed_designs(prepared: PreparedData, seed: int) -> tuple[tuple[Design, ...], Imputations]:
    """The Designs of a spec's imputations, one a completed copy of the rows, and how they came about.

    Parameters
    ----------
    prepared : PreparedData
        Of a spec with ``missing = "impute"``; all predictors, those of the scale model too, and the outcome take part,
        the groups as random intercepts.
    seed : int

    Raises
    ------
    InputError
        With weights (a cell that stands for many respondents would have one value for them all), or if a column cannot
        be imputed.
    """
    spec, formula = prepared.spec, prepared.formula
    if spec.weights:
        raise InputError(f"imputation needs a row for each respondent; repeat rows by {spec.weights} and leave it out")
    kinds: dict[str, Kind] = {**prepared.kinds, formula.outcome: "ordinal"}
    try:
        imputations = impute(prepared.used, kinds, spec.imputations, seed, group=formula.group)
    except ValueError as error:
        raise InputError(str(error)) from error
    return tuple(encode(prepared, frame).design for frame in imputations.frames), imputations


def _column(frame: pd.DataFrame, name: str, kind: Kind) -> _Column:
    if name not in frame:
        raise ValueError(f"{name} is not a column of the data")
    series = frame[name]
    missing = series.isna().to_numpy()
    if isinstance(series.dtype, pd.CategoricalDtype):
        score = series.cat.codes.to_numpy(dtype=float)
    elif pd.api.types.is_numeric_dtype(series.dtype):
        score = series.to_numpy(dtype=float, na_value=np.nan)
    else:
        raise ValueError(f"{name} must be numeric or categorical to be imputed; got {series.dtype}: declare its levels")
    values, codes = np.unique(score[~missing], return_inverse=True)
    if values.size < 2:
        raise ValueError(f"{name} has {values.size} different observed values, so nothing can predict it: leave it out")
    if kind == "nominal":
        # levels that nobody has would give constant indicators
        score = score.copy()
        score[~missing] = codes
    return _Column(name, kind == "nominal", score, missing, values.size)


def _group_codes(frame: pd.DataFrame, group: str) -> np.ndarray | None:
    if not group:
        return None
    codes, _ = pd.factorize(frame[group])
    if np.any(codes < 0):
        raise ValueError(f"{group} has {int(np.sum(codes < 0))} missing values; a group cannot be imputed")
    return np.asarray(codes)


def _one_imputation(
    columns: Sequence[_Column],
    incomplete: Sequence[_Column],
    codes: np.ndarray | None,
    cycles: int,
    donors: int,
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], list[list[float]]]:
    """Row that each cell takes its value from, a column; and the mean of the imputed scores after every cycle."""
    source = {c.name: np.arange(c.score.size) for c in incomplete}
    for column in incomplete:
        source[column.name][column.missing] = rng.choice(np.flatnonzero(~column.missing), int(column.missing.sum()))
    blocks = [c.features(c.score[source[c.name]] if c.name in source else c.score) for c in columns]
    owner = np.concatenate([[-1], np.repeat(np.arange(len(columns)), [block.shape[1] for block in blocks])])
    features = np.column_stack([np.ones(columns[0].score.size), *blocks])
    position = {column.name: index for index, column in enumerate(columns)}
    intercepts = {c.name: _initial_intercept(codes, blocks[position[c.name]].shape[1]) for c in incomplete}
    trace = []
    for _ in range(cycles):
        for column in incomplete:
            own = np.flatnonzero(owner == position[column.name])
            x = np.delete(features, own, axis=1)
            intercept = intercepts[column.name]
            found = _predictions(x, features[:, own], column.missing, codes, intercept, rng)
            intercepts[column.name] = found.intercept
            rows = np.flatnonzero(~column.missing)[_nearest(found.observed, found.missing, donors, rng)]
            source[column.name][column.missing] = rows
            features[np.ix_(np.flatnonzero(column.missing), own)] = features[np.ix_(rows, own)]
        trace.append([float(c.score[source[c.name][c.missing]].mean()) for c in incomplete])
    return source, trace


@dataclass(frozen=True, slots=True)
class _Intercept:
    """Random intercepts of one column's regression: the last draw, and their variance over the residual's."""

    effect: np.ndarray
    variance: float


@dataclass(frozen=True, slots=True)
class _Predictions:
    """Predicted means, shape (n, n_responses), in units of the residual's standard deviation."""

    observed: np.ndarray
    missing: np.ndarray
    intercept: _Intercept | None


def _initial_intercept(codes: np.ndarray | None, n_responses: int) -> _Intercept | None:
    return None if codes is None else _Intercept(np.zeros((int(codes.max()) + 1, n_responses)), 0.1)


def _predictions(
    x: np.ndarray,
    response: np.ndarray,
    missing: np.ndarray,
    codes: np.ndarray | None,
    intercept: _Intercept | None,
    rng: np.random.Generator,
) -> _Predictions:
    """Predicted means of the observed rows at the estimate, of the missing rows at a draw of the parameters."""
    observed = ~missing
    if codes is not None and intercept is not None:
        response = response - intercept.effect[codes]
    estimate, root = _least_squares(x, response, missing)
    fitted = x @ estimate
    residual = (response - fitted)[observed]
    df = residual.shape[0] - x.shape[1]
    # Sigma ~ inverse Wishart(residual' residual, df); B | Sigma ~ N(estimate, Sigma x (X'X)^-1)
    scatter = residual.T @ residual + _RIDGE * np.eye(residual.shape[1])
    covariance = np.atleast_2d(stats.invwishart.rvs(df, scatter, random_state=rng))
    noise = root @ rng.standard_normal(estimate.shape) @ np.linalg.cholesky(covariance).T
    at_estimate, at_draw = fitted[observed], x[missing] @ (estimate + noise)
    if codes is not None and intercept is not None:
        seen = codes[observed]
        residual = residual + intercept.effect[seen]
        mean, _ = _group_effects(residual, seen, intercept, np.diag(covariance))
        around, spread = _group_effects(residual - x[observed] @ noise, seen, intercept, np.diag(covariance))
        effect = around + spread * rng.standard_normal(mean.shape)
        intercept = _Intercept(effect, _drawn_variance(effect, np.diag(covariance), rng))
        at_estimate, at_draw = at_estimate + mean[seen], at_draw + effect[codes[missing]]
    whiten = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return _Predictions(at_estimate @ whiten, at_draw @ whiten, intercept)


def _least_squares(x: np.ndarray, response: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients from the observed rows and a root of the inverse cross-products.

    The cross-products of all rows less those of the few missing ones: cheaper than copying the observed rows.
    """
    if np.sum(~missing) < x.shape[1] + 2:
        raise ValueError(f"{np.sum(~missing)} observed cells cannot be regressed on {x.shape[1]} columns: drop columns")
    gram = x.T @ x - x[missing].T @ x[missing]
    gram[np.diag_indices_from(gram)] *= 1 + _RIDGE
    root = np.linalg.inv(np.linalg.cholesky(gram)).T  # gram^-1 = root root'
    moment = x.T @ response - x[missing].T @ response[missing]
    return root @ (root.T @ moment), root


def _group_effects(
    residual: np.ndarray, codes: np.ndarray, intercept: _Intercept, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and standard deviation of the random intercepts, shapes (n_groups, n_responses)."""
    n_groups, n_responses = intercept.effect.shape
    size = np.bincount(codes, minlength=n_groups).astype(float)[:, None]
    sums = np.column_stack([np.bincount(codes, weights=residual[:, j], minlength=n_groups) for j in range(n_responses)])
    precision = size + 1 / intercept.variance  # in units of the residual's precision
    return sums / precision, np.sqrt(variance / precision)


def _drawn_variance(effect: np.ndarray, variance: np.ndarray, rng: np.random.Generator) -> float:
    """Variance of the intercepts over that of the residual, from its scaled inverse chi-squared posterior."""
    squares = float(np.sum(effect**2 / variance)) + _GROUP_PRIOR_DF * _GROUP_PRIOR_VARIANCE
    return squares / float(rng.chisquare(effect.size + _GROUP_PRIOR_DF))


def _nearest(observed: np.ndarray, wanted: np.ndarray, donors: int, rng: np.random.Generator) -> np.ndarray:
    """Position of one donor a wanted row: drawn from the nearest ones, ties broken at random."""
    donors = min(donors, observed.shape[0])
    if observed.shape[1] == 1:
        return _nearest_on_a_line(observed[:, 0], wanted[:, 0], donors, rng)
    _, candidates = cKDTree(observed + _TIE_NOISE * rng.random(observed.shape)).query(wanted, k=donors)
    chosen = np.asarray(candidates).reshape(wanted.shape[0], donors)
    picked: np.ndarray = chosen[np.arange(wanted.shape[0]), rng.integers(donors, size=wanted.shape[0])]
    return picked


def _nearest_on_a_line(observed: np.ndarray, wanted: np.ndarray, donors: int, rng: np.random.Generator) -> np.ndarray:
    shuffled = rng.permutation(observed.size)
    order = shuffled[np.argsort(observed[shuffled], kind="stable")]
    ordered = observed[order]
    low, high = np.searchsorted(ordered, wanted, "left"), np.searchsorted(ordered, wanted, "right")
    # a place anywhere in a run of ties, so that all of its rows can be donors
    place = low + (rng.random(wanted.size) * (high - low + 1)).astype(np.int64)
    width = min(2 * donors, observed.size)
    window = np.clip(place - donors, 0, observed.size - width)[:, None] + np.arange(width)
    distance = np.abs(ordered[window] - wanted[:, None]) + _TIE_NOISE * rng.random(window.shape)
    nearest = np.argpartition(distance, donors - 1, axis=1)
    pick = nearest[np.arange(wanted.size), rng.integers(donors, size=wanted.size)]
    picked: np.ndarray = order[window[np.arange(wanted.size), pick]]
    return picked

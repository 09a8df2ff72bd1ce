"""The predictor model of a Design with missing cells, laid out: sequence, parameters, priors, starting estimates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag

from bayesgov.errors import InputError
from bayesgov.survey.design import Design, MissingColumn
from bayesgov.survey.kernels.missing import MissingArrays
from bayesgov.survey.mode import find_mode

MOST_COMBINATIONS = 3**9  # of one row's missing cells
MOST_TERMS = 5_000_000  # summed over rows: about a second a gradient

_SLOPE, _INTERCEPT, _LOG_GAP, _LOG_SD = 2.5, 5.0, 1.5, 1.0


@dataclass(frozen=True, slots=True, eq=False)
class MissingPlan:
    """The predictor model of one Design.

    Attributes
    ----------
    sequence : ndarray of int, shape (n_terms,)
        Columns of the Design: complete, incomplete continuous, incomplete discrete.
    location, spread : ndarray, shape (n_terms,)
        Mean and standard deviation of the observed cells, in sequence.
    continuous, discrete : tuple of MissingColumn
        In sequence.
    names : tuple of str, length n_parameters
        Parameters of the regressions: continuous columns first.
    prior_sd : ndarray, shape (n_parameters,)
    centre : ndarray, shape (n_parameters,)
        Estimate from the rows where a column and those before it are observed.
    factor : ndarray, shape (n_parameters, n_parameters)
        Triangular root of the estimate's covariance, block by block.
    arrays : MissingArrays
        With ``outcome_value`` in the columns' own units.
    """

    sequence: np.ndarray
    location: np.ndarray
    spread: np.ndarray
    continuous: tuple[MissingColumn, ...]
    discrete: tuple[MissingColumn, ...]
    names: tuple[str, ...]
    prior_sd: np.ndarray
    centre: np.ndarray
    factor: np.ndarray
    arrays: MissingArrays

    @property
    def n_complete(self) -> int:
        """Columns without a missing cell."""
        return self.sequence.size - len(self.continuous) - len(self.discrete)


@dataclass(frozen=True, slots=True)
class _Block:
    """One regression: names, prior standard deviations, estimate and root of its covariance."""

    names: list[str]
    prior_sd: np.ndarray
    centre: np.ndarray
    factor: np.ndarray


def plan_missing(design: Design) -> MissingPlan:
    """Lay out the predictor model of a Design with missing cells.

    Raises
    ------
    InputError
        If the combinations of a row's missing cells, or those of all rows, are too many to sum over.
    """
    continuous = tuple(column for column in design.missing if column.kind == "continuous")
    # most missing cells last: their tree then has the fewest regressions below it
    discrete = tuple(sorted((c for c in design.missing if c.kind != "continuous"), key=lambda c: c.rows.size))
    incomplete = [column.column for column in (*continuous, *discrete)]
    complete = [j for j in range(design.n_terms) if j not in incomplete]
    sequence = np.array([*complete, *incomplete])
    x = design.x[:, sequence]
    location, spread = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    z = (x - location) / spread
    arrays = _arrays(design, z, location, spread, continuous, discrete)
    titles = [design.terms[j] for j in sequence]
    first = len(complete) + len(continuous)
    blocks = [_continuous_block(z, len(complete) + c, titles) for c in range(len(continuous))]
    blocks += [_discrete_block(z, arrays.code[:, d], first + d, column, titles) for d, column in enumerate(discrete)]
    return MissingPlan(
        sequence=sequence,
        location=location,
        spread=spread,
        continuous=continuous,
        discrete=discrete,
        names=tuple(name for block in blocks for name in block.names),
        prior_sd=np.concatenate([block.prior_sd for block in blocks]),
        centre=np.concatenate([block.centre for block in blocks]),
        factor=block_diag(*(block.factor for block in blocks)),
        arrays=arrays,
    )


def _arrays(
    design: Design,
    z: np.ndarray,
    location: np.ndarray,
    spread: np.ndarray,
    continuous: tuple[MissingColumn, ...],
    discrete: tuple[MissingColumn, ...],
) -> MissingArrays:
    first = z.shape[1] - len(discrete)
    n_levels = np.array([len(column.support) for column in discrete], dtype=np.int64)
    most = int(n_levels.max(initial=2))
    support, own, code = np.zeros((len(discrete), most)), np.zeros((len(discrete), most)), []
    for d, column in enumerate(discrete):
        own[d, : n_levels[d]] = column.support
        support[d, : n_levels[d]] = (np.array(column.support) - location[first + d]) / spread[first + d]
        code.append(_codes(design, column))
    codes = np.array(code, dtype=np.int64).reshape(len(discrete), design.n_obs).T.copy()
    rows = np.concatenate([column.rows for column in continuous]) if continuous else np.zeros(0, dtype=np.int64)
    position = np.repeat(np.arange(first - len(continuous), first), [column.rows.size for column in continuous]).astype(
        np.int64
    )
    order = np.argsort(rows, kind="stable")
    n_combinations = np.where(codes < 0, n_levels, 1).prod(axis=1, dtype=float)
    _require_summable(design, n_combinations)
    return MissingArrays(
        x=np.ascontiguousarray(np.nan_to_num(z)),
        code=codes,
        n_levels=n_levels,
        support=support,
        outcome_value=own,
        start=np.concatenate([[0], np.cumsum(n_levels - 1 + first + np.arange(len(discrete)))]).astype(np.int64),
        cell=np.column_stack([rows[order], position[order]]).astype(np.int64),
        n_nodes=int(n_combinations.max()),
    )


def _codes(design: Design, column: MissingColumn) -> np.ndarray:
    """Position of each cell among the levels, -1 where missing."""
    values, support = design.x[:, column.column], np.asarray(column.support)
    codes = np.searchsorted(support, values)
    observed = ~np.isnan(values)
    strange = observed & (support[np.minimum(codes, support.size - 1)] != values)
    if strange.any():
        raise ValueError(f"{design.terms[column.column]} holds {values[strange][0]:g}, which is not in its support")
    codes[~observed] = -1
    return codes


def _require_summable(design: Design, n_combinations: np.ndarray) -> None:
    remedy = 'set missing = "impute", or leave predictors out'
    worst = int(n_combinations.argmax())
    if n_combinations[worst] > MOST_COMBINATIONS:
        raise InputError(
            f"row {design.row[worst] + 1} of the data lacks so many predictors that {n_combinations[worst]:,.0f} "
            f"combinations would have to be summed; at most {MOST_COMBINATIONS:,} can be: {remedy}"
        )
    if n_combinations.sum() > MOST_TERMS:
        raise InputError(
            f"the missing cells have {n_combinations.sum():,.0f} combinations over all rows; "
            f"at most {MOST_TERMS:,} can be summed: {remedy}"
        )


def _continuous_block(z: np.ndarray, position: int, titles: list[str]) -> _Block:
    title, before = titles[position], titles[:position]
    names = [f"{title}: mean", *(f"{title} ~ {other}" for other in before), f"{title}: log sd"]
    prior_sd = np.array([_INTERCEPT, *[_SLOPE] * position, _LOG_SD])
    rows = ~np.isnan(z[:, : position + 1]).any(axis=1)
    if rows.sum() < 2 * prior_sd.size:
        return _Block(names, prior_sd, np.zeros(prior_sd.size), np.diag(prior_sd))
    x = np.column_stack([np.ones(rows.sum()), z[rows, :position]])
    ridge = np.diag(prior_sd[:-1] ** -2)
    coefficients = np.linalg.solve(x.T @ x + ridge, x.T @ z[rows, position])
    variance = max(float(np.mean((z[rows, position] - x @ coefficients) ** 2)), 1e-6)
    precision = np.zeros((prior_sd.size, prior_sd.size))
    precision[:-1, :-1] = x.T @ x / variance
    precision[-1, -1] = 2 * rows.sum()  # information of a log standard deviation
    return _Block(names, prior_sd, np.append(coefficients, 0.5 * math.log(variance)), _root(precision, prior_sd))


def _discrete_block(z: np.ndarray, code: np.ndarray, position: int, column: MissingColumn, titles: list[str]) -> _Block:
    title, n_levels = titles[position], len(column.support)
    names = [f"{title}: first threshold", *(f"{title}: log gap {m}" for m in range(1, n_levels - 1))]
    names += [f"{title} ~ {other}" for other in titles[:position]]
    prior_sd = np.array([_INTERCEPT, *[_LOG_GAP] * (n_levels - 2), *[_SLOPE] * position])
    rows = ~np.isnan(z[:, : position + 1]).any(axis=1)
    counts = np.eye(n_levels)[code[rows]]
    if rows.sum() < 2 * prior_sd.size or np.any(counts.sum(axis=0) == 0):
        return _Block(names, prior_sd, np.zeros(prior_sd.size), np.diag(prior_sd))
    mode = find_mode(counts, z[rows, :position])
    usable = mode.converged and np.all(np.abs(mode.coefficients) < 4 * _SLOPE)
    if not usable:  # separation: the prior decides there, and its scale is the better coordinate
        return _Block(names, prior_sd, np.zeros(prior_sd.size), np.diag(prior_sd))
    gaps = np.diff(mode.cutpoints)
    # (c_1, log gaps, slopes) -> (c_1, ..., slopes)
    jacobian = np.eye(prior_sd.size)
    jacobian[1 : n_levels - 1, 0] = 1.0
    jacobian[1 : n_levels - 1, 1 : n_levels - 1] = np.tril(np.tile(gaps, (gaps.size, 1)))
    precision = jacobian.T @ np.linalg.inv(mode.covariance) @ jacobian
    centre = np.concatenate([mode.cutpoints[:1], np.log(gaps), mode.coefficients])
    return _Block(names, prior_sd, centre, _root(precision, prior_sd))


def _root(precision: np.ndarray, prior_sd: np.ndarray) -> np.ndarray:
    """Lower-triangular root of the inverse of likelihood and prior precision."""
    return np.linalg.cholesky(np.linalg.inv(precision + np.diag(prior_sd**-2)))

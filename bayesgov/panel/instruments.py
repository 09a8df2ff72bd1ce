"""Instruments and moments of difference and system GMM, to the conventions of xtabond2.

Roodman (2009, doi:10.1177/1536867X0900900106). The transformed equation takes lagged levels as instruments, the level
equation lagged differences; a missing instrument counts as zero. The rows of a unit are its transformed equation,
period by period, and then its level equation. An instrument is non-zero in few rows, most of them in one, so only its
non-zero pieces are kept, one column for each row: memory grows with units × pieces, and every product of instruments
is one of pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bayesgov.panel.cube import Panel, differenced, lagged

Equation = Literal["both", "difference", "level"]
Transformation = Literal["difference", "deviation"]


@dataclass(frozen=True, slots=True)
class Regressor:
    """A variable at a lag."""

    variable: str
    lag: int = 0

    @property
    def name(self) -> str:
        return self.variable if self.lag == 0 else f"L{self.lag}.{self.variable}"


@dataclass(frozen=True, slots=True)
class GmmStyle:
    """Lags of a variable as instruments, one column for each period and lag.

    Attributes
    ----------
    first, last : int, int or None
        Lags for the transformed equation; None for as many as there are. Endogenous variables start at lag 2,
        predetermined ones at 1, exogenous ones at 0. The level equation takes the difference at lag ``first - 1``,
        further lags being redundant; with ``equation = "level"``, where they are not, at lags ``first`` to ``last``.
    collapse : bool
        One column for each lag instead of each lag and period.
    equation : {"both", "difference", "level"}
    """

    variable: str
    first: int = 2
    last: int | None = None
    collapse: bool = False
    equation: Equation = "both"


@dataclass(frozen=True, slots=True)
class IvStyle:
    """A variable as its own instrument, one column: transformed in the one equation, as it stands in the other.

    Rows where it is missing are not used.
    """

    variable: str
    lag: int = 0
    equation: Equation = "both"


@dataclass(frozen=True, slots=True)
class GmmModel:
    """What GMM estimates and by which instruments.

    Attributes
    ----------
    outcome : str
    regressors : tuple of Regressor
        Lags of the outcome included.
    instruments : tuple of GmmStyle or IvStyle
    system : bool
        Whether the level equation is added.
    transformation : {"difference", "deviation"}
        First differences or forward orthogonal deviations (Arellano & Bover 1995,
        doi:10.1016/0304-4076(94)01642-D).
    time_effects : {"none", "both", "difference", "level"}
        Period dummies among the regressors, and the equation in which they serve as their own instruments.
    """

    outcome: str
    regressors: tuple[Regressor, ...]
    instruments: tuple[GmmStyle | IvStyle, ...]
    system: bool = False
    transformation: Transformation = "difference"
    time_effects: Literal["none"] | Equation = "none"


@dataclass(frozen=True, slots=True)
class Rows:
    """Stacked equations of every unit; absent rows are zero.

    Attributes
    ----------
    x : ndarray, shape (n_units, n_rows, n_regressors)
    y : ndarray, shape (n_units, n_rows)
    mask : ndarray of bool, shape (n_units, n_rows)
    transform : ndarray, shape (n_units or 1, n_times, n_times)
        The transformed equation as combinations of the level equation.
    spread : ndarray, shape (n_rows, n_times)
        The rows as combinations of level errors in a unit without gaps, whose covariance xtabond2 gives every unit.
    difference_x, difference_y, difference_mask
        The equation in first differences, shape (n_units, n_times, ...), which tests of autocorrelation are about.
    names : tuple of str, length n_regressors
    dummies : mapping of str to int
        Names of the period dummies, and the periods' positions.
    """

    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray
    transform: np.ndarray
    spread: np.ndarray
    difference_x: np.ndarray
    difference_y: np.ndarray
    difference_mask: np.ndarray
    names: tuple[str, ...]
    dummies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Moments:
    """Instruments in pieces, one for each row in which an instrument is not zero, and their products.

    Attributes
    ----------
    pieces : ndarray, shape (n_units, n_pieces)
        Sorted by instrument.
    row : ndarray of int, shape (n_pieces,)
    start : ndarray of int, shape (n_instruments,), first piece of each instrument
    zx, zy : ndarray, shape (n_instruments, n_regressors) and (n_instruments,)
    zhz : ndarray, shape (n_instruments, n_instruments)
        Sum over units of Z'HZ, H the covariance of the rows under independent level errors.
    names : tuple of str, length n_instruments
    groups : tuple of str, length n_instruments
        The instrument declaration that each belongs to; empty for the constant.
    level_gmm : ndarray of bool, shape (n_instruments,)
        Lagged differences that instrument the level equation.
    """

    pieces: np.ndarray
    row: np.ndarray
    start: np.ndarray
    zx: np.ndarray
    zy: np.ndarray
    zhz: np.ndarray
    names: tuple[str, ...]
    groups: tuple[str, ...]
    level_gmm: np.ndarray

    @property
    def column(self) -> np.ndarray:
        """Instrument of each piece, shape (n_pieces,)."""
        ends = np.append(self.start[1:], self.row.size)
        return np.repeat(np.arange(self.start.size), ends - self.start)


@dataclass(frozen=True, slots=True)
class _Column:
    """One instrument: the cube, and its (row, period of the cube) pairs."""

    name: str
    group: str
    cube: np.ndarray
    rows: np.ndarray
    periods: np.ndarray
    level_gmm: bool = False


def stack_rows(panel: Panel, model: GmmModel) -> Rows:
    """The equations of every unit.

    Raises
    ------
    ValueError
        If no unit has enough consecutive periods for one transformed row.
    """
    n_times = panel.present.shape[1]
    cubes = [lagged(panel.values[entry.variable], entry.lag) for entry in model.regressors]
    names = [entry.name for entry in model.regressors]
    outcome = panel.values[model.outcome]
    own = [lagged(panel.values[i.variable], i.lag) for i in model.instruments if isinstance(i, IvStyle)]
    complete = ~np.isnan(np.stack([outcome, *cubes, *own])).any(axis=0)
    if model.system:
        cubes.append(np.ones_like(outcome))
        names.append("constant")
    dummies: dict[str, int] = {}
    if model.time_effects != "none":
        # the first period is the constant's, or lost in differences
        for period in np.flatnonzero(complete.any(axis=0))[1:]:
            cubes.append(np.broadcast_to(np.arange(n_times) == period, outcome.shape).astype(float))
            dummies[f"time[{panel.times[period]}]"] = int(period)
    x = np.where(complete[..., None], np.stack(cubes, axis=-1), 0.0)
    y = np.where(complete, outcome, 0.0)
    difference = _differences(n_times)
    difference_mask = complete & np.pad(complete[:, :-1], ((0, 0), (1, 0)))
    changes = np.where(difference_mask[..., None], difference @ x, 0.0)
    outcome_changes = np.where(difference_mask, y @ difference.T, 0.0)
    if model.transformation == "difference":
        transform, spread = difference[None], difference
        mask, rows_x, rows_y = difference_mask, changes, outcome_changes
    else:
        transform, spread = _deviations(complete), _deviations(np.ones((1, n_times), dtype=bool))[0]
        mask = (transform != 0).any(axis=2)
        rows_x, rows_y = transform @ x, (transform @ y[..., None])[..., 0]
    if not mask.any():
        raise ValueError(
            "no unit has two consecutive complete periods for the transformed equation: fewer lags, or more periods"
        )
    if model.system:
        spread = np.concatenate([spread, np.eye(n_times)])
        mask = np.concatenate([mask, complete], axis=1)
        rows_x, rows_y = np.concatenate([rows_x, x], axis=1), np.concatenate([rows_y, y], axis=1)
    return Rows(
        x=rows_x,
        y=rows_y,
        mask=mask,
        transform=transform,
        spread=spread,
        difference_x=changes,
        difference_y=outcome_changes,
        difference_mask=difference_mask,
        names=(*names, *dummies),
        dummies=dummies,
    )


def _differences(n_times: int) -> np.ndarray:
    """D with (Dv)_t = v_t - v_{t-1}; its first row is zero."""
    matrix = np.eye(n_times) - np.eye(n_times, k=-1)
    matrix[0] = 0
    return matrix


def _deviations(complete: np.ndarray) -> np.ndarray:
    """Forward orthogonal deviations of every unit, each stored one period late so that lags count as in differences.

    sqrt(m / (m + 1)) (v_t - mean of the m later ones), over the complete periods only.
    """
    n_units, n_times = complete.shape
    later = complete[:, ::-1].cumsum(axis=1)[:, ::-1] - complete
    matrix = np.zeros((n_units, n_times, n_times))
    for period in range(n_times - 1):
        count = later[:, period]
        use = complete[:, period] & (count > 0)
        scale = np.where(use, np.sqrt(count / (count + 1.0)), 0.0)
        matrix[:, period + 1, period] = scale
        mean = np.where(use, scale / np.maximum(count, 1), 0.0)
        matrix[:, period + 1, period + 1 :] = -mean[:, None] * complete[:, period + 1 :]
    return matrix


def build_moments(panel: Panel, model: GmmModel, rows: Rows) -> Moments:
    """Products of the instruments with regressors, outcome and error covariance.

    Raises
    ------
    ValueError
        If every instrument is zero.
    """
    columns = _columns(panel, model, rows)
    row = np.concatenate([column.rows for column in columns])
    owner = np.repeat(np.arange(len(columns)), [column.rows.size for column in columns])
    pieces = np.concatenate([column.cube[:, column.periods] for column in columns], axis=1) * rows.mask[:, row]
    alive = pieces.any(axis=0)
    if not alive.any():
        raise ValueError("every instrument is zero in every row: choose lags that the panel has")
    pieces, row, owner = pieces[:, alive], row[alive], owner[alive]
    used, start = np.unique(owner, return_index=True)
    kept = [columns[index] for index in used]
    # pieces of rows r and s meet with the errors' covariance H_rs
    covariance = (rows.spread @ rows.spread.T)[np.ix_(row, row)]
    gram = (pieces.T @ pieces) * covariance
    return Moments(
        pieces=pieces,
        row=row,
        start=start,
        zx=_over_units(pieces, row, start, rows.x),
        zy=_summed((pieces * rows.y[:, row]).sum(axis=0), start, 0),
        zhz=_summed(_summed(gram, start, 0), start, 1),
        names=tuple(column.name for column in kept),
        groups=tuple(column.group for column in kept),
        level_gmm=np.array([column.level_gmm for column in kept]),
    )


def scores(moments: Moments, errors: np.ndarray) -> np.ndarray:
    """Z_i'e_i of every unit, shape (n_units, n_instruments), from errors of shape (n_units, n_rows)."""
    return _summed(moments.pieces * errors[:, moments.row], moments.start, 1)


def weighted_products(moments: Moments, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sum over units of weight_i Z_i'X_i, shape (n_instruments, n_regressors)."""
    return _over_units(moments.pieces * weights[:, None], moments.row, moments.start, x)


def pulled_regressors(moments: Moments, pull: np.ndarray, x: np.ndarray) -> np.ndarray:
    """X_i'Z_i a of every unit, shape (n_units, n_regressors), for a vector over the instruments."""
    parts = moments.pieces * pull[moments.column]
    result = np.zeros((x.shape[0], x.shape[2]))
    for row in np.unique(moments.row):
        result += parts[:, moments.row == row].sum(axis=1)[:, None] * x[:, row]
    return result


def _over_units(pieces: np.ndarray, row: np.ndarray, start: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sum over units of Z_i'X_i: pieces of one row meet that row's regressors."""
    products = np.empty((row.size, x.shape[2]))
    for each in np.unique(row):
        here = np.flatnonzero(row == each)
        products[here] = pieces[:, here].T @ x[:, each]
    return _summed(products, start, 0)


def _summed(values: np.ndarray, start: np.ndarray, axis: int) -> np.ndarray:
    """Sums over the pieces of each instrument."""
    if start.size == values.shape[axis]:
        return values
    sums: np.ndarray = np.add.reduceat(values, start, axis=axis)
    return sums


def _columns(panel: Panel, model: GmmModel, rows: Rows) -> list[_Column]:
    n_times = len(panel.times)
    columns: list[_Column] = []
    for entry in model.instruments:
        if isinstance(entry, GmmStyle):
            columns += _gmm_columns(entry, panel, system=model.system)
            continue
        name = Regressor(entry.variable, entry.lag).name
        level = lagged(panel.values[entry.variable], entry.lag)
        columns += _iv_columns(name, f"iv({name})", level, entry.equation, model, rows)
    if model.time_effects != "none":
        for name, period in rows.dummies.items():
            dummy = np.broadcast_to(np.arange(n_times) == period, panel.present.shape).astype(float)
            columns += _iv_columns(name, "iv(time effects)", dummy, model.time_effects, model, rows)
    if model.system:
        periods = np.arange(n_times)
        columns.append(_Column("constant", "", np.ones(panel.present.shape), n_times + periods, periods))
    return columns


def _gmm_columns(entry: GmmStyle, panel: Panel, *, system: bool) -> list[_Column]:
    """Lagged levels for the transformed equation, lagged differences for the level equation."""
    n_times = len(panel.times)
    group, cube = f"gmm({entry.variable})", panel.values[entry.variable]
    last = n_times - 1 if entry.last is None else min(entry.last, n_times - 1)
    columns: list[_Column] = []
    if entry.equation != "level":
        level = np.nan_to_num(cube)
        for lag in range(entry.first, last + 1):
            rows = np.arange(lag, n_times)
            whole = _Column(f"L{lag}.{entry.variable}", group, level, rows, rows - lag)
            columns += [whole] if entry.collapse else _by_period(whole, panel.times, 0)
    if system and entry.equation != "difference":
        change = np.nan_to_num(differenced(cube))
        # beside lags in the transformed equation, all but one difference are combinations of the others
        lags = range(entry.first, last + 1) if entry.equation == "level" else (max(entry.first - 1, 0),)
        for lag in lags:
            rows = np.arange(lag, n_times)
            name = f"level: D.L{lag}.{entry.variable}"
            whole = _Column(name, group, change, n_times + rows, rows - lag, level_gmm=True)
            columns += [whole] if entry.collapse else _by_period(whole, panel.times, n_times)
    return columns


def _by_period(column: _Column, times: Sequence[int], first_row: int) -> list[_Column]:
    """One column for each row instead of one over all."""
    return [
        replace(
            column,
            name=f"{column.name} in {times[row - first_row]}",
            rows=column.rows[index : index + 1],
            periods=column.periods[index : index + 1],
        )
        for index, row in enumerate(column.rows)
    ]


def _iv_columns(
    name: str, group: str, level: np.ndarray, equation: Equation, model: GmmModel, rows: Rows
) -> list[_Column]:
    n_times = level.shape[1]
    known, everywhere = np.nan_to_num(level), np.arange(n_times)
    if model.system and equation == "level":
        return [_Column(name, group, known, n_times + everywhere, everywhere)]
    transformed = (rows.transform @ known[..., None])[..., 0]
    if not model.system or equation == "difference":
        return [_Column(name, group, transformed, everywhere, everywhere)]
    both = np.arange(2 * n_times)  # one column over both equations
    return [_Column(name, group, np.concatenate([transformed, known], axis=1), both, both)]

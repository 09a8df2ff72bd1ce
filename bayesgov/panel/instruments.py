"""Instruments and moments of difference and system GMM, to the conventions of xtabond2.

Roodman (2009, doi:10.1177/1536867X0900900106). The transformed equation takes lagged levels as instruments, the level
equation lagged differences; a missing instrument counts as zero. The rows of a unit are its transformed equation,
period by period, and then its level equation. Instruments are built for a block of units at a time and only their
products are kept, so memory grows with units × instruments × regressors, not with units × periods × instruments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bayesgov.panel.cube import Panel, differenced, lagged

Equation = Literal["both", "difference", "level"]
Transformation = Literal["difference", "deviation"]

_BLOCK_CELLS = 4_000_000  # numbers of a block's instruments held at a time (32 MB)


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
        predetermined ones at 1, exogenous ones at 0. The level equation takes the difference at lag ``first - 1``.
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
    """A variable as its own instrument, one column: transformed in the one equation, as it stands in the other."""

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
    transform : ndarray, shape (n_units or 1, n_rows, n_times)
        The rows as combinations of level errors: their covariance is ``transform @ transform.T`` up to scale.
    difference_x, difference_y, difference_mask
        The equation in first differences, shape (n_units, n_times, ...), whatever the transformation: tests of
        autocorrelation are about it.
    names : tuple of str, length n_regressors
    """

    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray
    transform: np.ndarray
    difference_x: np.ndarray
    difference_y: np.ndarray
    difference_mask: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moments:
    """Products of instruments with everything else, unit by unit.

    Attributes
    ----------
    zx : ndarray, shape (n_units, n_instruments, n_regressors)
    zy : ndarray, shape (n_units, n_instruments)
    zhz : ndarray, shape (n_instruments, n_instruments)
        Sum over units of Z'HZ, H the covariance of the rows under independent level errors.
    names : tuple of str, length n_instruments
    groups : tuple of str, length n_instruments
        The instrument declaration that each column belongs to.
    in_level : ndarray of bool, shape (n_instruments,)
        Columns that instrument the level equation only.
    used : ndarray of int, shape (n_instruments,)
        Positions among the declared columns, of which those that are zero everywhere are left out.
    """

    zx: np.ndarray
    zy: np.ndarray
    zhz: np.ndarray
    names: tuple[str, ...]
    groups: tuple[str, ...]
    in_level: np.ndarray
    used: np.ndarray


@dataclass(frozen=True, slots=True)
class _Column:
    """One instrument: which cube at which rows. ``cells`` are (row, period of the cube) pairs."""

    name: str
    group: str
    cube: str
    rows: np.ndarray
    periods: np.ndarray

    def in_level(self, n_times: int) -> bool:
        return bool((self.rows >= n_times).all())


def stack_rows(panel: Panel, model: GmmModel) -> Rows:
    """The equations of every unit.

    Raises
    ------
    ValueError
        If no unit has enough consecutive periods for one transformed row.
    """
    n_units, n_times = panel.present.shape
    cubes = [lagged(panel.values[entry.variable], entry.lag) for entry in model.regressors]
    names = [entry.name for entry in model.regressors]
    outcome = panel.values[model.outcome]
    complete = ~np.isnan(outcome)
    for cube in cubes:
        complete &= ~np.isnan(cube)
    if model.system:
        cubes.append(np.ones_like(outcome))
        names.append("constant")
    if model.time_effects != "none":
        # the first period is the constant's, or lost in differences
        for period in np.flatnonzero(complete.any(axis=0))[1:]:
            cubes.append(np.broadcast_to(np.arange(n_times) == period, outcome.shape).astype(float))
            names.append(f"{panel.times[period]}")
    x = np.where(complete[..., None], np.stack(cubes, axis=-1), 0.0)
    y = np.where(complete, outcome, 0.0)
    difference = _differences(n_times)
    difference_mask = complete & np.concatenate([np.zeros((n_units, 1), dtype=bool), complete[:, :-1]], axis=1)
    transform = difference[None] if model.transformation == "difference" else _deviations(complete)
    mask = difference_mask if model.transformation == "difference" else np.any(transform != 0, axis=2)
    if not mask.any():
        raise ValueError(
            "no unit has two consecutive complete periods for the transformed equation: fewer lags, or more periods"
        )
    level = np.eye(n_times)[None]
    if model.system:
        transform = np.concatenate([transform, np.broadcast_to(level, (transform.shape[0], n_times, n_times))], axis=1)
        mask = np.concatenate([mask, complete], axis=1)
    return Rows(
        x=np.where(mask[..., None], transform @ x, 0.0),
        y=np.where(mask, (transform @ y[..., None])[..., 0], 0.0),
        mask=mask,
        transform=transform,
        difference_x=np.where(difference_mask[..., None], difference @ x, 0.0),
        difference_y=np.where(difference_mask, y @ difference.T, 0.0),
        difference_mask=difference_mask,
        names=tuple(names),
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
    n_columns = len(columns)
    zx = np.empty((rows.y.shape[0], n_columns, rows.x.shape[2]))
    zy = np.empty((rows.y.shape[0], n_columns))
    zhz = np.zeros((n_columns, n_columns))
    for part, z in _blocks(columns, _sources(panel, model, rows), rows):
        zx[part] = z.transpose(0, 2, 1) @ rows.x[part]
        zy[part] = (z.transpose(0, 2, 1) @ rows.y[part][..., None])[..., 0]
        spread = (_of(rows.transform, part).transpose(0, 2, 1) @ z).reshape(-1, n_columns)
        zhz += spread.T @ spread  # the Gram matrix of T'Z is Z'TT'Z
    used = np.flatnonzero(np.diag(zhz) > 0)
    if used.size == 0:
        raise ValueError("every instrument is zero in every row: choose lags that the panel has")
    kept = [columns[index] for index in used]
    n_times = panel.present.shape[1]
    return Moments(
        zx=zx[:, used],
        zy=zy[:, used],
        zhz=zhz[np.ix_(used, used)],
        names=tuple(column.name for column in kept),
        groups=tuple(column.group for column in kept),
        in_level=np.array([column.in_level(n_times) for column in kept]),
        used=used,
    )


def instrumented_errors(panel: Panel, model: GmmModel, rows: Rows, moments: Moments, errors: np.ndarray) -> np.ndarray:
    """Sum over units of Z'Tv, the instruments' products with transformed level errors.

    Parameters
    ----------
    errors : ndarray, shape (n_units, n_times)

    Returns
    -------
    ndarray, shape (n_instruments,)
    """
    columns = _columns(panel, model, rows)
    total = np.zeros(len(columns))
    for part, z in _blocks(columns, _sources(panel, model, rows), rows):
        total += np.einsum("nrl,nr->l", z, (_of(rows.transform, part) @ errors[part][..., None])[..., 0])
    used: np.ndarray = total[moments.used]
    return used


def _of(transform: np.ndarray, part: slice) -> np.ndarray:
    """The units' own transformations, or the one that they share."""
    return transform if transform.shape[0] == 1 else transform[part]


def _blocks(
    columns: Sequence[_Column], sources: Mapping[str, np.ndarray], rows: Rows
) -> Iterator[tuple[slice, np.ndarray]]:
    """Instruments block by block: the units, and z of shape (n_block, n_rows, n_instruments)."""
    n_units, n_rows = rows.mask.shape
    size = max(1, _BLOCK_CELLS // (n_rows * len(columns)))
    for start in range(0, n_units, size):
        part = slice(start, min(start + size, n_units))
        yield part, _instrument_block(columns, sources, rows.mask[part], part)


def _sources(panel: Panel, model: GmmModel, rows: Rows) -> Mapping[str, np.ndarray]:
    """Cubes that instruments are cut from; missing cells are zero."""
    cubes: dict[str, np.ndarray] = {"1": np.ones(panel.present.shape)}
    for entry in model.instruments:
        cube = panel.values[entry.variable]
        if isinstance(entry, GmmStyle):
            cubes[entry.variable] = np.nan_to_num(cube)
            cubes[f"D.{entry.variable}"] = np.nan_to_num(differenced(cube))
            continue
        moved = lagged(cube, entry.lag)
        cubes[f"iv.{entry.variable}.{entry.lag}"] = np.nan_to_num(moved)
        known = np.where(np.isnan(moved), 0.0, moved)
        transformed = (rows.transform[:, : panel.present.shape[1]] @ known[..., None])[..., 0]
        cubes[f"ivt.{entry.variable}.{entry.lag}"] = transformed
    for position, name in enumerate(rows.names):
        n_times = panel.present.shape[1]
        if name in {str(time) for time in panel.times}:
            cubes[f"ivt.time.{name}"] = rows.x[:, :n_times, position]
            if model.system:
                cubes[f"iv.time.{name}"] = rows.x[:, n_times:, position]
    return cubes


def _columns(panel: Panel, model: GmmModel, rows: Rows) -> list[_Column]:
    n_times = panel.present.shape[1]
    columns: list[_Column] = []
    for entry in model.instruments:
        if isinstance(entry, GmmStyle):
            columns += _gmm_columns(entry, panel.times, system=model.system)
        else:
            name = Regressor(entry.variable, entry.lag).name
            columns += _iv_columns(name, f"{entry.variable}.{entry.lag}", f"iv({name})", entry.equation, n_times, model)
    if model.time_effects != "none":
        for name in (name for name in rows.names if name in {str(time) for time in panel.times}):
            columns += _iv_columns(name, f"time.{name}", "iv(time effects)", model.time_effects, n_times, model)
    if model.system:
        level = np.arange(n_times)
        columns.append(_Column("constant", "iv(constant)", "1", n_times + level, level))
    return columns


def _gmm_columns(entry: GmmStyle, times: Sequence[int], *, system: bool) -> list[_Column]:
    n_times = len(times)
    group = f"gmm({entry.variable})"
    columns: list[_Column] = []
    if entry.equation != "level":
        last = n_times - 1 if entry.last is None else min(entry.last, n_times - 1)
        for lag in range(entry.first, last + 1):
            periods = np.arange(max(lag, 0), n_times)
            columns += _spread(
                f"L{lag}.{entry.variable}", group, entry.variable, periods, periods - lag, times, entry.collapse
            )
    if system and entry.equation != "difference":
        lag = max(entry.first - 1, 0)
        periods = np.arange(lag, n_times)
        columns += _spread(
            f"level: D.L{lag}.{entry.variable}",
            group,
            f"D.{entry.variable}",
            n_times + periods,
            periods - lag,
            [*times, *times],
            entry.collapse,
        )
    return columns


def _spread(
    name: str, group: str, cube: str, rows: np.ndarray, periods: np.ndarray, times: Sequence[int], collapse: bool
) -> list[_Column]:
    """One column over all rows, or one for each."""
    if collapse:
        return [_Column(name, group, cube, rows, periods)]
    return [
        _Column(f"{name} in {times[row]}", group, cube, rows[index : index + 1], periods[index : index + 1])
        for index, row in enumerate(rows)
    ]


def _iv_columns(name: str, key: str, group: str, equation: Equation, n_times: int, model: GmmModel) -> list[_Column]:
    everywhere = np.arange(n_times)
    if not model.system or equation == "difference":
        return [_Column(name, group, f"ivt.{key}", everywhere, everywhere)]
    if equation == "level":
        return [_Column(name, group, f"iv.{key}", n_times + everywhere, everywhere)]
    # one column over both equations: the transformed part and the level part
    rows, periods = np.concatenate([everywhere, n_times + everywhere]), np.concatenate([everywhere, everywhere])
    return [_Column(name, group, f"both.{key}", rows, periods)]


def _instrument_block(
    columns: Sequence[_Column], sources: Mapping[str, np.ndarray], mask: np.ndarray, part: slice
) -> np.ndarray:
    """Instruments of a block of units, shape (n_block, n_rows, n_instruments)."""
    z = np.zeros((*mask.shape, len(columns)))
    for index, column in enumerate(columns):
        if column.cube.startswith("both."):
            key = column.cube.removeprefix("both.")
            values = np.concatenate([sources[f"ivt.{key}"][part], sources[f"iv.{key}"][part]], axis=1)
            z[:, :, index] = values
        else:
            z[:, column.rows, index] = sources[column.cube][part][:, column.periods]
    return np.where(mask[..., None], z, 0.0)

"""A long panel as a cube, units by periods, in which lags and differences respect gaps by construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.errors import InputError

_MOST_PERIODS = 10_000  # a span beyond it is dates read as numbers, and its grid would fill the memory


@dataclass(frozen=True, slots=True)
class Panel:
    """Variables of a panel on its full grid of units and consecutive periods.

    Attributes
    ----------
    units : tuple of str, length n_units
    times : tuple of int, length n_times
        Every period from the first to the last, whether or not a unit has it.
    values : mapping of str to ndarray, shape (n_units, n_times)
        NaN where a cell is missing or the row does not exist.
    present : ndarray of bool, shape (n_units, n_times)
        Whether the data have the row.
    """

    units: tuple[str, ...]
    times: tuple[int, ...]
    values: Mapping[str, np.ndarray]
    present: np.ndarray


def panel_from_frame(frame: pd.DataFrame, unit: str, time: str, variables: Sequence[str]) -> Panel:
    """Put the rows of a long panel onto their grid.

    Parameters
    ----------
    frame : DataFrame
        One row for each unit and period.
    unit, time : str
        Columns; ``time`` holds whole numbers.
    variables : sequence of str
        Numeric columns.

    Raises
    ------
    InputError
        For a missing column, a time that is no whole number, text or infinite values, or a unit with two rows of one
        period.
    """
    wanted = [unit, time, *variables]
    absent = [name for name in wanted if name not in frame]
    if absent:
        raise InputError(
            f"the panel needs the column {absent[0]!r}; the data have: {', '.join(map(str, frame.columns))}"
        )
    period = _periods(frame, time)
    codes, units = pd.factorize(frame[unit], sort=True)
    if (codes < 0).any():
        raise InputError(f"{unit}: {int((codes < 0).sum())} rows have no unit: name it or drop the rows")
    column = period - period.min()
    twice = pd.DataFrame({"unit": codes, "time": column}).duplicated().to_numpy()
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        raise InputError(
            f"{int(twice.sum())} rows repeat a unit and period, the first {frame[unit].iloc[first]}, "
            f"{period[first]}: keep one row each"
        )
    shape = (len(units), int(column.max()) + 1)
    present = np.zeros(shape, dtype=bool)
    present[codes, column] = True
    values = {}
    for name in variables:
        cube = np.full(shape, np.nan)
        cube[codes, column] = _numbers(frame, name)
        values[name] = cube
    start = int(period.min())
    return Panel(tuple(map(str, units)), tuple(range(start, start + shape[1])), values, present)


def _periods(frame: pd.DataFrame, time: str) -> np.ndarray:
    """The rows' periods, whole numbers, shape (n_rows,)."""
    if frame[time].dtype.kind == "M" or isinstance(frame[time].dtype, pd.PeriodDtype):
        raise InputError(f"{time}: whole numbers such as years are wanted; got the date {frame[time].iloc[0]}")
    values = pd.to_numeric(frame[time], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values == np.round(values)))
    if wrong.any():
        raise InputError(f"{time}: whole numbers such as years are wanted; got {frame.loc[wrong, time].iloc[0]}")
    if values.max() - values.min() >= _MOST_PERIODS:
        raise InputError(
            f"{time}: fewer than {_MOST_PERIODS:,} periods one unit apart are wanted; got {values.min():.0f} to "
            f"{values.max():.0f}: number the periods 1, 2, ..."
        )
    return values.astype(np.int64)


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column's values, shape (n_rows,); NaN where missing."""
    numbers = pd.to_numeric(frame[name], errors="coerce")
    text = (numbers.isna() & frame[name].notna()).to_numpy(dtype=bool)
    if text.any():
        raise InputError(f"{name}: numbers are wanted; got {frame.loc[text, name].iloc[0]!r}")
    values = numbers.to_numpy(dtype=float, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        raise InputError(
            f"{name}: finite numbers are wanted; got {values[infinite][0]} in {int(infinite.sum())} rows: correct them "
            "or leave their cells empty"
        )
    return values


def lagged(cube: np.ndarray, lag: int) -> np.ndarray:
    """Values ``lag`` periods earlier, NaN where the grid has none; shape as given."""
    if lag == 0:
        return cube
    moved = np.full_like(cube, np.nan)
    moved[:, lag:] = cube[:, :-lag]
    return moved


def differenced(cube: np.ndarray) -> np.ndarray:
    """x_t - x_{t-1}, NaN where either is missing; shape as given."""
    result: np.ndarray = cube - lagged(cube, 1)
    return result

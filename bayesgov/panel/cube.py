"""A long panel as a cube, units by periods, in which lags and differences respect gaps by construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.errors import InputError


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
        For a missing column, a time that is no whole number, text among the values, or a unit with two rows of one
        period.
    """
    wanted = [unit, time, *variables]
    absent = [name for name in wanted if name not in frame]
    if absent:
        raise InputError(
            f"the panel needs the column {absent[0]!r}; the data have: {', '.join(map(str, frame.columns))}"
        )
    period = pd.to_numeric(frame[time], errors="coerce")
    wrong = period.isna() | (period % 1 != 0)
    if wrong.any():
        raise InputError(f"{time}: whole numbers such as years are wanted; got {frame.loc[wrong, time].iloc[0]}")
    codes, units = pd.factorize(frame[unit], sort=True)
    if (codes < 0).any():
        raise InputError(f"{unit}: {int((codes < 0).sum())} rows have no unit: name it or drop the rows")
    column = (period - period.min()).to_numpy(dtype=np.int64)
    twice = pd.DataFrame({"unit": codes, "time": column}).duplicated().to_numpy()
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        raise InputError(
            f"{int(twice.sum())} rows repeat a unit and period, the first {frame[unit].iloc[first]}, "
            f"{period.iloc[first]:g}: keep one row each"
        )
    shape = (len(units), int(column.max()) + 1)
    present = np.zeros(shape, dtype=bool)
    present[codes, column] = True
    values = {}
    for name in variables:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if (numbers.isna() & frame[name].notna()).any():
            raise InputError(
                f"{name}: numbers are wanted; got {frame.loc[numbers.isna() & frame[name].notna(), name].iloc[0]!r}"
            )
        cube = np.full(shape, np.nan)
        cube[codes, column] = numbers.to_numpy(dtype=float)
        values[name] = cube
    start = int(period.min())
    return Panel(tuple(map(str, units)), tuple(range(start, start + shape[1])), values, present)


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

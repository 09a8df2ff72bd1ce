"""Missing cells of a panel by linear interpolation within the unit, with an account of every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bayesgov.panel.cube import panel_from_frame

Ends = Literal["leave", "carry"]


@dataclass(frozen=True, slots=True, eq=False)
class Interpolation:
    """Rows with their gaps filled.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows as they came, cells filled.
    account : pandas.DataFrame
        By variable: ``cells, known, interpolated, carried, left_at_ends, left_in_long_gaps, left_without_value,
        longest_gap`` (in periods, among those with a value on both sides) and ``share_filled``.
    cells : pandas.DataFrame
        Every missing cell: ``unit, time, variable, value`` (NaN where left) and ``kind``.
    """

    frame: pd.DataFrame
    account: pd.DataFrame
    cells: pd.DataFrame


INTERPOLATED, CARRIED = "interpolated", "carried from the nearest year"
AT_END, LONG_GAP, NO_VALUE = "left: no value on one side", "left: gap longer than the limit", "left: unit has no value"


def interpolate(
    frame: pd.DataFrame,
    unit: str,
    time: str,
    variables: Sequence[str],
    *,
    ends: Ends = "leave",
    limit: int | None = None,
) -> Interpolation:
    """Fill missing cells on the straight line between a unit's neighbouring known values.

    The line runs in calendar time, also over periods of which the unit has no row; such rows are not made. Cells
    before a unit's first or after its last value are no interpolation: they stay missing and are named, unless ``ends``
    says otherwise.

    Parameters
    ----------
    frame : DataFrame
        One row for each unit and period.
    unit, time : str
        Columns; ``time`` holds whole numbers.
    variables : sequence of str
    ends : {"leave", "carry"}
        Leave the cells at the ends missing, or carry the nearest value to them (flat, not extrapolated).
    limit : int, optional
        Longest gap, in periods, that is filled.

    Raises
    ------
    InputError
        As :func:`bayesgov.panel.cube.panel_from_frame`.
    ValueError
        If ``limit`` is below one.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be a number of periods of 1 or more; got {limit}")
    panel = panel_from_frame(frame, unit, time, variables)
    codes = pd.Index(panel.units).get_indexer(pd.Index(frame[unit].astype(str)))
    columns = pd.to_numeric(frame[time]).to_numpy(dtype=np.int64) - panel.times[0]
    filled, parts, account = frame.copy(), [], []
    for variable in variables:
        cube = panel.values[variable]
        values, kinds, longest = _fill(cube, ends, limit)
        filled[variable] = values[codes, columns]
        missing = panel.present & np.isnan(cube)
        row, column = np.nonzero(missing)
        cells = pd.DataFrame(
            {
                "unit": np.array(panel.units)[row],
                "time": np.array(panel.times)[column],
                "variable": variable,
                "value": values[row, column],
                "kind": kinds[row, column],
            }
        )
        parts.append(cells)
        account.append(_account(variable, cells["kind"], int(panel.present.sum()), longest))
    return Interpolation(filled, pd.DataFrame(account), pd.concat(parts, ignore_index=True))


def _account(variable: str, kinds: pd.Series, n_cells: int, longest: int) -> dict[str, object]:
    count = kinds.value_counts()
    number = {kind: int(count.get(kind, 0)) for kind in (INTERPOLATED, CARRIED, AT_END, LONG_GAP, NO_VALUE)}
    return {
        "variable": variable,
        "cells": n_cells,
        "known": n_cells - kinds.size,
        "interpolated": number[INTERPOLATED],
        "carried": number[CARRIED],
        "left_at_ends": number[AT_END],
        "left_in_long_gaps": number[LONG_GAP],
        "left_without_value": number[NO_VALUE],
        "longest_gap": longest,
        "share_filled": (number[INTERPOLATED] + number[CARRIED]) / n_cells,
    }


def _fill(cube: np.ndarray, ends: Ends, limit: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Filled values and kinds of the cells that were missing, shape as given, and the longest gap between values."""
    values, kinds = cube.copy(), np.full(cube.shape, "", dtype=object)
    periods, longest = np.arange(cube.shape[1]), 0
    for row, known in enumerate(~np.isnan(cube)):
        at = np.flatnonzero(known)
        if not at.size:
            kinds[row] = NO_VALUE
            continue
        gaps = np.flatnonzero(~known)
        right = np.searchsorted(at, gaps)  # the next known cell
        inner = (right > 0) & (right < at.size)
        width = np.zeros(gaps.size, dtype=np.int64)
        width[inner] = at[right[inner]] - at[right[inner] - 1] - 1
        longest = max(longest, int(width.max(initial=0)))
        short = inner & (width <= (limit or cube.shape[1]))
        line = np.interp(periods, at, cube[row, at])  # flat beyond the ends
        kinds[row, gaps] = np.where(
            short, INTERPOLATED, np.where(inner, LONG_GAP, CARRIED if ends == "carry" else AT_END)
        )
        take = gaps[short | (~inner & (ends == "carry"))]
        values[row, take] = line[take]
    return values, kinds, longest

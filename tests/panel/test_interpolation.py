"""Interpolation within units, and the account of what was filled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesgov.errors import InputError
from bayesgov.panel.interpolation import AT_END, CARRIED, INTERPOLATED, LONG_GAP, NO_VALUE, interpolate

NAN = float("nan")


def _frame(**units: list[float]) -> pd.DataFrame:
    rows = [(unit, 2000 + t, value) for unit, values in units.items() for t, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["city", "year", "x"])


def test_cells_lie_on_the_line_between_neighbours() -> None:
    found = interpolate(_frame(a=[1, NAN, NAN, 4, 6], b=[0, 10, NAN, 0, 1]), "city", "year", ["x"])
    assert found.frame["x"].tolist() == [1, 2, 3, 4, 6, 0, 10, 5, 0, 1]
    assert found.cells["kind"].tolist() == [INTERPOLATED] * 3
    assert found.account.loc[0, ["interpolated", "longest_gap", "known"]].tolist() == [3, 2, 7]


def test_ends_are_named_and_left() -> None:
    found = interpolate(_frame(a=[NAN, 2, NAN, 4, NAN], b=[NAN] * 5), "city", "year", ["x"])
    assert found.frame["x"].tolist()[:5] == pytest.approx([NAN, 2, 3, 4, NAN], nan_ok=True)
    assert found.cells["kind"].tolist() == [AT_END, INTERPOLATED, AT_END, *[NO_VALUE] * 5]
    assert found.account.loc[0, ["left_at_ends", "left_without_value"]].tolist() == [2, 5]
    assert found.cells.loc[0, ["unit", "time", "variable"]].tolist() == ["a", 2000, "x"]


def test_carried_ends_are_flat_not_extrapolated() -> None:
    found = interpolate(_frame(a=[NAN, 2, 3, 4, NAN]), "city", "year", ["x"], ends="carry")
    assert found.frame["x"].tolist() == [2, 2, 3, 4, 4]
    assert found.account.loc[0, "carried"] == 2
    assert set(found.cells["kind"]) == {CARRIED}


def test_long_gaps_stay() -> None:
    found = interpolate(_frame(a=[1, NAN, NAN, 4, NAN, 6]), "city", "year", ["x"], limit=1)
    assert found.frame["x"].tolist() == pytest.approx([1, NAN, NAN, 4, 5, 6], nan_ok=True)
    assert found.cells["kind"].tolist() == [LONG_GAP, LONG_GAP, INTERPOLATED]
    with pytest.raises(ValueError, match="1 or more; got 0"):
        interpolate(_frame(a=[1, 2]), "city", "year", ["x"], limit=0)


def test_the_line_runs_in_calendar_time_over_absent_rows() -> None:
    frame = _frame(a=[0, NAN, NAN, 3, NAN, 9]).drop(index=[1])
    found = interpolate(frame.sample(frac=1, random_state=1), "city", "year", ["x"])
    assert found.frame.sort_values("year")["x"].tolist() == [0, 2, 3, 6, 9]
    assert len(found.frame) == 5


def test_other_columns_order_and_index_are_kept() -> None:
    frame = _frame(b=[1, NAN, 3], a=[4, NAN, 8]).assign(note="n").set_index(pd.Index(list("uvwxyz")))
    found = interpolate(frame, "city", "year", ["x"])
    assert found.frame.index.tolist() == list("uvwxyz")
    assert found.frame["x"].tolist() == [1, 2, 3, 4, 6, 8]
    assert found.frame.columns.tolist() == ["city", "year", "x", "note"]


def test_numeric_units_and_every_cell_is_accounted_for() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": np.repeat(np.arange(40), 10), "year": np.tile(np.arange(10), 40)})
    frame["x"] = np.where(rng.random(400) < 0.3, np.nan, rng.normal(size=400))
    found = interpolate(frame, "city", "year", ["x"], limit=2)
    account = found.account.loc[0]
    parts = ["known", "interpolated", "carried", "left_at_ends", "left_in_long_gaps", "left_without_value"]
    assert account[parts].sum() == account["cells"] == 400
    assert found.frame["x"].notna().sum() == account["known"] + account["interpolated"]
    known = frame["x"].notna()
    assert (found.frame["x"][known] == frame["x"][known]).all()


def test_two_rows_of_one_year_are_refused() -> None:
    frame = pd.concat([_frame(a=[1, 2])] * 2)
    with pytest.raises(InputError, match="repeat a unit and period"):
        interpolate(frame, "city", "year", ["x"])

"""Rows into a Design: lags, runs, the flow of rows, unit covariates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import sample_spec, simulate

from bayesgov.errors import InputError
from bayesgov.panel.design import panel_design


def _frame(rows: dict[str, list[tuple[int, float, float]]]) -> pd.DataFrame:
    """Units with (time, y, x0) rows, all in one region."""
    return pd.DataFrame(
        [(unit, time, "r", y, x) for unit, entries in rows.items() for time, y, x in entries],
        columns=["unit", "time", "region", "y", "x0"],
    )


def test_rows_are_sorted_with_their_lags() -> None:
    frame = simulate(5, 6, 2, seed=1).sample(frac=1, random_state=1)
    design = panel_design(frame, sample_spec())
    assert design.terms == ("L1.y", "x0", "L1.x0", "x1", "L1.x1")
    assert (design.n_obs, design.times) == (25, (2010, 2011, 2012, 2013, 2014))
    wide = frame.pivot_table(index="unit", columns="time", values="y")
    np.testing.assert_array_equal(design.y.reshape(5, 5), wide.to_numpy()[:, 1:])
    np.testing.assert_array_equal(design.x[:, 0].reshape(5, 5), wide.to_numpy()[:, :-1])


def test_every_lost_row_is_in_the_flow() -> None:
    frame = _frame(
        {
            "a": [(t, float(t), t**2) for t in range(6)],
            # a gap after period 1: the row at period 3 has no lag, and periods 4 and 5 are the longest run
            "b": [(t, 2.0 * t, 1.0 + t) for t in (0, 1, 3, 4, 5)],
            "c": [(0, 1.0, 1.0)],
            "d": [(0, 1.0, 2.0), (1, 3.0, 1.0), (2, np.nan, 1.0), (3, 1.0, 4.0)],
        }
    )
    design = panel_design(frame, sample_spec(1))
    assert [(step.lost, step.left, step.units_left) for step in design.flow] == [
        (0, 16, 4),
        (5, 11, 3),  # four first rows and b's row after the gap
        (2, 9, 3),  # d's missing outcome and the row whose lag it is
        (1, 8, 3),  # b's first run of one row
    ]
    assert design.units == ("a", "b", "d")
    np.testing.assert_array_equal(design.unit, [0, 0, 0, 0, 0, 1, 1, 2])
    np.testing.assert_array_equal(design.y[5:7], [8.0, 10.0])


def test_initial_values_and_means_are_those_of_the_rows_used() -> None:
    frame = simulate(6, 7, 2, seed=2, unbalanced=True)
    design = panel_design(frame, sample_spec())
    names = ("initial[y]", "initial[x0]", "mean[x0]", "initial[x1]", "mean[x1]")
    assert design.covariate_names == (*names, "initial[y] in r0", "initial[y] in r1")
    assert design.departs.tolist() == [0, 1, 2, 3, 4, 0, 0]
    shared = panel_design(frame, sample_spec(varying=("intercept", "x0")))
    assert shared.covariate_names == names
    centred = design.covariates[:, 0] - design.covariates[:, 0].mean()
    for code in (0, 1):
        np.testing.assert_allclose(design.covariates[:, 5 + code], np.where(design.unit_region == code, centred, 0))
    for index, unit in enumerate(design.units):
        own = frame[frame["unit"] == unit].sort_values("time")
        expected = [own["y"].iloc[0], own["x0"].iloc[0], own["x0"].iloc[1:].mean()]
        np.testing.assert_allclose(design.covariates[index, :3], expected, rtol=1e-14)


def test_naive_has_no_unit_covariates() -> None:
    design = panel_design(simulate(6, 7, 2, seed=2), sample_spec(initial="naive"))
    assert design.covariates.shape == (6, 0)


def test_a_predictor_that_does_not_move_has_no_mean_beside_it() -> None:
    frame = simulate(6, 7, 2, seed=3)
    frame["x1"] = frame.groupby("unit")["x1"].transform("first")
    design = panel_design(frame, sample_spec(predictor_lags=0))
    assert "mean[x1]" in design.left_out
    assert not any("x1" in name for name in design.covariate_names)


def test_a_log_is_taken_of_positive_values_only() -> None:
    frame = simulate(6, 7, 2, seed=3)
    frame["y"] = np.exp(frame["y"])
    design = panel_design(frame, sample_spec(log=("y",)))
    np.testing.assert_allclose(design.y.mean(), np.log(frame.loc[frame["time"] > 2009, "y"]).mean(), rtol=1e-12)
    with pytest.raises(InputError, match="x0: log wants positive values"):
        panel_design(frame, sample_spec(log=("x0",)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.assign(region=["r0", *frame["region"].iloc[1:-1], "r9"]), "every unit wants one region"),
        (lambda frame: frame.drop(columns="region"), "needs the column 'region'"),
        (lambda frame: frame[frame["time"] < 2010], "no row has its outcome"),
        (lambda frame: frame[frame["time"] < 2011], "no unit has two rows in a row"),
    ],
)
def test_unusable_panels_are_said_in_one_line(change: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        panel_design(change(simulate(6, 7, 2, seed=3)), sample_spec())

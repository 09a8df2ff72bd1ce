"""Difference and system GMM on EmplUK, to every digit that xtabond2 prints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from panel.naive_gmm import naive_gmm

from bayesgov.panel.cube import Panel, panel_from_frame
from bayesgov.panel.gmm import GmmFit, Steps, fit_gmm
from bayesgov.panel.instruments import GmmModel, GmmStyle, IvStyle, Regressor, build_moments, stack_rows

DATA = Path(__file__).resolve().parents[2] / "models" / "panel" / "data" / "EmplUK.csv"
REFERENCE = Path(__file__).resolve().parents[1] / "reference"

# Regressors by Stata's names; a year dummy for each period of the transformed equation.
A = ("L1.n", "L2.n", "w", "L1.w", "k", "L1.k", "L2.k", "ys", "L1.ys", "L2.ys")
B = ("L1.n", "L2.n", "w", "L1.w", "k", "ys", "L1.ys")


def _regressor(name: str) -> Regressor:
    lag, _, variable = name.rpartition(".")
    return Regressor(variable, int(lag[1:]) if lag else 0)


def _iv(names: tuple[str, ...]) -> tuple[IvStyle, ...]:
    entries = [_regressor(name) for name in names if not name.endswith(".n")]
    return tuple(IvStyle(entry.variable, entry.lag) for entry in entries)


def _model(names: tuple[str, ...]) -> GmmModel:
    regressors = tuple(_regressor(name) for name in names)
    return GmmModel("n", regressors, (GmmStyle("n", 2), *_iv(names)), time_effects="both")


def _panel(precision: type) -> Panel:
    frame = pd.read_csv(DATA)
    logs = {"n": "emp", "w": "wage", "k": "capital", "ys": "output"}
    stored = {name: frame[column].astype(precision).astype(float) for name, column in logs.items()}
    frame = frame.assign(**{name: np.log(column).astype(precision).astype(float) for name, column in stored.items()})
    return panel_from_frame(frame, "firm", "year", list(logs))


@pytest.fixture(scope="module")
def panel() -> Panel:
    return _panel(np.float64)


@pytest.fixture(scope="module")
def stata_panel() -> Panel:
    """Stata's abdata stores values and logarithms in single precision, which shows in the seventh decimal."""
    return _panel(np.float32)


def _agrees(fit: GmmFit, coefficients: list[float], std_errors: list[float], decimals: int = 6) -> None:
    """Equal to the printed decimals; half a unit of the last one, and rounding of the print itself."""
    half = 0.51 * 10.0**-decimals
    n = len(coefficients)
    np.testing.assert_allclose(fit.coefficients[:n], coefficients, rtol=0, atol=half)
    np.testing.assert_allclose(fit.std_errors[:n], std_errors, rtol=0, atol=half)


def test_arellano_bond_table_4_column_a1(panel: Panel) -> None:
    fit = fit_gmm(panel, _model(A), steps="one")
    _agrees(
        fit,
        [0.686226, -0.085358, -0.607821, 0.392623, 0.356846, -0.058001, -0.019948, 0.608506, -0.711164, 0.105798],
        [0.144594, 0.056016, 0.178205, 0.167993, 0.059020, 0.073180, 0.032713, 0.172531, 0.231716, 0.141202],
    )
    assert (fit.n_instruments, fit.n_obs, fit.n_units, fit.hansen.df) == (41, 611, 140, 25)
    assert fit.hansen.statistic == pytest.approx(31.381, abs=5e-4)
    assert fit.sargan.statistic == pytest.approx(67.588, abs=5e-4)
    assert [test.statistic for test in fit.autocorrelation] == pytest.approx([-3.5996, -0.5160], abs=5e-5)


def test_arellano_bond_table_4_column_a2(panel: Panel) -> None:
    corrected, plain = fit_gmm(panel, _model(A)), fit_gmm(panel, _model(A), robust=False)
    assert corrected.coefficients[0] == pytest.approx(0.628709, abs=5e-7)
    assert corrected.std_errors[0] == pytest.approx(0.193413, abs=5e-7)
    assert plain.std_errors[0] == pytest.approx(0.090454, abs=5e-7)
    assert corrected.hansen.p_value == pytest.approx(0.1767, abs=5e-5)
    assert [test.statistic for test in corrected.autocorrelation] == pytest.approx([-2.1255, -0.3517], abs=5e-5)
    assert [test.statistic for test in plain.autocorrelation] == pytest.approx([-2.9998, -0.4158], abs=5e-5)


def test_arellano_bond_table_4_column_b(panel: Panel) -> None:
    fit, plain = fit_gmm(panel, _model(B)), fit_gmm(panel, _model(B), robust=False)
    coefficients = [0.474151, -0.052967, -0.513205, 0.224640, 0.292723, 0.609775, -0.446373]
    _agrees(fit, coefficients, [0.185398, 0.051749, 0.145565, 0.141950, 0.062627, 0.156263, 0.217302])
    _agrees(plain, coefficients, [0.085303, 0.027284, 0.049345, 0.080063, 0.039463, 0.108524, 0.124815])
    assert (fit.n_instruments, fit.hansen.df) == (38, 25)
    assert fit.hansen.statistic == pytest.approx(30.112, abs=5e-4)
    assert fit.hansen.p_value == pytest.approx(0.2201, abs=5e-5)
    assert [test.statistic for test in fit.autocorrelation] == pytest.approx([-1.5385, -0.2797], abs=5e-5)


def test_lag_limits_and_difference_in_hansen(stata_panel: Panel) -> None:
    names = ("L1.n", "L2.n", "w", "k")
    model = GmmModel("n", tuple(map(_regressor, names)), (GmmStyle("n", 2, 4), GmmStyle("w", 1, 3), IvStyle("k")))
    fit = fit_gmm(stata_panel, model)
    _agrees(
        fit, [0.1700616, -0.0113381, -0.9510582, 0.4637223], [0.1046652, 0.0377205, 0.1277298, 0.0718328], decimals=7
    )
    assert (fit.n_instruments, fit.hansen.df) == (36, 32)
    assert (fit.sargan.statistic, fit.hansen.statistic) == pytest.approx((91.61, 47.86), abs=5e-3)
    assert [test.statistic for test in fit.autocorrelation] == pytest.approx([-1.19, -0.81], abs=5e-3)
    split = {
        difference.name: (without.statistic, difference.statistic, difference.df)
        for without, difference in fit.difference_hansen
    }
    assert split["difference, gmm(n)"] == pytest.approx((23.75, 24.11, 17), abs=5e-3)
    assert split["difference, gmm(w)"] == pytest.approx((17.25, 30.61, 18), abs=5e-3)
    assert split["difference, iv(k)"] == pytest.approx((38.33, 9.53, 1), abs=5e-3)


def test_system_gmm_of_the_xtabond2_paper(stata_panel: Panel) -> None:
    # Roodman (2009, doi:10.1177/1536867X0900900106), Blundell-Bond example:
    # xtabond2 n L.n L(0/1).(w k) yr*, gmm(L.(n w k)) iv(yr*, equation(level)) robust small
    names = ("L1.n", "w", "L1.w", "k", "L1.k")
    instruments = tuple(GmmStyle(variable, 2) for variable in ("n", "w", "k"))
    model = GmmModel("n", tuple(map(_regressor, names)), instruments, system=True, time_effects="level")
    fit = fit_gmm(stata_panel, model, steps="one", small=True)
    assert (fit.n_instruments, fit.n_obs, fit.hansen.df) == (113, 891, 100)
    assert fit.coefficients[:5] == pytest.approx([0.9356053, -0.6309761, 0.4826203, 0.4839299, -0.4243928], abs=5e-7)
    # the paper's Sargan statistic has the variance of the errors over the rows of the level equation, a bug that
    # xtabond2 2.8.3 mended: over those of the differenced equation, 140 fewer
    assert fit.sargan.statistic * 891 / 751 == pytest.approx(186.90, abs=5e-3)
    assert fit.hansen.statistic == pytest.approx(110.70, abs=5e-3)
    assert (fit.wald.df, fit.df_residual) == (12, 139)
    assert fit.hansen.p_value == pytest.approx(0.218, abs=5e-4)
    assert [test.statistic for test in fit.autocorrelation] == pytest.approx([-5.46, -0.25], abs=5e-3)
    without, difference = fit.difference_hansen[-1]
    assert (without.name, without.df, difference.df) == ("Hansen without gmm of the level equation", 79, 21)
    assert (without.statistic, difference.statistic) == pytest.approx((84.33, 26.37), abs=5e-3)
    assert (without.p_value, difference.p_value) == pytest.approx((0.320, 0.193), abs=5e-4)


def test_deviations_equal_differences_when_every_lag_instruments() -> None:
    # Arellano & Bover (1995): on a balanced panel with all lags the one-step estimates coincide
    rng = np.random.default_rng(3)
    n_units, n_times = 60, 6
    effect, y = rng.normal(size=n_units), np.zeros((n_units, n_times))
    y[:, 0] = rng.normal(size=n_units) + effect
    for period in range(1, n_times):
        y[:, period] = 0.5 * y[:, period - 1] + effect + rng.normal(size=n_units)
    panel = Panel(tuple(map(str, range(n_units))), tuple(range(n_times)), {"y": y}, np.ones_like(y, dtype=bool))
    fits = [
        fit_gmm(
            panel, GmmModel("y", (Regressor("y", 1),), (GmmStyle("y", 2),), transformation=transformation), steps="one"
        )
        for transformation in ("difference", "deviation")
    ]
    assert fits[0].coefficients == pytest.approx(fits[1].coefficients, rel=1e-10)
    assert fits[0].n_instruments == fits[1].n_instruments == 10


def test_collapsed_instruments_have_one_column_a_lag(panel: Panel) -> None:
    model = GmmModel(
        "n",
        (Regressor("n", 1), Regressor("w")),
        (GmmStyle("n", 2, 4, collapse=True), GmmStyle("w", 2, 3, collapse=True)),
    )
    assert fit_gmm(panel, model).n_instruments == 5


def test_iterating_converges_to_a_fixed_point(panel: Panel) -> None:
    fit = fit_gmm(panel, _model(B), steps="iterated")
    again = fit_gmm(panel, _model(B), steps="iterated")
    assert 2 < fit.iterations < 500
    np.testing.assert_array_equal(fit.coefficients, again.coefficients)
    assert np.abs(fit.coefficients - fit_gmm(panel, _model(B)).coefficients).max() > 1e-3


def test_too_few_instruments_is_said(panel: Panel) -> None:
    model = GmmModel("n", (Regressor("n", 1), Regressor("w")), (GmmStyle("n", 2, 2, collapse=True),))
    with pytest.raises(ValueError, match="2 coefficients need as many instruments; got 1: add lags"):
        fit_gmm(panel, model)


@pytest.mark.parametrize(
    ("key", "source", "steps", "collapse"),
    [
        ("empluk_difference_two", "EmplUK", "two", False),
        ("empluk_difference_one", "EmplUK", "one", False),
        ("empluk_difference_collapsed", "EmplUK", "two", True),
        ("produc_difference_one", "Produc", "one", True),
        ("produc_difference_two", "Produc", "two", True),
    ],
)
def test_two_data_sets_as_plm_has_them(key: str, source: str, steps: Steps, collapse: bool) -> None:
    reference = json.loads((REFERENCE / "panel_gmm.json").read_text())[key]
    frame = pd.read_csv(DATA.with_name(f"{source}.csv"))
    names = ("emp", "wage", "capital") if source == "EmplUK" else ("gsp", "pcap", "emp")
    index = ("firm", "year") if source == "EmplUK" else ("state", "year")
    panel = panel_from_frame(frame.assign(**{name: np.log(frame[name]) for name in names}), *index, names)
    windows = ((2, 4), (2, 3), (2, 3) if source == "EmplUK" else (1, 2))
    styles = tuple(GmmStyle(name, *window, collapse=collapse) for name, window in zip(names, windows, strict=True))
    model = GmmModel(names[0], (Regressor(names[0], 1), Regressor(names[1]), Regressor(names[2])), styles)
    fit = fit_gmm(panel, model, steps=steps)
    assert fit.n_instruments == reference["n_instruments"]
    # plm prints 12 digits; its weights go through a generalised inverse with its own tolerance
    np.testing.assert_allclose(fit.coefficients, reference["coefficients"], rtol=1e-8)
    np.testing.assert_allclose(fit.std_errors, reference["std_errors"], rtol=1e-8)


def _ragged(seed: int, n_units: int = 80, n_times: int = 6) -> Panel:
    """A dynamic panel with late starts, early ends, gaps of rows and missing cells."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=n_units)
    x, y = np.zeros((2, n_units, n_times))
    x[:, 0], y[:, 0] = rng.normal(size=n_units) + effect, rng.normal(size=n_units) + 2 * effect
    for t in range(1, n_times):
        x[:, t] = 0.6 * x[:, t - 1] + 0.4 * effect + rng.normal(size=n_units)
        y[:, t] = 0.5 * y[:, t - 1] + 0.7 * x[:, t] + effect + rng.normal(size=n_units)
    present = rng.random((n_units, n_times)) > 0.08
    present[::5, :2] = False
    present[1::7, -1] = False
    w = np.where(rng.random(y.shape) < 0.05, np.nan, rng.normal(size=y.shape) + 0.3 * y)
    values = {"y": y, "x": x, "w": w}
    values = {name: np.where(present, cube, np.nan) for name, cube in values.items()}
    return Panel(tuple(map(str, range(n_units))), tuple(range(2000, 2000 + n_times)), values, present)


BASIC = (Regressor("y", 1), Regressor("x"), Regressor("w"))
MODELS = {
    "difference": GmmModel("y", BASIC, (GmmStyle("y", 2, 3), GmmStyle("x", 1, 2), IvStyle("w"))),
    "deviations": GmmModel(
        "y", BASIC, (GmmStyle("y", 2, 3), GmmStyle("x", 1, 1), IvStyle("w")), transformation="deviation"
    ),
    "system": GmmModel("y", BASIC, (GmmStyle("y", 2, 2), GmmStyle("x", 1, 1), IvStyle("w")), system=True),
    "system, collapsed": GmmModel(
        "y",
        BASIC,
        (GmmStyle("y", 2, 4, collapse=True), GmmStyle("x", 0, 2, collapse=True), IvStyle("w", equation="difference")),
        system=True,
    ),
    "system, deviations": GmmModel(
        "y",
        BASIC,
        (GmmStyle("y", 2, collapse=True), GmmStyle("x", 1, 2, collapse=True), IvStyle("w", 1, equation="level")),
        system=True,
        transformation="deviation",
    ),
    "split equations": GmmModel(
        "y",
        BASIC,
        (
            GmmStyle("y", 2, 3, equation="difference", collapse=True),
            GmmStyle("y", 1, 2, equation="level", collapse=True),
            GmmStyle("x", 1, 2, collapse=True),
            IvStyle("w"),
        ),
        system=True,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_panels_with_gaps_equal_the_loops(name: str) -> None:
    panel, model = _ragged(1), MODELS[name]
    naive = naive_gmm(panel, model)
    one, two = fit_gmm(panel, model, steps="one"), fit_gmm(panel, model)
    np.testing.assert_allclose(one.coefficients, naive.one_step, rtol=1e-9)
    np.testing.assert_allclose(one.std_errors, naive.one_step_se, rtol=1e-8)
    np.testing.assert_allclose(two.coefficients, naive.two_step, rtol=1e-8)
    np.testing.assert_allclose(two.std_errors, naive.two_step_se, rtol=1e-7)
    assert two.hansen.statistic == pytest.approx(naive.hansen, rel=1e-8)
    assert two.sargan.statistic == pytest.approx(naive.sargan, rel=1e-8)
    assert [test.statistic for test in two.autocorrelation] == pytest.approx(naive.autocorrelation, rel=1e-7)
    assert two.n_instruments == naive.n_instruments


def test_units_without_a_usable_row_change_nothing(panel: Panel) -> None:
    one = fit_gmm(panel, _model(B))
    empty = {name: np.vstack([cube, np.full((3, cube.shape[1]), np.nan)]) for name, cube in panel.values.items()}
    present = np.vstack([panel.present, np.zeros((3, len(panel.times)), dtype=bool)])
    other = fit_gmm(Panel((*panel.units, "a", "b", "c"), panel.times, empty, present), _model(B))
    np.testing.assert_allclose(other.coefficients, one.coefficients, rtol=1e-12)
    np.testing.assert_allclose(other.std_errors, one.std_errors, rtol=1e-12)
    assert (other.n_units, other.n_obs) == (one.n_units, one.n_obs)


def test_period_effects_have_readable_names(panel: Panel) -> None:
    fit = fit_gmm(panel, _model(B))
    assert fit.names[len(B) :] == tuple(f"time[{year}]" for year in range(1979, 1985))
    assert fit.lags_of_outcome == ("L1.n", "L2.n")


def test_where_instruments_of_the_level_equation_start() -> None:
    panel = _ragged(2)
    names = {}
    for first in (0, 1, 2):
        model = GmmModel("y", BASIC[:2], (GmmStyle("x", first, first, collapse=True), GmmStyle("y", 2)), system=True)
        names[first] = build_moments(panel, model, stack_rows(panel, model)).names[:2]
    assert names == {
        0: ("L0.x", "level: D.L0.x"),
        1: ("L1.x", "level: D.L0.x"),
        2: ("L2.x", "level: D.L1.x"),
    }


def test_rows_without_their_own_instrument_are_not_used() -> None:
    panel = _ragged(3)
    with_w = fit_gmm(panel, GmmModel("y", BASIC[:2], (GmmStyle("y", 2, 3), IvStyle("x"), IvStyle("w"))))
    without = fit_gmm(panel, GmmModel("y", BASIC[:2], (GmmStyle("y", 2, 3), IvStyle("x"))))
    assert with_w.n_obs < without.n_obs


def test_units_of_measurement_do_not_matter() -> None:
    panel = _ragged(4)
    scaled = replace(panel, values={**panel.values, "x": 1000 * panel.values["x"]})
    one, other = fit_gmm(panel, MODELS["system"]), fit_gmm(scaled, MODELS["system"])
    np.testing.assert_allclose(other.coefficients * [1, 1000, 1, 1], one.coefficients, rtol=1e-9)
    assert other.hansen.statistic == pytest.approx(one.hansen.statistic, rel=1e-9)


def test_small_sample_factors() -> None:
    panel, model = _ragged(5), MODELS["system"]
    plain, small = fit_gmm(panel, model), fit_gmm(panel, model, small=True)
    n, k, units = plain.n_obs, plain.coefficients.size, plain.n_units
    np.testing.assert_allclose(
        small.std_errors / plain.std_errors, np.sqrt(units / (units - 1) * (n - 1) / (n - k)), rtol=1e-12
    )
    assert (plain.df_residual, small.df_residual) == (np.inf, units - 1)
    assert small.autocorrelation == plain.autocorrelation
    difference = fit_gmm(panel, MODELS["difference"], small=True)
    assert difference.df_residual == difference.n_units  # no constant
    homoskedastic = fit_gmm(panel, MODELS["difference"], steps="one", robust=False, small=True)
    assert homoskedastic.df_residual == homoskedastic.n_obs - 3


def test_more_instruments_than_units_is_a_singular_weight() -> None:
    panel = _ragged(6, n_units=12)
    fit = fit_gmm(panel, GmmModel("y", BASIC[:2], (GmmStyle("y", 2), GmmStyle("x", 1))))
    assert fit.singular
    assert fit.n_instruments > fit.n_units
    # with a generalised inverse of S the statistic cannot exceed the number of units
    assert fit.hansen.statistic <= fit.n_units


def test_too_few_units_for_two_steps_is_said() -> None:
    panel = _ragged(7, n_units=3)
    model = GmmModel("y", BASIC, (GmmStyle("y", 2), GmmStyle("x", 1), IvStyle("w")), time_effects="both")
    with pytest.raises(ValueError, match="coefficients need as many units for a two-step weight; got"):
        fit_gmm(panel, model)
    one = fit_gmm(panel, model, steps="one", robust=False)
    assert np.isfinite(one.coefficients).all()
    assert np.isnan(one.hansen.statistic)


def test_collinear_regressors_are_said() -> None:
    panel = _ragged(8)
    twice = replace(panel, values={**panel.values, "z": 2 * panel.values["x"]})
    model = GmmModel("y", (*BASIC, Regressor("z")), (GmmStyle("y", 2), IvStyle("x"), IvStyle("w"), IvStyle("z")))
    with pytest.raises(ValueError, match="z is constant or an exact combination of the other regressors"):
        fit_gmm(twice, model)

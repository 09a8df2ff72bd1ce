"""The last period held out: closed-form scores, forecasts by hand, and the posterior's against the marginal density."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import sample_spec, simulate
from scipy import integrate, stats
from scipy.special import logsumexp

from bayesgov.errors import InputError
from bayesgov.panel.bayesian.collapsed import Scales, collapsed_model
from bayesgov.panel.bayesian.draws import prior_draws
from bayesgov.panel.bayesian.forecast import forecast_rows
from bayesgov.panel.bayesian.pooling import side_options
from bayesgov.panel.bayesian.scores import held_out_log_density, without_rows
from bayesgov.panel.design import panel_design
from bayesgov.panel.forecast import Forecast
from bayesgov.panel.frequentist.forecast import CHANGE, LEVEL, forecast_last_period
from bayesgov.panel.gmm import fit_gmm
from bayesgov.panel.held_out import hold_out_last_period
from bayesgov.panel.prepare import prepare_panel
from bayesgov.panel.regional import regional_panel
from bayesgov.panel.spec import gmm_model


def _mixture(n_parts, n_rows, seed=1):
    rng = np.random.default_rng(seed)
    regions = tuple(f"r{index % 2}" for index in range(n_rows))
    return Forecast(
        tuple(f"u{index}" for index in range(n_rows)),
        regions,
        rng.normal(size=n_rows),
        rng.normal(size=(n_parts, n_rows)),
        rng.uniform(0.3, 1.5, (n_parts, n_rows)),
    )


@pytest.mark.parametrize("n_parts", [1, 3])
def test_scores_of_a_mixture_against_integrals(n_parts):
    forecast = _mixture(n_parts, 4)
    for row in range(4):
        mean, deviation, y = forecast.mean[:, row], forecast.deviation[:, row], forecast.y[row]
        below, above = (
            integrate.quad(lambda u: (stats.norm.cdf(u, mean, deviation).mean() - step) ** 2, *ends)[0]  # noqa: B023
            for step, ends in ((0, (-12, y)), (1, (y, 12)))
        )
        assert forecast.crps()[row] == pytest.approx(below + above, abs=1e-7)
        density = np.log(stats.norm.pdf(y, mean, deviation).mean())
        assert forecast.log_score()[row] == pytest.approx(density, abs=1e-12)


def test_regions_add_up_to_all():
    forecast = _mixture(5, 9)
    table = forecast.scores().set_index("region")
    assert list(table.index) == ["r0", "r1", "all"]
    assert table["rows"].tolist() == [5, 4, 9]
    for name, power in (("log_score", 1), ("crps", 1), ("rmse", 2)):
        parts = np.average(table.loc[["r0", "r1"], name] ** power, weights=[5, 4])
        assert parts == pytest.approx(table.loc["all", name] ** power)
    again = forecast.of(("u3", "u0"))
    np.testing.assert_array_equal(again.y, forecast.y[[3, 0]])
    np.testing.assert_array_equal(again.mean, forecast.mean[:, [3, 0]])


def test_a_row_forecast_is_the_marginal_density_of_that_row():
    """p(y_iT | rest, scales) by draws of coefficients equals the ratio of two marginal densities in closed form."""
    frame = simulate(n_units=12, n_times=6, n_regions=2, seed=3)
    spec = sample_spec(1)
    design = panel_design(frame, spec)
    full = collapsed_model(design, spec)
    one, _ = prior_draws(full, 1, np.random.default_rng(2))
    one = Scales(0.3 + 0 * one.region, 0.2 + 0 * one.year, 0.5 + 0 * one.unit, 0.4 + 0 * one.error)
    many = Scales(*(np.repeat(getattr(one, name), 40_000, axis=0) for name in ("region", "year", "unit", "error")))
    for row in (5, 30):
        kept = np.arange(design.n_obs) != row
        exact = held_out_log_density(full, without_rows(design, full, kept), one)[0]
        found = forecast_rows(design, full, kept, many, np.random.default_rng(row))
        density = stats.norm.logpdf(found.y, found.mean, found.deviation)[:, 0]
        mean = logsumexp(density) - np.log(density.size)
        error = np.std(np.exp(density - mean)) / np.sqrt(density.size)
        assert found.y[0] == design.y[row]
        assert mean == pytest.approx(exact, abs=4 * error)
        assert error < 0.01


def test_plug_in_forecasts_by_hand():
    frame = simulate(n_units=30, n_times=7, n_regions=1, seed=4, n_predictors=1)
    spec = sample_spec(1, pooling="complete", gmm={"collapse": True}, predictors=("x0",))
    data = regional_panel(frame, spec)
    found, failed = forecast_last_period(data, spec, 2015)
    assert failed == {}
    earlier = regional_panel(frame[frame["time"] < 2015], spec)
    gmm = fit_gmm(earlier.panel, gmm_model(spec), steps=spec.gmm.steps, robust=spec.gmm.robust, small=spec.gmm.small)
    b = dict(zip(gmm.names, gmm.coefficients, strict=True))
    rows = frame.sort_values(["unit", "time"]).copy()
    for name in ("y", "x0"):
        rows[f"L1.{name}"] = rows.groupby("unit")[name].shift()
    rows["explained"] = sum(b[entry.name] * rows[entry.name] for entry in spec.regressors())
    rows["rest"] = rows["y"] - rows["explained"]
    rows["change"] = rows.groupby("unit")["rest"].diff()
    before, last = rows[rows["time"] < 2015], rows[rows["time"] == 2015].set_index("unit")
    spread = before["change"].dropna()
    # what is left of y - y_{-1} - (explained - explained_{-1}) after its average
    np.testing.assert_allclose(found[CHANGE].y - found[CHANGE].mean[0], last["change"] - spread.mean(), atol=1e-10)
    np.testing.assert_allclose(found[CHANGE].deviation, spread.std(), rtol=1e-10)
    average = before.groupby("unit")["rest"].mean()
    np.testing.assert_allclose(found[LEVEL].mean[0], last["explained"] + average, atol=1e-10)
    within = before["rest"] - before.groupby("unit")["rest"].transform("mean")
    variance = (within**2).sum() / (30 * (5 - 1))
    np.testing.assert_allclose(found[LEVEL].deviation, np.sqrt(variance * (1 + 1 / 5)), rtol=1e-10)


def test_the_outcome_forecast_is_not_seen_by_the_estimator():
    frame = simulate(n_units=30, n_times=7, n_regions=1, seed=4)
    spec = sample_spec(1, gmm={"collapse": True})
    changed = frame.assign(y=frame["y"] + 5.0 * (frame["time"] == 2015))
    one, other = (forecast_last_period(regional_panel(rows, spec), spec, 2015)[0] for rows in (frame, changed))
    for way in (CHANGE, LEVEL):
        np.testing.assert_array_equal(one[way].mean, other[way].mean)
        np.testing.assert_allclose(other[way].y - one[way].y, 5.0)


@pytest.fixture(scope="module")
def held_out():
    frame = simulate(n_units=60, n_times=8, n_regions=2, seed=6, unbalanced=True)
    spec = sample_spec(1, gmm={"collapse": True})
    return hold_out_last_period(
        prepare_panel(frame, spec), spec, ("frequentist", "bayesian"), options=side_options(spec, 1, 200)
    )


def test_both_schools_forecast_the_same_units(held_out):
    every = [forecast for ways in held_out.forecasts.values() for forecast in ways.values()]
    assert len(every) == 3
    for forecast in every[1:]:
        assert forecast.units == every[0].units
        np.testing.assert_allclose(forecast.y, every[0].y, rtol=1e-12)
    assert held_out.time == 2016
    table = held_out.scores()
    assert table.groupby("forecast")["rows"].apply(list).map(tuple).nunique() == 1


def test_forecasts_are_about_as_good_as_the_model_that_made_the_data(held_out):
    """Errors of sd 0.3, effects and a year known only by estimate: log score at most -log(0.3) - 1.42 = -0.22."""
    table = held_out.scores().query("region == 'all'").set_index("forecast")
    best = table.loc["posterior predictive"]
    n = best["rows"]
    assert -1.0 < best["log_score"] < -0.215 + 4 * 0.71 / np.sqrt(n)
    # all rows share the year's shock, of sd 0.2: three of them beside errors and what is not known of a unit
    assert 0.3 * (1 - 3 / np.sqrt(2 * n)) < best["rmse"] < np.sqrt(0.3**2 * 1.3 + 0.6**2)
    # crps of a normal forecast of the right spread is 0.56 of its standard deviation
    assert best["crps"] == pytest.approx(0.56 * best["rmse"], rel=0.25)
    # two periods' errors in one forecast
    assert table.loc[CHANGE, "log_score"] < best["log_score"]


def test_the_group_for_a_tree(held_out):
    group = held_out.group("frequentist")
    assert list(group["forecast"].values) == [CHANGE, LEVEL]
    assert list(group["region"].values) == ["r0", "r1", "all"]
    whole = held_out.scores().query("forecast == @LEVEL and region == 'all'")["crps"].iloc[0]
    assert float(group["crps"].sel(forecast=LEVEL, region="all")) == whole


def test_two_periods_are_too_few():
    frame = simulate(n_units=20, n_times=3, n_regions=1, seed=1)
    spec = sample_spec(1)
    prepared = prepare_panel(frame, spec)
    assert len(prepared.design.times) == 2
    with pytest.raises(InputError, match="needs two earlier periods"):
        hold_out_last_period(prepared, spec, ("bayesian",), options=side_options(spec, 1, 100))


def test_a_model_with_heavy_tails_is_forecast_by_its_gaussian_version():
    frame = simulate(n_units=20, n_times=6, n_regions=1, seed=2)
    spec = sample_spec(1, errors="student_t")
    found = hold_out_last_period(
        prepare_panel(frame, spec), spec, ("bayesian",), options=replace(side_options(spec, 1, 100), tune=100)
    )
    assert [check.name for check in found.checks] == ["forecast of the model itself"]
    assert isinstance(found.scores(), pd.DataFrame)

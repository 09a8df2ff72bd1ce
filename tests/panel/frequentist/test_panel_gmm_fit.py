"""GMM by region as a Fit, its checks, the table, the multiverse and the long run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesgov.panel.design import panel_design
from bayesgov.panel.frequentist.estimate import (
    fit_frequentist,
    fit_gmm_by_region,
    gmm_by_region_to_fit,
    gmm_checks,
)
from bayesgov.panel.frequentist.long_run import half_life, long_run_by_region, long_run_table
from bayesgov.panel.frequentist.multiverse import instrument_multiverse
from bayesgov.panel.frequentist.regions import bracket_checks, gmm_table, linear_by_region
from bayesgov.panel.gmm import GmmFit, fit_gmm
from bayesgov.panel.gmm_tests import GmmTest
from bayesgov.panel.regional import RegionalPanel, regional_panel
from bayesgov.panel.simulate import PanelSimulation, simulate_panel
from bayesgov.panel.spec import DynamicPanelSpec, gmm_model, read_dynamic_panel_spec

MODELS = Path(__file__).resolve().parents[3] / "models" / "panel"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return simulate_panel(PanelSimulation(seed=3)).latent


@pytest.fixture(scope="module")
def spec() -> DynamicPanelSpec:
    latent = {"outcome": "services", "indices": None, "interpolate": None}
    return read_dynamic_panel_spec(MODELS / "digital.toml").model_copy(update=latent)


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame, spec: DynamicPanelSpec) -> RegionalPanel:
    return regional_panel(frame, spec)


@pytest.fixture(scope="module")
def fits(data: RegionalPanel, spec: DynamicPanelSpec) -> dict[str, GmmFit | str]:
    return fit_gmm_by_region(data, spec)


def _checks(fit: GmmFit) -> dict[str, str]:
    return {check.name: check.status for check in gmm_checks(fit)}


def test_each_region_is_its_own_regression(frame: pd.DataFrame, spec: DynamicPanelSpec, fits) -> None:
    assert list(fits) == sorted(PanelSimulation(seed=3).cities)
    alone = regional_panel(frame[frame["region"] == "eastern"], spec)
    expected = fit_gmm(alone.panel, gmm_model(spec))
    np.testing.assert_allclose(fits["eastern"].coefficients, expected.coefficients, rtol=1e-10)
    assert fits["eastern"].n_units == 78


def test_terms_are_named_as_the_bayesian_model_has_them(frame: pd.DataFrame, spec: DynamicPanelSpec) -> None:
    fit = fit_frequentist(frame, spec, "gmm")
    terms = fit.estimates()["term"].tolist()
    assert {"alpha[eastern, L1.services]", "beta[eastern, L1.digital]", "intercept[eastern]"} <= set(terms)
    assert "period_effect[eastern, 2011]" in terms
    assert fit.approach == "frequentist"
    assert {check.name for check in fit.checks()} >= {"hansen_p [eastern]", "ar2_p [northern]", "instruments [central]"}
    assert float(fit.tree["tests eastern"]["p_value"].sel(test="Hansen")) > 0
    covariance = fit.tree["covariance"]["covariance"]
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), fit.estimates()["std_error"])
    pair = covariance.sel(term="alpha[eastern, L1.services]")
    assert float(pair.sel(term_other="beta[eastern, L1.digital]")) != 0
    assert float(pair.sel(term_other="beta[northern, L1.digital]")) == 0


def test_pooled_where_nothing_varies(data: RegionalPanel, spec: DynamicPanelSpec) -> None:
    pooled = fit_gmm_by_region(data, spec.model_copy(update={"pooling": "complete"}))
    assert list(pooled) == ["all"]
    assert pooled["all"].n_units == 286
    # alpha is between 0.4 and 0.65 in the regions; the standard error is near 0.03
    assert pooled["all"].coefficients[0] == pytest.approx(0.55, abs=0.15)


def test_truth_is_within_the_intervals(fits) -> None:
    truth = PanelSimulation(seed=3)
    z = [(fit.coefficients[0] - truth.alpha[region]) / fit.std_errors[0] for region, fit in fits.items()]
    # seven z-values, with few units a region: the sum of squares of seven normals exceeds 24 once in a thousand
    assert np.sum(np.square(z)) < 24


def test_few_units_for_many_instruments_warn(fits) -> None:
    status = _checks(fits["northwestern"])
    assert fits["northwestern"].n_instruments > fits["northwestern"].n_units
    assert status["instruments"] == "warn"
    assert status["two_step_weight_regular"] == "warn"
    assert _checks(fits["eastern"])["instruments"] == "pass"


def test_checks_follow_the_tests(fits) -> None:
    fit = fits["eastern"]
    rejected = replace(fit, hansen=GmmTest("Hansen", 99.0, 10, 1e-6), autocorrelation=(fit.autocorrelation[0],) * 2)
    status = _checks(rejected)
    assert status["hansen_p"] == "fail"
    assert (status["ar2_p"], fit.autocorrelation[0].p_value < 0.05) == ("fail", True)
    assert _checks(replace(fit, hansen=GmmTest("Hansen", 1.0, 10, 0.9998)))["hansen_p"] == "warn"
    exact = replace(fit, hansen=GmmTest("Hansen", np.nan, 0, np.nan), sargan=GmmTest("Sargan", np.nan, 0, np.nan))
    assert (_checks(exact)["hansen_p"], _checks(exact)["sargan_p"]) == ("not applicable", "not applicable")
    assert _checks(replace(fit, iterations=500, converged=False))["iterations_converged"] == "fail"


def test_a_second_order_process_fails_ar2(spec: DynamicPanelSpec) -> None:
    rng = np.random.default_rng(0)
    y = np.zeros((400, 30))
    for t in range(2, 30):
        y[:, t] = 0.3 * y[:, t - 1] + 0.4 * y[:, t - 2] + rng.normal(size=400)
    frame = pd.DataFrame({"u": np.repeat(range(400), 8), "t": np.tile(range(8), 400), "y": y[:, -8:].ravel()})
    wrong = DynamicPanelSpec(outcome="y", unit="u", time="t", gmm={"system": False})
    fit = fit_frequentist(frame, wrong, "wrong")
    assert {check.name: check.status for check in fit.checks()}["ar2_p [all]"] == "fail"


def test_a_fit_keeps_covariance_and_tests(fits) -> None:
    fit = gmm_by_region_to_fit(fits, "gmm")
    table = fit.estimates()
    covariance = fit.tree["covariance"].to_dataset()["covariance"]
    assert covariance["term"].values.tolist() == table["term"].tolist()
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), table["std_error"])
    own = [term for term in table["term"] if "[eastern" in term]
    np.testing.assert_array_equal(covariance.sel(term=own, term_other=own), fits["eastern"].covariance)
    assert table["interval"].iloc[0] == "95% Windmeijer-corrected Wald confidence"
    assert fit.tree["tests eastern"]["statistic"].sel(test="Hansen").item() == fits["eastern"].hansen.statistic


def test_too_few_periods_for_a_test_are_said(fits) -> None:
    fit = fits["eastern"]
    second = replace(fit.autocorrelation[1], statistic=float("nan"), p_value=float("nan"))
    advice = {check.name: check.advice for check in gmm_checks(replace(fit, autocorrelation=(second, second)))}
    assert advice["ar2_p"] == "too few periods"


def test_a_region_that_cannot_be_estimated_is_a_failed_check(frame: pd.DataFrame, spec: DynamicPanelSpec) -> None:
    few = frame[
        (frame["region"] != "northern") | frame["city"].isin(frame["city"][frame["region"] == "northern"].unique()[:4])
    ]
    fit = fit_frequentist(few, spec, "gmm")
    failed = {check.name: check.advice for check in fit.checks() if check.name.startswith("estimated")}
    assert list(failed) == ["estimated [northern]"]
    assert "need as many units" in failed["estimated [northern]"]
    assert not any("northern" in term for term in fit.estimates()["term"])
    table = gmm_table(fit_gmm_by_region(regional_panel(few, spec), spec))
    assert table.loc[table["region"] == "northern", "reason"].str.contains("as many units").all()


def test_table_shows_what_a_paper_prints(fits) -> None:
    table = gmm_table(fits)
    eastern = table[table["region"] == "eastern"].set_index("term")
    assert eastern.index.tolist() == [
        "L1.services",
        "digital",
        "L1.digital",
        "industry",
        "L1.industry",
        "gdp",
        "L1.gdp",
        "constant",
    ]
    fit = fits["eastern"]
    assert eastern["statistic"].iloc[0] == pytest.approx(fit.coefficients[0] / fit.std_errors[0])
    assert eastern["ar2_p"].iloc[0] == fit.autocorrelation[1].p_value


def test_gmm_lies_in_the_bracket(
    frame: pd.DataFrame, data: RegionalPanel, spec: DynamicPanelSpec, fits: dict[str, GmmFit | str]
) -> None:
    table, brackets = linear_by_region(panel_design(frame, spec))
    assert set(table["estimator"]) == {"pooled", "within", "anderson-hsiao", "bias-corrected"}
    assert set(table["region"]) == {"all", *fits}
    assert [check.name for check in bracket_checks(fits, brackets)] == [f"alpha_bracket [{region}]" for region in fits]
    pooled = fit_gmm_by_region(data, spec.model_copy(update={"pooling": "complete"}))
    assert [check.status for check in bracket_checks(pooled, brackets)] == ["pass"]


def test_multiverse_has_every_choice(data: RegionalPanel, spec: DynamicPanelSpec) -> None:
    two = RegionalPanel(data.panel, data.regions, data.unit_region)
    frame = instrument_multiverse(two, spec, effects=("digital",), depths=(2, None))
    choices = frame[["equation", "depth", "collapse"]].drop_duplicates()
    assert len(choices) == 8
    assert set(frame["term"]) == {"L1.services", "digital"}
    assert len(frame) == 8 * 7 * 2
    chosen = frame[frame["chosen"] & (frame["term"] == "L1.services")].set_index("region")
    assert chosen[["equation", "depth", "collapse"]].drop_duplicates().to_numpy().tolist() == [["system", "all", True]]
    expected = {region: fit.coefficients[0] for region, fit in fit_gmm_by_region(data, spec).items()}
    np.testing.assert_allclose(chosen["estimate"], [expected[region] for region in chosen.index], rtol=1e-10)
    wide = frame.groupby(["collapse", "depth"])["n_instruments"].max()
    assert wide[False, "all"] > wide[True, "all"] > wide[True, "2"]
    assert frame.loc[frame["many"], "n_instruments"].min() > 30


def test_long_run_effect_and_its_intervals(fits, spec: DynamicPanelSpec) -> None:
    table = long_run_table(fits["eastern"], gmm_model(spec)).set_index("variable")
    fit = fits["eastern"]
    alpha, b0, b1 = fit.coefficients[:3]
    row = table.loc["digital"]
    assert row["estimate"] == pytest.approx((b0 + b1) / (1 - alpha))
    # delta method by numerical differentiation
    gradient = np.zeros(fit.coefficients.size)
    gradient[:3] = [(b0 + b1) / (1 - alpha) ** 2, 1 / (1 - alpha), 1 / (1 - alpha)]
    assert row["std_error"] == pytest.approx(np.sqrt(gradient @ fit.covariance @ gradient), rel=1e-10)
    # Fieller's limits: the ratio at which numerator - ratio x denominator is 1.96 of its standard errors from zero
    for limit in (row["fieller_lower"], row["fieller_upper"]):
        weights = np.zeros(fit.coefficients.size)
        weights[:3] = [limit, 1, 1]
        distance = b0 + b1 - limit * (1 - alpha)
        assert abs(distance) / np.sqrt(weights @ fit.covariance @ weights) == pytest.approx(1.959964, rel=1e-6)
    assert row["half_life"] == pytest.approx(np.log(0.5) / np.log(alpha))
    regions = long_run_by_region(fits, gmm_model(spec))
    assert regions.groupby("region").size().tolist() == [3] * 7


def test_half_lives() -> None:
    middle = half_life(0.5, 0.2)
    assert middle.estimate == 1.0
    assert middle.lower < 1.0 < middle.upper
    assert half_life(0.9, 0.2).upper == np.inf
    assert half_life(-0.2, 0.01).estimate == 0.0
    assert half_life(1.2, 0.01).estimate == np.inf


def test_the_ready_spec_is_the_published_column() -> None:
    spec = read_dynamic_panel_spec(MODELS / "empluk.toml")
    fit = fit_frequentist(pd.read_csv(MODELS / "data" / "EmplUK.csv"), spec)
    first = fit.estimates().set_index("term").loc["alpha[all, L1.emp]"]
    # Arellano & Bond (1991), table 4 (a2), with Windmeijer's standard error as xtabond2 prints it
    assert (first["estimate"], first["std_error"]) == pytest.approx((0.628709, 0.193413), abs=5e-7)
    assert fit.label == spec.label


@pytest.mark.parametrize("position", [0, 1])  # persistence, a predictor
def test_a_negative_corrected_variance_bounds_no_long_run_effect(fits, spec: DynamicPanelSpec, position: int) -> None:
    fit = fits["eastern"]
    covariance = fit.covariance.copy()
    covariance[position, position] = -1.0
    row = long_run_table(replace(fit, covariance=covariance), gmm_model(spec)).iloc[0]
    assert (row["fieller_kind"], row["fieller_lower"], row["fieller_upper"]) == ("whole line", -np.inf, np.inf)
    assert not row["delta_valid"]
    assert np.isnan(row["g"])
    assert np.isnan(row["half_life_lower"]) == (position == 0)

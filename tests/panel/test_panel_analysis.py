"""The whole analysis of a panel: every table of both schools, checks, assumptions, and what cannot be done said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import sample_spec, simulate

import bayesgov
from bayesgov.data import as_table
from bayesgov.errors import InputError
from bayesgov.panel.analysis import PanelAnalysis, analyse
from bayesgov.panel.assumptions import assumptions_of
from bayesgov.panel.frequentist.linear import fit_least_squares
from bayesgov.panel.frequentist.regions import design_of_region
from bayesgov.panel.prepare import prepare_panel
from bayesgov.panel.simulate import PanelSimulation, simulate_panel
from bayesgov.panel.spec import DynamicPanelSpec, read_dynamic_panel_spec
from bayesgov.row_claims import PANEL_TABLES

MODELS = Path(__file__).resolve().parents[2] / "models" / "panel"
CITIES = {"north": 40, "south": 36}
OPTIONS = PanelSimulation(
    seed=4, cities=CITIES, alpha={"north": 0.4, "south": 0.6}, beta={"north": (0.1, 0.2), "south": (0.0, 0.1)}
)
FREQUENTIST_TABLES = {"gmm", "gmm_tests", "regions", "long_run_gmm", "linear", "multiverse"}


def _silent(_message: str) -> None:
    return None


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return simulate_panel(OPTIONS).frame


@pytest.fixture(scope="module")
def digital() -> DynamicPanelSpec:
    """Without its two models that take minutes."""
    quick = {"latent": None, "compare_stationary": False}
    return read_dynamic_panel_spec(MODELS / "digital.toml").model_copy(update=quick)


@pytest.fixture(scope="module")
def found(rows: pd.DataFrame, digital: DynamicPanelSpec) -> PanelAnalysis:
    return analyse(digital, as_table(rows), ("frequentist",), seed=1, progress=_silent)


@pytest.fixture(scope="module")
def states() -> PanelAnalysis:
    spec = read_dynamic_panel_spec(MODELS / "produc.toml")
    spec = spec.model_copy(
        update={
            "predictors": ("emp",),
            "log": ("gsp", "emp"),
            "gmm": spec.gmm.model_copy(
                update={"endogenous": ("emp",), "limits": {name: spec.gmm.limits[name] for name in ("gsp", "emp")}}
            ),
        }
    )
    frame = pd.read_csv(MODELS / spec.data).query("year >= 1979")
    return analyse(spec, as_table(frame), ("frequentist",), seed=1, progress=_silent)


def test_every_table_of_the_frequentist_chain(found: PanelAnalysis) -> None:
    rows = {"flow", "panel", "interpolation", "index_components", "index_weights", "variation", "convergence"}
    rows |= {"held_out_scores"}
    assert set(found.tables) == rows | FREQUENTIST_TABLES
    assert set(found.tables) <= PANEL_TABLES  # those that claims can name
    assert found.problems == ()
    assert set(found.fits) == {"frequentist"}
    assert set(found.checks) == {"rows", "frequentist pipeline"}
    assert found.seconds["instrument multiverse"] > 0


def test_regions_are_the_fit_s_estimates(found: PanelAnalysis) -> None:
    table = found.tables["regions"]
    assert list(table) == [
        "region", "term", "series", "estimate", "std_error", "lower", "upper", "interval", "p_value"
    ]  # fmt: skip
    assert table["series"].unique().tolist() == ["system GMM"]
    assert table.groupby("region", sort=False).size().to_dict() == {"north": 7, "south": 7, "all": 7}
    alpha = table.set_index(["region", "term"]).loc[("south", "L1.level")]
    expected = found.fits["frequentist"].estimates().set_index("term").loc["alpha[south, L1.level]"]
    names = ["estimate", "std_error", "lower", "upper", "p_value"]
    np.testing.assert_allclose(alpha[names].astype(float), expected[names].astype(float), rtol=1e-12)
    assert alpha["interval"] == expected["interval"] == "95% Windmeijer-corrected Wald confidence"


def test_variation_is_of_the_positive_index(
    found: PanelAnalysis, rows: pd.DataFrame, digital: DynamicPanelSpec
) -> None:
    positive = prepare_panel(rows, digital).indices.frame["positive"]
    own = positive[(rows["region"] == "south") & (rows["year"] == 2012)]
    expected = own.std() / own.mean()
    table = found.tables["variation"]
    assert table["approach"].unique().tolist() == ["frequentist"]  # the other school was not asked
    row = table[(table["region"] == "south") & (table["time"] == "2012")].iloc[0]
    assert row["estimate"] == pytest.approx(expected, rel=1e-12)
    assert row["lower"] < expected < row["upper"]
    convergence = found.tables["convergence"]
    assert convergence["region"].tolist() == ["north", "south", "all"]
    assert convergence["of"].unique().tolist() == ["variation"]


def test_an_index_around_zero_has_no_coefficient_of_variation(rows: pd.DataFrame) -> None:
    spec = read_dynamic_panel_spec(MODELS / "equalisation.toml")
    gap = analyse(spec, as_table(rows), ("frequentist",), seed=1, progress=_silent)
    assert "variation" not in gap.tables
    check = gap.checks["variation"][0]
    assert (check.name, check.status) == ("coefficient of variation", "not applicable")
    assert "differentiation goes down to -" in check.advice
    spread = prepare_panel(rows, spec).frame.groupby(rows["year"])["differentiation"].std()
    slope = np.polyfit(spread.index, np.log(spread), 1)[0]
    table = gap.tables["convergence"]
    assert table["of"].unique().tolist() == ["deviation"]
    assert table.set_index("region")["estimate"]["all"] == pytest.approx(slope, rel=1e-8)


def test_bracket_and_pooled_estimate_are_checked(found: PanelAnalysis) -> None:
    checks = {check.name: check for check in found.checks["frequentist pipeline"]}
    assert {"alpha_bracket [north]", "alpha_bracket [all]", "delta_method_g", "clusters [south]"} <= set(checks)
    linear = found.tables["linear"].set_index(["region", "estimator", "term"])["estimate"]
    expected = fit_least_squares(design_of_region(found.design, 1), unit_effects=True).coefficients[0]
    assert linear["south", "within", "L1.level"] == pytest.approx(expected)
    assert checks["delta_method_g"].value == found.tables["long_run_gmm"]["g"].max()
    doubtful = set(found.tables["long_run_gmm"].query("not delta_valid")["region"])
    assert (checks["delta_method_g"].status == "warn") == bool(doubtful)
    assert all(region in checks["delta_method_g"].advice for region in doubtful)
    assert {check.name for check in found.fits["frequentist"].checks()} >= {"hansen_p [all]", "ar2_p [north]"}
    assert [check.name for check in found.checks["rows"]] == ["kmo [level]", "kmo [infrastructure]"]


def test_the_multiverse_has_regions_and_all(found: PanelAnalysis) -> None:
    table = found.tables["multiverse"]
    assert set(table["region"]) == {"north", "south", "all"}
    chosen = table[table["chosen"] & (table["term"] == "L1.level")].set_index("region")["estimate"]
    gmm = found.tables["gmm"].query("term == 'L1.level'").set_index("region")["estimate"]
    np.testing.assert_allclose(chosen.sort_index(), gmm.sort_index(), rtol=1e-10)


def test_regions_too_small_for_gmm_have_a_reason(states: PanelAnalysis) -> None:
    assert states.problems == ()
    gmm = states.tables["gmm"].set_index("region")
    assert gmm.loc[[str(region) for region in range(1, 10)], "reason"].str.contains("need as many units").all()
    assert states.tables["regions"]["region"].unique().tolist() == ["all"]
    failed = [check.name for check in states.fits["frequentist"].checks() if check.name.startswith("estimated")]
    assert failed == [f"estimated [{region}]" for region in range(1, 10)]
    assert {"interpolation", "index_weights"}.isdisjoint(states.tables)
    # 3 states give a cluster-robust covariance of rank 3 at most
    clusters = {check.name: check.status for check in states.checks["frequentist pipeline"]}
    assert clusters["clusters [2]"] == "warn"
    assert clusters["clusters [all]"] == "pass"
    # before logarithms: gross state product in millions of dollars
    assert states.tables["variation"]["estimate"].between(0.1, 2).all()


def test_no_long_run_without_predictors() -> None:
    frame = simulate(n_units=40, n_regions=1, seed=3)
    alone = analyse(
        sample_spec(0, region="", time_effects=False), as_table(frame), ("frequentist",), seed=1, progress=_silent
    )
    assert alone.problems == ()
    assert "long_run_gmm" not in alone.tables
    checks = {check.name: check for check in alone.checks["frequentist pipeline"]}
    assert checks["long-run effects"].status == "not applicable"
    assert checks["long-run effects"].advice == "the equation has no predictors"


def test_data_that_do_not_fit_are_refused(rows: pd.DataFrame, digital: DynamicPanelSpec) -> None:
    with pytest.raises(InputError, match="needs the column 'gdp'"):
        analyse(digital, as_table(rows.drop(columns="gdp")), ("frequentist",), seed=1, progress=_silent)


def test_one_call_fits_raw_indicators(rows: pd.DataFrame, digital: DynamicPanelSpec, found: PanelAnalysis) -> None:
    fit = bayesgov.fit(digital, rows, "frequentist")
    pd.testing.assert_frame_equal(fit.estimates(), found.fits["frequentist"].estimates())
    assert fit.label == "frequentist"


def test_assumptions_say_what_each_school_takes_for_granted(found: PanelAnalysis) -> None:
    text = " ".join(found.assumptions)
    for words in (
        "Missing cells of the indicators in gaps lie on the straight line",
        "get the nearest value",
        "one set of means, deviations and loadings for town and country",
        "level (lags 2 to the last); digital (endogenous, lags 2 to the last); industry (predetermined, lags 1",
        "System GMM adds the equation in levels",
        "each unit's longest run of complete periods. GMM uses every complete row",
    ):
        assert words in text
    assert "Priors" not in text
    bayesian = " ".join(assumptions_of(found.spec, found.design, ("bayesian",)))
    assert "System GMM" not in bayesian
    for words in (
        "strictly exogenous given the unit's effect",
        "GMM lets shocks move digital, industry and gdp",
        "a linear function of initial[level], initial[digital], mean[digital]",
        "All regional coefficients come from a common normal distribution",
        "normal(0.5, 0.5) for persistence",
    ):
        assert words in bayesian


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"initial": "naive"}, "wrong for almost every panel"),
        ({"initial": "stationary", "stationarity": "bounded"}, "comes from the stationary distribution"),
        ({"pooling": "complete"}, "one set of coefficients for all regions"),
        ({"pooling": "none"}, "are unrelated between regions"),
        ({"varying": ("y",)}, "Regional coefficients of L1.y come from"),
        ({"errors": "student_t", "error_scale": "by_region"}, "Student-t with a standard deviation for each region"),
        ({"interpolate": {"limit": 2}}, "gaps of up to 2 periods"),
        ({"gmm": {"limits": {"x0": {"first": 1, "last": 3}}}}, "x0 (lags 1 to 3); x1 (strictly exogenous, by itself)"),
        ({"gmm": {"system": False, "steps": "one"}}, "first differences (one step, cluster-robust standard errors)"),
    ],
)
def test_assumptions_follow_the_spec(changes: dict[str, object], words: str) -> None:
    spec = sample_spec(**changes)
    design = prepare_panel(simulate(n_units=9, seed=5), spec).design
    assert words in " ".join(assumptions_of(spec, design, ("frequentist", "bayesian")))


def test_both_schools_share_one_table_of_regions() -> None:
    frame = simulate(n_units=40, n_times=7, n_regions=2, seed=6)
    spec = sample_spec(1, gmm={"collapse": True}, sampling={"seed": 1, "chains": 2, "draws": 100, "tune": 200})
    both = analyse(spec, as_table(frame), ("frequentist", "bayesian"), seed=1, progress=_silent)
    assert both.problems == ()
    assert set(both.fits) == {"frequentist", "bayesian"}
    regions = both.tables["regions"]
    assert set(regions["series"]) == {"system GMM", "no pooling", "partial pooling", "complete pooling"}
    gmm = regions["series"] == "system GMM"
    assert regions.loc[gmm, "p_value"].notna().all()
    assert regions.loc[gmm, "probability_positive"].isna().all()
    assert regions.loc[~gmm, "p_value"].isna().all()
    assert regions.loc[~gmm, "probability_positive"].between(0, 1).all()
    assert set(both.tables["convergence"]["approach"]) == {"frequentist", "bayesian"}
    assert {"persistence", "impulse_responses", "priors"} | FREQUENTIST_TABLES <= set(both.tables)

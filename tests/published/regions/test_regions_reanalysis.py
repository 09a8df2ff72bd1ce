"""The entry point on the shipped panel table."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bayesgov.published.regions import reanalyse
from bayesgov.published.regions.design import read_region_table
from bayesgov.published.regions.frequentist import random_effects
from bayesgov.published.regions.reanalysis import _knapp_hartung_check, _reml_check
from bayesgov.sampling import SamplingOptions

OPTIONS = SamplingOptions(seed=5, chains=4, draws=1000, tune=600, target_accept=0.9, prior_draws=20)
TABLES = {
    "pooling", "mean_effects", "heterogeneity", "region_effects", "new_region", "long_run", "long_run_correlation",
    "prior_sensitivity", "prior_scale", "sign_conflict", "standard_errors", "rounding",
}  # fmt: skip


@pytest.fixture(scope="module")
def result(panel, panel_spec):
    lines = []
    reanalysis = reanalyse(panel, panel_spec, OPTIONS, lines.append)
    assert len(lines) == 5
    return reanalysis


def test_every_fit_and_table_is_there(result):
    assert set(result.tables) == TABLES
    labels = [fit.label for fit in result.fits]
    # two readings of four fits, and three refits of the first posterior: what a table rests on has its diagnostics
    assert len(set(labels)) == len(labels) == 11
    assert sum(fit.approach == "bayesian" for fit in result.fits) == 5
    assert not [name for name, table in result.tables.items() if table.empty]


@pytest.mark.parametrize("tau2", [0.0, 0.3, np.nan])
def test_a_slope_that_could_not_be_computed_never_passes(tau2, panel, panel_spec):
    table = read_region_table(panel, panel_spec)
    one = random_effects(table.estimate[0], table.std_error[0])
    terms = len(table.terms)
    assert _reml_check(table, (one,) * terms).status == "pass"
    assert _reml_check(table, (replace(one, tau2=tau2, score=np.nan),) * terms).status == "fail"
    assert _knapp_hartung_check(table, (replace(one, std_error=np.nan),) * terms).status == "warn"


def test_one_sided_p_values_belong_to_their_estimates(result):
    """p_value_greater is half the two-sided value on the side of the effect, and one minus that on the other."""
    means = result.tables["mean_effects"].query("approach == 'frequentist'")
    half = means["p_value"] / 2
    expected = np.where(means["estimate"] > 0, half, 1 - half)
    np.testing.assert_allclose(means["p_value_greater"], expected, rtol=1e-12)
    bayesian = result.tables["mean_effects"].query("approach == 'bayesian'")
    assert bayesian["p_value_greater"].isna().all()


def test_chains_converged(result):
    for fit in result.fits:
        assert [check for check in fit.checks() if check.status == "fail"] == []


def test_limits_enclose_estimates(result):
    for name in ("pooling", "mean_effects", "region_effects", "new_region", "prior_scale", "sign_conflict", "rounding"):
        table = result.tables[name]
        # the Q-profile set may be empty above an estimate of zero, which it then still touches
        assert (table["lower"] <= table["estimate"] + 1e-12).all(), name
        assert (table["estimate"] <= table["upper"] + 1e-12).all(), name


def test_p_values_and_probabilities_never_share_a_row(result):
    for name in ("pooling", "mean_effects", "sign_conflict", "rounding"):
        table = result.tables[name]
        assert not (table["p_value"].notna() & table["probability_positive"].notna()).any()
        assert table.loc[table["approach"] == "bayesian", "p_value"].isna().all()
        assert table.loc[table["approach"] == "frequentist", "probability_positive"].isna().all()


def test_partial_pooling_lies_between_no_and_complete_pooling(result):
    wide = result.tables["pooling"].pivot(index=["reading", "term", "region"], columns="series", values="estimate")
    low = wide[["no pooling", "complete pooling"]].min(axis=1)
    high = wide[["no pooling", "complete pooling"]].max(axis=1)
    # tau² = 0: the partially pooled effects are the common one
    at_zero = result.tables["mean_effects"].query("series == 'REML, plain'")
    assert len(at_zero) == 16
    homogeneous = wide.loc[("estimate", "digital")]
    np.testing.assert_allclose(homogeneous["partial pooling (REML)"], homogeneous["complete pooling"])
    # REML weights differ from inverse variances, so a small excess over the range is possible when tau² > 0
    excess = np.maximum(low - wide["partial pooling (REML)"], wide["partial pooling (REML)"] - high).clip(lower=0)
    assert (excess <= 0.2 * (high - low).groupby(level=["reading", "term"]).transform("max")).all()


def test_hierarchical_effects_are_less_spread_than_the_printed_ones(result):
    table = result.tables["region_effects"]
    spread = table.groupby(["reading", "term"])[["estimate", "printed_estimate"]].std()
    assert (spread["estimate"] < spread["printed_estimate"]).all()
    assert table["share"].between(0, 1).all()


def test_sign_conflict_moves_the_cell_and_nothing_printed(result):
    table = result.tables["sign_conflict"].set_index(["quantity", "reading"])["estimate"]
    assert table["region effect, no pooling", "estimate"] == -table["region effect, no pooling", "t"]
    assert table["mean over regions, REML", "t"] > table["mean over regions, REML", "estimate"]
    pooling = result.tables["pooling"].query("series == 'no pooling'")
    changed = pooling.groupby(["term", "region"])["estimate"].nunique()
    assert changed[changed > 1].index.tolist() == [("digital_lag", "central")]


def test_long_run_probabilities_agree_with_the_normal_distribution(result, panel_table):
    table = result.tables["long_run"].query("series == 'no pooling' and reading == 'estimate'").set_index("region")
    j = panel_table.term_index("outcome_lag")
    z = (panel_table.estimate[j] - 1) / panel_table.std_error[j]
    # 8,000 draws: standard error at most 0.0056
    np.testing.assert_allclose(table["probability_unit_root"], stats.norm.cdf(z), atol=4 * 0.0056)


def test_fieller_sets_of_the_long_run_effect_are_kept_as_sets(result):
    fieller = result.tables["long_run"].query("series == 'Fieller'")
    unbounded = fieller["g"] >= 1
    assert (fieller.loc[unbounded, "set_kind"] != "interval").all()
    delta = result.tables["long_run"].query("series == 'delta method'")
    assert (delta["valid"] == (delta["g"] < 0.05)).all()


def test_correlation_grid_holds_the_uncorrelated_case(result):
    grid = result.tables["long_run_correlation"]
    assert len(grid) == 2 * 7 * 2 * 25
    fieller = result.tables["long_run"].query("series == 'Fieller'").set_index(["reading", "region"])["set_kind"]
    zero = grid.query("series == 'no pooling' and correlation_effects == 0 and correlation_alpha == 0")
    assert (zero.set_index(["reading", "region"])["set_kind"].sort_index() == fieller.sort_index()).all()


def test_a_wider_prior_of_tau_widens_its_posterior(result):
    table = result.tables["prior_scale"].query("quantity == 'tau'")
    upper = table.pivot(index="term", columns="factor", values="upper")
    assert (upper[0.5] < upper[1.0]).all()
    assert (upper[1.0] < upper[2.0]).all()


def test_assumptions_name_the_bound_and_the_conflict(result):
    text = " ".join(result.assumptions)
    assert "Northwest: t is printed as zero" in text
    assert "Central: the estimate -0.909 and its t-value 1.34 have opposite signs; analysed with either sign" in text


def test_the_result_pickles(result):
    copy = pickle.loads(pickle.dumps(result))
    assert copy.tables["pooling"].equals(result.tables["pooling"])
    assert copy.fits[3].tree["posterior"]["mu"].equals(result.fits[3].tree["posterior"]["mu"])


def test_a_table_without_conflicts_has_one_reading(make_study, small_spec):
    study = make_study(
        {
            "x": (["0.50", "-0.50", "0.25", "1.00"], ["2.0", "-1.0", "0.5", "4.0"]),
            "x_lag": (["0.10", "0.20", "-0.30", "0.40"], ["1.0", "2.0", "-1.5", "1.2"]),
            "y_lag": (["0.40", "0.60", "0.50", "0.30"], ["4.0", "3.0", "5.0", "2.0"]),
        }
    )
    result = reanalyse(study, small_spec, replace(OPTIONS, draws=200, tune=300), lambda _: None)
    assert [fit.label.rsplit("-", 1)[1] for fit in result.fits[:4]] == ["estimate"] * 4
    assert all(fit.label.startswith("regions-hierarchical-estimate-") for fit in result.fits[4:])
    assert result.tables["sign_conflict"].empty
    assert not any("opposite signs" in sentence for sentence in result.assumptions)

"""The contingency part end to end on the printed tables."""

import pickle

import numpy as np
import pytest

from bayesgov.published.contingency import reanalyse
from bayesgov.sampling import SamplingOptions
from bayesgov.spec import read_published_spec
from bayesgov.study import load_study


@pytest.fixture(scope="module")
def result():
    study = load_study("survey")
    spec = read_published_spec(study.folder).contingency.model_copy(update={"composite_weights": (1.0, 0.0625)})
    return reanalyse(study, spec, SamplingOptions(seed=1, chains=2, draws=500, tune=600), lambda _line: None)


def test_fits_and_tables_are_complete(result):
    assert [fit.label for fit in result.fits] == [
        "contingency-maximum-likelihood",
        "contingency-horseshoe",
        "contingency-r2d2",
        "contingency-normal",
        "contingency-horseshoe-weight-0.0625",
        "contingency-saturated-dirichlet-0.5",
        "contingency-saturated",
    ]
    assert {"screening", "option_effects", "association", "apart_together", "weight_sensitivity"} <= set(result.tables)
    for name in ("screening", "association", "proportionality", "apart_together", "proportional_odds"):
        assert len(result.tables[name]) == 16
    assert len(result.tables["option_effects"]) == 5 * 48
    assert len(pickle.loads(pickle.dumps(result)).tables) == len(result.tables)


def test_schools_agree_where_the_data_are_many(result):
    """n = 3,654: posterior medians lie within a standard error of the estimates, and shrink towards zero."""
    effects = result.tables["option_effects"].set_index("fit")
    classical = effects.loc["contingency-maximum-likelihood"]
    for prior in ("horseshoe", "r2d2", "normal"):
        posterior = effects.loc[f"contingency-{prior}"]
        assert (
            np.abs(posterior["estimate"].to_numpy() - classical["estimate"].to_numpy())
            < classical["std_error"].to_numpy()
        ).all()
    assert np.abs(effects.loc["contingency-horseshoe", "estimate"]).mean() < np.abs(classical["estimate"]).mean()


def test_p_values_and_probabilities_never_share_a_column(result):
    effects = result.tables["option_effects"]
    assert effects.loc[effects["approach"] == "bayesian", "p_value"].isna().all()
    assert effects.loc[effects["approach"] == "frequentist", "probability_positive"].isna().all()


def test_less_information_widens_the_posterior(result):
    table = result.tables["weight_sensitivity"].set_index("weight")
    # one sixteenth of the information: four times the sd, less what the prior holds back
    assert 2.5 < table.loc[0.0625, "mean_sd_ratio"] < 4.5
    assert table.loc[1.0, "largest_shift"] == 0
    assert table.loc[0.0625, "signs_settled"] < table.loc[1.0, "signs_settled"]


def test_composite_likelihood_is_declared(result):
    assert any("composite likelihood" in sentence for sentence in result.assumptions)
    assert any("item 5 level B (+273)" in sentence for sentence in result.assumptions)


def test_no_divergence_even_in_a_short_run(result):
    chains = [fit for fit in result.fits if fit.tree.attrs["bayesgov_kind"] == "mcmc"]
    assert len(chains) == 4
    checks = {(fit.label, check.name): check for fit in chains for check in fit.checks()}
    assert all(check.value == 0 for (_, name), check in checks.items() if name == "divergences")
    # 1,000 draws of two chains: the largest of some 300 R-hats is about 1.02
    assert all(check.value < 1.05 for (_, name), check in checks.items() if name == "rhat_max")


def test_every_prior_is_shown_with_what_it_implies(result):
    table = result.tables["priors"].set_index(["fit", "quantity"])
    effects = table.xs("option_effect", level="quantity")
    assert set(effects.index) == {f"contingency-{prior}" for prior in ("horseshoe", "r2d2", "normal")}
    # a zero-sum effect of three options has variance 1 - 1/3 under unit contrasts; 1,000 × 48 draws
    reach = 1.96 * (2 / 3) ** 0.5
    assert effects.loc["contingency-normal", "prior_upper"] == pytest.approx(reach, rel=0.03)
    assert effects.loc["contingency-normal", "prior_lower"] == pytest.approx(-reach, rel=0.03)
    v = table.xs("cramers_v", level="quantity")
    assert len(v) == 5
    assert (v["prior_upper"] - v["prior_lower"] > v["posterior_upper"] - v["posterior_lower"]).all()


def test_model_free_conclusions_do_not_rest_on_the_uniform_prior(result):
    uniform, jeffreys = result.fits[-1], result.fits[-2]
    for name in ("cramers_v", "departure"):
        first, second = (fit.tree["posterior"][name].mean(("chain", "draw")).to_numpy() for fit in (uniform, jeffreys))
        assert np.abs(first - second).max() < 0.01  # nine half-counts in 3,654; Monte Carlo error 0.0005
        assert not np.array_equal(first, second)
    check = {check.name: check for check in uniform.checks()}["prior_sensitivity_max"]
    assert check.status == "not applicable"


def test_exact_draws_claim_no_chain(result):
    free = result.fits[-1]
    status = {check.name: check.status for check in free.checks()}
    assert status["rhat_max"] == status["divergences"] == "not applicable"
    v = free.tree["posterior"]["cramers_v"]
    # with 3,654 respondents the posterior mean of V lies close to the sample's, a little above it
    sample = result.tables["screening"]["cramers_v"].to_numpy()
    assert np.abs(v.mean(("chain", "draw")).to_numpy() - sample).max() < 0.01
    departure = free.tree["posterior"]["departure"].mean(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(result.tables["proportionality"]["departure"], departure, rtol=1e-12)

"""Each rule on fits whose answer is known by arithmetic, and their concordance."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from comparison.comparison_samples import estimator, posterior
from scipy import stats

from bayesgov import compare
from bayesgov.errors import InputError
from bayesgov.fits import EstimatorFit, estimator_tree

# z of 4, 1 and 0 with standard errors 0.1: clear, open, and near zero
FREQUENTIST = estimator([0.4, 0.1, 0.0], [0.1, 0.1, 0.1])
BAYESIAN = posterior([0.4, 0.1, 0.0], [0.1, 0.1, 0.02])


def _decided(found, rule, column="decision"):
    rows = found.decisions[found.decisions["rule"] == rule]
    return dict(zip(rows["term"], rows[column], strict=True))


def test_a_large_p_value_decides_nothing():
    found = compare(FREQUENTIST, BAYESIAN)
    p = _decided(found, "p < 0.05", "p_value")
    assert p["beta[b]"] == pytest.approx(2 * stats.norm.sf(1))
    assert _decided(found, "p < 0.05") == {"beta[a]": "effect", "beta[b]": "undecided", "beta[c]": "undecided"}
    assert "TOST p < 0.05" not in set(found.decisions["rule"])  # it needs limits
    assert "ROPE" not in set(found.decisions["rule"])


def test_the_probability_of_direction_answers_to_the_level():
    found = compare(FREQUENTIST, BAYESIAN, level=0.9)
    p = _decided(found, "P(direction) > 0.95", "probability_of_direction")
    assert p["beta[b]"] == pytest.approx(stats.norm.cdf(1), abs=1e-3)
    assert p["beta[c]"] == pytest.approx(0.5, abs=1e-3)
    assert set(found.decisions["rule"]) >= {"p < 0.1", "P(direction) > 0.95"}
    assert _decided(found, "P(direction) > 0.95")["beta[a]"] == "effect"
    shares = found.decisions["probability_of_direction"].dropna()
    assert shares.between(0.5, 1).all()


def test_hdi_and_rope_have_three_answers():
    found = compare(FREQUENTIST, BAYESIAN, rope=0.1)
    assert _decided(found, "ROPE") == {"beta[a]": "effect", "beta[b]": "undecided", "beta[c]": "no effect"}
    share = _decided(found, "ROPE", "value")
    assert (share["beta[a]"], share["beta[c]"]) == (0.0, 1.0)
    # the share of the central 95% of N(0.1, 0.1) that lies in (-0.1, 0.1): half of it, from z = -1.96 on
    assert share["beta[b]"] == pytest.approx(0.5, abs=0.02)


def test_equivalence_tests_hold_the_estimate_against_both_limits():
    fit = estimator([0.0, 0.08, 0.4], [0.05, 0.05, 0.05], df=10.0)
    found = compare(fit, posterior([0, 0, 0], [1, 1, 1]), rope={"beta[a]": 0.1, "beta[b]": (-0.2, 0.1)})
    p = _decided(found, "TOST p < 0.05", "p_value")
    assert p == pytest.approx({"beta[a]": stats.t.sf(2, 10), "beta[b]": stats.t.cdf(-0.4, 10)})
    assert _decided(found, "TOST p < 0.05") == {"beta[a]": "no effect", "beta[b]": "undecided"}


def test_bayes_factors_decide_both_ways_and_say_when_they_cannot():
    """Posterior sds far below the prior's: at z = 0 the factor is the ratio of sds, at z = 4 far above 3."""
    found = compare(FREQUENTIST, posterior([0.4, 0.1, 0.0], [0.1, 0.04, 0.1], prior_sd=1.0))
    value = _decided(found, "Bayes factor > 3", "value")
    assert value["beta[c]"] == pytest.approx(0.1, rel=0.1)
    assert value["beta[b]"] == pytest.approx(0.04 * np.exp(0.5 * 2.5**2), rel=0.15)
    assert _decided(found, "Bayes factor > 3") == {
        "beta[a]": "effect",
        "beta[b]": "undecided",
        "beta[c]": "no effect",
    }
    assert _decided(found, "Bayes factor > 3", "note")["beta[a]"].startswith("at least")


def test_a_horseshoe_has_no_bayes_factor_and_says_so():
    found = compare(FREQUENTIST, posterior([0.4], [0.1], prior="horseshoe"))
    assert "Bayes factor > 3" not in set(found.decisions["rule"])
    row = found.checks[found.checks["check"] == "Bayes factor > 3"].iloc[0]
    assert row["status"] == "not applicable"
    assert "horseshoe's density at zero is infinite: beta[a]" in row["advice"]


def _with_selection(fit):
    group = xr.Dataset(
        {
            "selected": (("rule", "term"), [[1, 0, np.nan], [1, 1, 0]]),
            "frequency": (("rule", "term"), [[0.9, 0.4, np.nan], [1.0, np.nan, 0.1]]),
        },
        {"rule": ["lambda.1se", "lambda.min"], "term": ["beta[a]", "beta[b]", "beta[c]"]},
    )
    tree = fit.tree.copy()
    tree["selection"] = xr.DataTree(group)
    return EstimatorFit(fit.label, tree, fit.checks_run)


def test_selection_is_read_with_its_frequency():
    found = compare(_with_selection(FREQUENTIST), BAYESIAN)
    assert _decided(found, "lambda.1se") == {"beta[a]": "effect", "beta[b]": "no effect"}
    assert _decided(found, "lambda.1se", "frequency") == {"beta[a]": 0.9, "beta[b]": 0.4}
    assert _decided(found, "lambda.min")["beta[c]"] == "no effect"


def test_concordance_counts_the_commonest_answer():
    found = compare(_with_selection(FREQUENTIST), BAYESIAN, posterior([0.4, 0, 0], [0.1, 0.1, 0.02], label="tight"))
    wide = found.concordance()
    assert wide.index.tolist() == ["beta[a]", "beta[b]", "beta[c]"]
    assert "p < 0.05" in wide
    assert {"P(direction) > 0.975 (bayesian)", "P(direction) > 0.975 (tight)"} <= set(wide)
    assert wide.loc["beta[a]", "agreement"] == 1
    answers = wide.drop(columns="agreement").loc["beta[b]"].dropna().tolist()
    most = max(answers.count(answer) for answer in set(answers))
    assert wide.loc["beta[b]", "agreement"] == pytest.approx(most / len(answers))
    assert "lambda.1se" in wide
    assert not isinstance(wide.loc["beta[c]", "lambda.1se"], str)  # no answer is no "undecided"


def test_zero_is_no_question_about_scales_and_locations():
    both = ["beta[a]", "threshold[1|2]", "group_sd"]
    fit = EstimatorFit("f", estimator_tree(both, np.array([1.0, 2.0, 1.0]), np.full(3, 0.1)), ())
    found = compare(fit, posterior([1.0], [0.1]), posterior([1.0], [0.2], label="wide"))
    assert set(found.terms) == {"beta[a]", "group_sd"}
    assert set(found.decisions["term"]) == {"beta[a]"}
    other = EstimatorFit("g", fit.tree, ())
    assert set(compare(fit, other).decisions["term"]) == {"beta[a]", "group_sd"}  # nothing says that it is a scale


def test_p_values_and_probabilities_share_no_column():
    found = compare(_with_selection(FREQUENTIST), BAYESIAN, rope=0.1)
    for frame, probability in (
        (found.estimates, "probability_positive"),
        (found.decisions, "probability_of_direction"),
    ):
        assert not (frame["p_value"].notna() & frame[probability].notna()).any()
        assert frame.loc[frame["p_value"].notna(), "approach"].eq("frequentist").all()
        assert frame.loc[frame[probability].notna(), "approach"].eq("bayesian").all()
    tested = found.decisions["p_value"].notna() | found.decisions["probability_of_direction"].notna()
    assert found.decisions.loc[tested, "value"].isna().all()


@pytest.mark.parametrize("rope", [0, -1, (0.1, 0.2), (0.2, -0.2), np.nan, {"beta[q]": 0.1}])
def test_limits_that_are_none_are_refused(rope):
    with pytest.raises(InputError, match="rope"):
        compare(FREQUENTIST, BAYESIAN, rope=rope)

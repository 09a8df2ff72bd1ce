"""Rows held out of both schools: what the models are given, what they predict, and how it is scored."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from survey.model_check_data import housing

from bayesgov.errors import InputError
from bayesgov.sampling import SamplingOptions
from bayesgov.survey.bayesian.refit import refit
from bayesgov.survey.frequentist.estimate import fit_frequentist
from bayesgov.survey.held_out import BASELINE, HeldOut, hold_out
from bayesgov.survey.simulate import benchmark_design
from bayesgov.survey.spec import CumulativeSpec

SPEC = CumulativeSpec(formula="y ~ x", prior={"kind": "normal", "scale": 2.0})
FEW = SamplingOptions(seed=3, chains=2, draws=150, tune=150, target_accept=0.8)
BOTH = ("frequentist", "bayesian")


@pytest.fixture(scope="module")
def grouped():
    return benchmark_design(400, 3, 4, 12, seed=5).design


@pytest.fixture(scope="module")
def found(grouped):
    return hold_out(grouped, SPEC, BOTH, options=FEW, folds=3)


def test_groups_stay_whole_and_probabilities_are_probabilities(found, grouped):
    assert np.unique(found.fold).tolist() == [0, 1, 2]
    for group in range(12):
        assert np.unique(found.fold[grouped.group == group]).size == 1
    for chance in found.probability.values():
        np.testing.assert_allclose(chance.sum(axis=1), 1, atol=1e-12)
        assert chance.min() > 0


def test_what_is_held_out_is_not_seen(found, grouped):
    """Other outcomes in a fold change no prediction of that fold, to the last bit."""
    inside = found.fold == 1
    changed = replace(grouped, y=np.where(inside, (grouped.y + 1) % 4, grouped.y))
    again = hold_out(changed, SPEC, BOTH, options=FEW, folds=3)
    np.testing.assert_array_equal(again.fold, found.fold)
    for approach in (*BOTH, BASELINE):
        np.testing.assert_array_equal(again.probability[approach][inside], found.probability[approach][inside])
        assert not np.array_equal(again.probability[approach], found.probability[approach])


def test_a_new_group_is_averaged_over_by_both_schools(found, grouped):
    inside = found.fold == 0
    rest = grouped.take(~inside)
    present, code = np.unique(rest.group, return_inverse=True)
    rest = replace(rest, groups=tuple(grouped.groups[index] for index in present), group=code)
    fit = fit_frequentist(rest, SPEC, "rest").estimates().set_index("term")["estimate"]
    rng, row = np.random.default_rng(1), np.flatnonzero(inside)[0]
    effect = fit["group_sd"] * rng.standard_normal(400_000)
    eta = grouped.x[row] @ fit[[f"beta[{term}]" for term in grouped.terms]].to_numpy() + effect
    thresholds = fit[[f"threshold[{cut}]" for cut in grouped.thresholds]].to_numpy()
    at_most = expit(thresholds[:, None] - eta).mean(axis=1)
    # Monte Carlo error of each average below 0.25 / sqrt(400000) = 4e-4
    np.testing.assert_allclose(np.cumsum(found.probability["frequentist"][row])[:-1], at_most, atol=2e-3)
    drawn = refit(rest, SPEC, replace(FEW, seed=FEW.seed))
    beta, cuts = (drawn[name].values.reshape(300, -1) for name in ("beta", "threshold"))
    effect = drawn["group_sd"].values.reshape(300, 1) * rng.standard_normal((300, 2000))
    eta = (beta @ grouped.x[row])[:, None] + effect
    averaged = expit(cuts.T[:, :, None] - eta).mean(axis=(1, 2))
    np.testing.assert_allclose(np.cumsum(found.probability["bayesian"][row])[:-1], averaged, atol=2e-3)


def test_scores_and_differences_are_one_arithmetic(found):
    scores = found.scores().set_index(["approach", "fold"])
    for approach in (*BOTH, BASELINE):
        own = scores.loc[approach]
        parts = own.drop("all")
        for name in ("log_score", "rps", "brier"):
            assert np.average(parts[name], weights=parts["rows"]) == pytest.approx(own.loc["all", name])
    assert scores.loc[("bayesian", "all"), "rows"] == 400
    for _, row in found.differences().iterrows():
        expected = scores.loc[(row["first"], "all"), row["score"]] - scores.loc[(row["second"], "all"), row["score"]]
        assert row["difference"] == pytest.approx(expected, abs=1e-12)
        assert row["lower"] < row["difference"] < row["upper"]
    differences = found.differences().set_index(["score", "first", "second"])
    assert ("log_score", "bayesian", "frequentist") in differences.index
    # three predictors with effects of 0.4, 0 and -0.32 on scores 1 to 5 are better than none
    assert differences.loc[("log_score", "bayesian", BASELINE), "lower"] > 0
    assert differences.loc[("rps", "frequentist", BASELINE), "upper"] < 0


def test_a_weak_prior_scores_as_the_estimator_does(found):
    row = found.differences().set_index(["score", "first", "second"]).loc[("log_score", "bayesian", "frequentist")]
    assert abs(row["difference"]) < 0.01


def test_the_group_for_a_tree_has_every_fold(found):
    group = found.group("bayesian")
    assert list(group["fold"].values) == ["1", "2", "3", "all"]
    whole = found.scores().query("approach == 'bayesian' and fold == 'all'")["rps"].iloc[0]
    assert float(group["rps"].sel(fold="all")) == whole
    assert [check.status for check in found.checks] == ["pass", "pass"]


def test_calibration_has_both_schools_and_no_baseline(found):
    assert set(found.calibration()["approach"]) == set(found.pit()["approach"]) == set(BOTH)
    shares = (
        found.calibration()
        .groupby(["approach", "level"])
        .apply(lambda part: np.average(part["observed"], weights=part["rows"]), include_groups=False)
    )
    np.testing.assert_allclose(shares["bayesian"], np.bincount(found.design.y) / 400, atol=1e-12)


def test_single_observations_of_weighted_rows_are_dealt_out():
    design = housing()
    found = hold_out(design, SPEC, ("frequentist",), options=FEW, folds=4)
    assert isinstance(found, HeldOut)
    assert found.unit is None
    scores = found.scores().query("approach == 'frequentist'").set_index("fold")
    assert scores.loc["all", "rows"] == design.weights.sum() == 1681
    assert scores.drop("all")["rows"].between(418, 423).all()
    # in-sample: -2 log L = 3479.149 with 8 parameters; held out it is worse, by about a parameter an observation
    held_out = -2 * 1681 * scores.loc["all", "log_score"]
    assert 3479.149 < held_out < 3479.149 + 6 * 8


def test_folds_that_cannot_be_judged_are_refused(grouped):
    one = replace(grouped, group=np.zeros(400, dtype=np.int64), groups=("a",))
    with pytest.raises(InputError, match="two clusters or groups; there is one"):
        hold_out(one, SPEC, ("frequentist",), options=FEW)
    rare = replace(grouped, y=np.where(np.arange(400) == 7, 3, np.minimum(grouped.y, 2)))
    with pytest.raises(InputError, match="holds all rows of y = 4"):
        hold_out(rare, SPEC, ("frequentist",), options=FEW)


def test_estimates_that_run_off_are_said_and_leave_the_posterior_its_scores(grouped):
    """A predictor that separates the levels: the random-intercept model has no estimate, the posterior has a prior."""
    separated = replace(grouped, x=np.column_stack([grouped.y >= 2, grouped.x[:, 1:]]).astype(float))
    found = hold_out(separated, SPEC, BOTH, options=replace(FEW, draws=100, tune=100), folds=2)
    scores = found.scores().query("fold == 'all'").set_index("approach")["log_score"]
    assert np.isfinite(scores["bayesian"])
    assert scores["bayesian"] > scores[BASELINE] + 0.3
    status = {check.name: check for check in found.checks}
    assert status["held_out_estimates"].status == "warn"
    assert "separation" in status["held_out_estimates"].advice
    assert "bayesian" in set(found.calibration()["approach"])
    assert len(found.differences()) == 9

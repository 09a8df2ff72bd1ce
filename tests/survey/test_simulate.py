"""Simulated rows: exact where exact, within sampling error where drawn, and the truth comes back."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from bayesgov.errors import InputError
from bayesgov.study import load_study
from bayesgov.survey.mode import find_mode
from bayesgov.survey.nonresponse import NonResponse
from bayesgov.survey.simulate import SurveyDesign, benchmark_design, simulate_survey, thresholds_of_shares
from bayesgov.survey.targets import survey_targets

N = 23_928
GRADES = np.array([1140, 1287, 1227]) / 3654  # C, B, A of Table 1


@pytest.fixture(scope="module")
def study():
    return load_study("survey")


@pytest.fixture(scope="module")
def simulation(study):
    return simulate_survey(study, SurveyDesign(seed=11))


def _recovered(y, x, offset, truth, n_levels):
    """Errors of the maximum-likelihood estimates in standard errors."""
    mode = find_mode(np.eye(n_levels)[y], x, offset)
    return (np.concatenate([mode.cutpoints, mode.coefficients]) - truth) / np.sqrt(np.diag(mode.covariance))


def _unanswered(frame):
    return frame.drop(columns=["respondent", "village"]).isin([8, 9])


def _items(frame, items):
    return frame[[f"item_{item}" for item in items]].to_numpy()


def test_benchmark_has_the_shapes_asked_for():
    simulated = benchmark_design(500, 5, 4, 7, seed=3)
    design = simulated.design
    assert (design.n_obs, design.n_terms, design.n_categories, len(design.groups)) == (500, 5, 4, 7)
    assert (simulated.beta.shape, simulated.thresholds.shape, simulated.group_effect.shape) == ((5,), (3,), (7,))
    assert set(np.unique(design.x)) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert set(np.unique(design.group)) == set(range(7))
    assert design.group_name == "village"
    assert simulated.group_effect.sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(simulated.beta, [0.4, 0, -0.32, 0, 0.256])


def test_benchmark_is_deterministic_and_depends_on_the_seed():
    first, again, other = (benchmark_design(300, 3, 3, 4, seed=seed).design for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.y, other.y)


def test_benchmark_without_groups_or_terms():
    assert benchmark_design(50, 3, 3, 0, seed=1).design.group_name == ""
    assert benchmark_design(50, 0, 3, 2, seed=1).design.x.shape == (50, 0)


def test_benchmark_predictors_are_correlated_and_levels_about_equal():
    design = benchmark_design(seed=4).design
    between = np.corrcoef(design.x, rowvar=False)[np.tril_indices(14, -1)]
    assert between.min() > 0.4
    assert between.max() < 0.55
    shares = np.bincount(design.y) / design.n_obs
    assert np.abs(shares - 1 / 6).max() < 0.02


@pytest.mark.parametrize(("n_groups", "n_categories"), [(51, 3), (2, 1)])
def test_benchmark_refuses_the_impossible(n_groups, n_categories):
    with pytest.raises(ValueError, match="wanted n_groups <= n_obs"):
        benchmark_design(50, 2, n_categories, n_groups, seed=1)


def test_benchmark_truth_is_recovered():
    simulated = benchmark_design(seed=20)
    design = simulated.design
    truth = np.concatenate([simulated.thresholds, simulated.beta])
    errors = _recovered(design.y, design.x, simulated.group_effect[design.group], truth, 6)
    assert np.abs(errors).max() < 4
    assert 0.4 < np.sqrt((errors**2).mean()) < 1.7  # 19 errors of unit size, correlated


def test_counts_are_exact(simulation):
    frame = simulation.frame
    unanswered = _unanswered(frame)
    used = ["outcome", *(f"item_{item}" for item in range(1, 15))]
    assert len(frame) == N
    assert frame["respondent"].is_unique
    assert frame["village"].nunique() == 105
    assert (~unanswered.any(axis=1)).sum() == 10_808
    assert (~unanswered[used].any(axis=1)).sum() == 10_808
    assert {8, 9} <= set(frame["item_5"])
    assert {8, 9} <= set(frame["outcome"])


def test_an_answer_that_is_there_is_the_one_that_was_given(simulation):
    unanswered = _unanswered(simulation.frame)
    same = simulation.frame[unanswered.columns] == simulation.answers[unanswered.columns]
    assert (same == ~unanswered).all(axis=None)


def test_the_targets_are_the_printed_margins(study):
    targets = survey_targets(study, 3)
    assert targets.items == tuple(str(item) for item in range(1, 17))
    np.testing.assert_allclose(targets.level_shares, GRADES)
    np.testing.assert_allclose(targets.shares[0], np.array([1161, 1205, 1288]) / 3654)
    # item 5, grade B: 273 + 434 + 853 = 1560 stands for 1287
    scaled = np.array([386, 316, 438]) + np.array([273, 434, 853]) * 1287 / 1560 + np.array([365, 483, 379])
    np.testing.assert_allclose(targets.shares[4], scaled / 3654)
    assert targets.notes == ("item 5: the options of grade B sum to 1560, not 1287; scaled to 1287",)
    assert targets.correlation[13, 1] == targets.correlation[1, 13] == 0.808


def test_option_shares_are_within_sampling_error(simulation):
    targets = simulation.targets
    codes = _items(simulation.answers, targets.items)
    shares = np.array([[(column == option).mean() for option in (1, 2, 3)] for column in codes.T])
    error = np.sqrt(targets.shares * (1 - targets.shares) / N)
    assert np.abs((shares - targets.shares) / error).max() < 4.5  # of 48
    assert simulation.fidelity.option_distance == pytest.approx(np.abs(shares - targets.shares).max())


def test_expected_level_shares_are_exact_and_drawn_ones_near(simulation):
    truth, targets = simulation.truth, simulation.targets
    village = simulation.answers["village"].str[1:].astype(int).to_numpy() - 1
    eta = _items(simulation.answers, targets.items) @ truth.coefficients + truth.village_effect[village]
    expected = expit(truth.thresholds - eta[:, None]).mean(axis=0)
    np.testing.assert_allclose(expected, targets.level_shares.cumsum()[:-1], atol=1e-10)
    np.testing.assert_allclose(targets.level_shares.reshape(3, 2).sum(axis=1), GRADES)
    shares = simulation.answers["outcome"].value_counts(normalize=True).sort_index().to_numpy()
    assert np.abs(shares - targets.level_shares).max() < 4 * np.sqrt(0.25 / N)
    assert truth.village_effect.sum() == pytest.approx(0, abs=1e-9)


def test_thresholds_of_shares_without_predictors_are_logits():
    np.testing.assert_allclose(
        thresholds_of_shares(np.zeros(3), np.array([0.5, 0.25, 0.25])), [0, np.log(3)], atol=1e-9
    )


def test_correlations_are_as_near_to_table_2_as_these_items_can_be(simulation):
    fidelity = simulation.fidelity
    # no data at all are nearer; these items cannot be as near
    assert fidelity.any_data.root_mean_square == pytest.approx(0.031, abs=5e-4)
    assert fidelity.any_data.largest == pytest.approx(0.096, abs=5e-4)
    assert fidelity.any_data.root_mean_square < fidelity.these_items.root_mean_square < 0.052
    assert abs(fidelity.these_rows.root_mean_square - fidelity.these_items.root_mean_square) < 1 / np.sqrt(N)
    codes = _items(simulation.answers, simulation.targets.items[:14])
    difference = np.corrcoef(np.log(codes), rowvar=False) - simulation.targets.correlation
    assert fidelity.these_rows.largest == pytest.approx(np.abs(difference).max())
    inflation = np.diag(np.linalg.inv(np.corrcoef(codes, rowvar=False)))
    assert 3 < inflation.min() < inflation.max() < 6.3, "Table 3 prints 3.1 to 6.3"


@pytest.mark.parametrize("levels", [3, 6])
def test_the_truth_is_recovered_from_the_complete_rows(study, levels):
    simulation = simulate_survey(study, SurveyDesign(seed=5, levels=levels))
    frame, truth = simulation.frame, simulation.truth
    complete = frame[~_unanswered(frame).any(axis=1)]
    village = complete["village"].str[1:].astype(int).to_numpy() - 1
    x = _items(complete, simulation.targets.items).astype(float)
    errors = _recovered(
        complete["outcome"].to_numpy() - 1,
        x,
        truth.village_effect[village],
        np.concatenate([truth.thresholds, truth.coefficients]),
        levels,
    )
    assert np.abs(errors).max() < 4


def test_an_outcome_effect_on_non_response_biases_listwise_deletion(study):
    """What the docstring warns of: thresholds move down when low outcomes are lost."""
    loss = NonResponse(outcome_share=0.0, random_share=0.0, outcome_effect=-1.0)
    simulation = simulate_survey(study, SurveyDesign(seed=5, nonresponse=loss))
    complete = simulation.frame[~_unanswered(simulation.frame).any(axis=1)]
    assert complete["outcome"].mean() > simulation.answers["outcome"].mean() + 0.3


def test_three_levels_are_six_in_pairs(study, simulation):
    grades = simulate_survey(study, SurveyDesign(seed=11, levels=3))
    np.testing.assert_array_equal((simulation.answers["outcome"] + 1) // 2, grades.answers["outcome"])


def test_same_seed_same_rows_and_an_effect_leaves_the_items_alone(study, simulation):
    again = simulate_survey(study, SurveyDesign(seed=11))
    assert again.frame.equals(simulation.frame)
    changed = simulate_survey(study, SurveyDesign(seed=11, coefficients={"2": 1.0}))
    columns = [column for column in simulation.answers if column != "outcome"]
    assert changed.answers[columns].equals(simulation.answers[columns])
    assert not changed.answers["outcome"].equals(simulation.answers["outcome"])
    assert not simulate_survey(study, SurveyDesign(seed=12)).answers.equals(simulation.answers)


def test_villages_differ_in_size_and_every_one_is_there(study):
    few = SurveyDesign(seed=1, n_questionnaires=120, complete=60, villages=110)
    sizes = simulate_survey(study, few).frame["village"].value_counts()
    assert sizes.size == 110
    assert sizes.min() >= 1


def test_nobody_refuses_when_all_are_complete(study):
    simulation = simulate_survey(study, SurveyDesign(seed=1, n_questionnaires=300, complete=300))
    assert simulation.frame.equals(simulation.answers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": 5}, "levels should be 3, the grades of study survey, or 6; got 5"),
        ({"complete": 24_000}, "complete questionnaires should be between 0 and all 23928; got 24000"),
        ({"villages": 0}, "villages should be between 1 and"),
        ({"coefficients": {"17": 1.0}}, "coefficients are given by item id, one of 1, 2, .*; got 17"),
        ({"village_sd": -1.0}, "should not be negative"),
    ],
)
def test_impossible_options_are_refused_in_one_line(study, change, message):
    with pytest.raises(InputError, match=message) as caught:
        simulate_survey(study, replace(SurveyDesign(seed=1), **change))
    assert "\n" not in str(caught.value)


def test_a_study_without_the_tables_is_refused():
    with pytest.raises(InputError, match="needs option counts by grade"):
        survey_targets(load_study("panel"), 3)

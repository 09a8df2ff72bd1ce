"""The long-run effect: Fieller's sets in each shape, the delta method's limits, correlations, quantiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesgov.published.regions.long_run import (
    LongRunDraws,
    long_run_moments,
    normal_draws,
    summarise,
    with_correlations,
)
from bayesgov.ratios import RatioMoments, delta_interval, fieller_set

Z = stats.norm.ppf(0.975)
SIZES = st.floats(0.05, 3.0)


def _accepts(moments, ratio):
    """Fieller's definition: the test of N = ratio * D does not reject at the 5% level."""
    m = moments
    variance = m.numerator_variance - 2 * ratio * m.covariance + ratio**2 * m.denominator_variance
    return (m.numerator - ratio * m.denominator) ** 2 - Z**2 * variance


def test_a_lag_coefficient_of_one_has_no_ratio_and_no_delta_interval():
    moments = long_run_moments(np.array([0.3, 0.2, 1.0]), np.full(3, 0.1))
    assert np.isnan(moments.ratio)
    delta = delta_interval(moments)
    assert np.isnan(delta.std_error)
    assert not delta.valid
    # N = 0.5 is 3.5 standard errors from zero, so a ratio of zero is refuted and any large one of either sign is not
    found = fieller_set(moments)
    assert found.kind == "complement"
    assert not found.contains(0.0)
    assert found.contains(1e6)
    assert found.contains(-1e6)


@given(
    numerator=st.floats(-3, 3),
    denominator=st.floats(-2, 2).filter(lambda d: abs(d) > 1e-3),
    sd_numerator=SIZES,
    sd_denominator=SIZES,
    correlation=st.floats(-0.95, 0.95),
    ratio=st.floats(-50, 50),
)
def test_fieller_set_is_what_the_test_accepts(
    *, numerator, denominator, sd_numerator, sd_denominator, correlation, ratio
):
    moments = RatioMoments(
        numerator, denominator, sd_numerator**2, sd_denominator**2, correlation * sd_numerator * sd_denominator
    )
    margin = _accepts(moments, ratio)
    scale = numerator**2 + (ratio * denominator) ** 2 + Z**2 * (sd_numerator**2 + (ratio * sd_denominator) ** 2)
    if abs(margin) > 1e-9 * scale:  # at the very edge rounding decides
        assert fieller_set(moments).contains(ratio) == (margin <= 0)


def test_fieller_is_an_interval_when_the_denominator_is_clear():
    fieller = fieller_set(RatioMoments(0.5, 0.6, 0.01, 0.0025, 0.0))
    assert fieller.kind == "interval"
    assert fieller.lower < 0.5 / 0.6 < fieller.upper
    assert fieller.g < 1
    assert str(fieller).startswith("[")


def test_fieller_is_a_complement_when_only_the_numerator_is_clear():
    fieller = fieller_set(RatioMoments(1.0, 0.2, 0.01, 0.09, 0.0))
    assert fieller.kind == "complement"
    assert fieller.contains(5.0)
    assert fieller.contains(-100.0)
    assert not fieller.contains(0.0)
    assert fieller.g > 1
    assert " or " in str(fieller)


def test_fieller_is_the_whole_line_when_neither_is_clear():
    fieller = fieller_set(RatioMoments(0.1, 0.2, 1.0, 0.25, 0.0))
    assert fieller.kind == "whole line"
    assert (fieller.lower, fieller.upper) == (-np.inf, np.inf)
    assert fieller.contains(1e9)


def test_delta_tends_to_fieller_as_the_denominator_clears_zero():
    for sd, tolerance in ((0.02, 2e-2), (0.002, 2e-3)):
        moments = RatioMoments(0.5, 0.6, 0.04, sd**2, 0.3 * 0.2 * sd)
        fieller, delta = fieller_set(moments), delta_interval(moments)
        # they differ by a factor of order z sd / D
        assert fieller.lower == pytest.approx(delta.lower, abs=tolerance)
        assert fieller.upper == pytest.approx(delta.upper, abs=tolerance)
        assert delta.valid


def test_delta_says_when_it_cannot_be_believed():
    assert not delta_interval(RatioMoments(0.5, 0.2, 0.04, 0.04, 0.0)).valid


def test_moments_follow_the_covariance_matrix():
    estimate, se = np.array([0.4, -0.1, 0.3]), np.array([0.2, 0.5, 0.25])
    moments = long_run_moments(estimate, se, 0.5, -0.4)
    variance = 0.04 + 0.25 + 2 * 0.5 * 0.1
    assert moments.numerator == pytest.approx(0.3)
    assert moments.denominator == pytest.approx(0.7)
    assert moments.numerator_variance == pytest.approx(variance)
    # Cov(b0 + b1, 1 - alpha) = - corr * sd * sd
    assert moments.covariance == pytest.approx(0.4 * variance**0.5 * 0.25)


@pytest.mark.parametrize(("effects", "alpha"), [(0.0, 0.0), (0.9, -0.9), (-0.5, 0.5), (-0.9, 0.9)])
def test_correlated_draws_keep_margins_and_have_the_correlations(effects, alpha):
    n = 20_000
    draws = normal_draws(np.array([0.4, -0.1, 0.3]), np.array([0.2, 0.5, 0.25]), n, np.random.default_rng(1))
    tied = with_correlations(draws, effects, alpha, seed=2)
    assert np.array_equal(np.sort(tied.effect_lag), np.sort(draws.effect_lag))
    assert np.array_equal(np.sort(tied.lagged_outcome), np.sort(draws.lagged_outcome))
    # standard error of a correlation (1 - r²) / √n, at most 0.007 here
    assert np.corrcoef(tied.effect, tied.effect_lag)[0, 1] == pytest.approx(effects, abs=4 / np.sqrt(n))
    total = tied.effect + tied.effect_lag
    assert np.corrcoef(total, tied.lagged_outcome)[0, 1] == pytest.approx(alpha, abs=4 / np.sqrt(n))


def test_correlated_ratio_matches_direct_simulation():
    n, r, q = 40_000, 0.5, -0.7
    estimate, se = np.array([0.4, -0.1, 0.3]), np.array([0.2, 0.5, 0.1])
    rng = np.random.default_rng(3)
    tied = summarise(with_correlations(normal_draws(estimate, se, n, rng), r, q, seed=4))
    moments = long_run_moments(estimate, se, r, q)
    sd = moments.numerator_variance**0.5
    joint = rng.multivariate_normal(
        [moments.numerator, moments.denominator],
        [[sd**2, moments.covariance], [moments.covariance, moments.denominator_variance]],
        size=n,
    )
    ratio = joint[:, 0] / joint[:, 1]
    # two independent simulations: √(p(1-p)/n) / density at the quantile, for both, times 4
    for p, value in ((0.5, tied.median), (0.025, tied.lower), (0.975, tied.upper)):
        near = np.quantile(ratio, [max(p - 0.01, 0.001), p + 0.01])
        density = (p + 0.01 - max(p - 0.01, 0.001)) / np.ptp(near)
        assert abs(value - np.quantile(ratio, p)) < 4 * np.sqrt(2 * p * (1 - p) / n) / density


def test_summary_counts_what_it_says():
    alpha = np.concatenate([np.full(150, 0.5), np.full(30, 0.97), np.full(15, 1.2), np.full(5, -1.4)])
    summary = summarise(LongRunDraws(np.full(200, 1.0), np.full(200, 1.0), alpha))
    assert summary.median == 4.0
    assert summary.probability_unit_root == 15 / 200
    assert summary.probability_near_unit_root == 45 / 200
    assert summary.probability_stationary == 180 / 200
    assert summary.probability_positive == 185 / 200
    assert summary.median_stationary == 4.0
    assert summary.lower_stationary == 4.0


def test_summary_has_no_stationary_quantiles_without_stationary_draws():
    summary = summarise(LongRunDraws(np.ones(200), np.ones(200), np.full(200, 1.5)))
    assert np.isnan(summary.median_stationary)
    assert summary.probability_stationary == 0


def test_a_covariance_that_is_no_covariance_gives_no_delta_interval():
    found = delta_interval(RatioMoments(0.5, 0.6, 0.01, 0.01, 0.5))
    assert np.isnan([found.std_error, found.lower, found.upper]).all()
    assert not found.valid

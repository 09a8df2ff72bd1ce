"""Calibration of ordered predictions: by hand, by simulation, and standard errors against statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm

from bayesgov.survey.calibration import mean_with_error, pit_histogram, reliability


def test_an_outcome_spreads_over_its_own_interval():
    chance = np.array([[0.25, 0.75]])
    np.testing.assert_allclose(pit_histogram(chance, np.array([0]), bins=4)["density"], [4, 0, 0, 0])
    np.testing.assert_allclose(pit_histogram(chance, np.array([1]), bins=4)["density"], [0, 4 / 3, 4 / 3, 4 / 3])
    # halves of bins: [0.25, 0.75) with bins of a third
    three = pit_histogram(np.array([[0.25, 0.5, 0.25]]), np.array([1]), bins=3)["density"]
    np.testing.assert_allclose(three, [3 * 2 * (1 / 3 - 0.25), 2, 3 * 2 * (1 / 3 - 0.25)])


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(1)
    chance, y, weights = rng.dirichlet(np.ones(4), 30), rng.integers(0, 4, 30), rng.integers(1, 5, 30)
    again = np.repeat(np.arange(30), weights)
    np.testing.assert_allclose(
        pit_histogram(chance, y, weights)["density"], pit_histogram(chance[again], y[again])["density"], atol=1e-12
    )
    one = reliability(chance, y, "abcd", weights=weights.astype(float), bins=5)
    other = reliability(chance[again], y[again], "abcd", weights=np.ones(again.size), bins=5)
    numbers = ["rows", "predicted", "observed", "std_error"]
    np.testing.assert_allclose(one[numbers].to_numpy(), other[numbers].to_numpy(), atol=1e-12)


def test_an_outcome_of_probability_zero_is_finite():
    density = pit_histogram(np.array([[0.0, 1.0, 0.0]] * 2), np.array([0, 2]))["density"]
    assert np.isfinite(density).all()
    assert density.sum() == pytest.approx(10)


def test_right_predictions_are_flat_and_narrow_ones_are_not():
    rng = np.random.default_rng(2)
    chance = rng.dirichlet(np.ones(5), 20_000)
    y = (rng.random((20_000, 1)) > np.cumsum(chance, axis=1)).sum(axis=1)
    right = pit_histogram(chance, y)["density"]
    # a bin's share has standard error below sqrt(0.1 * 0.9 / 20000) = 0.0021, so its density below 0.021
    assert np.abs(right - 1).max() < 4 * 0.021
    narrow = chance**3 / (chance**3).sum(axis=1, keepdims=True)
    assert pit_histogram(narrow, y)["density"].iloc[[0, -1]].min() > 1.2
    table = reliability(chance, y, "abcde", weights=np.ones(20_000))
    assert (table.groupby("level")["bin"].max() == 10).all()
    z = (table["observed"] - table["predicted"]) / table["std_error"]
    assert np.abs(z).max() < 4
    assert 0.7 < z.std() < 1.3
    assert np.abs(reliability(narrow, y, "abcde", weights=np.ones(20_000)).eval("observed - predicted")).max() > 0.1


def test_equal_predictions_share_a_bin():
    chance = np.repeat([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]], [50, 3, 10], axis=0)
    y = np.r_[np.repeat([0, 1], [10, 40]), [0, 0, 1], np.repeat([0, 1], [9, 1])]
    table = reliability(chance, y, ("low", "high"), weights=np.ones(63))
    low = table[table["level"] == "low"]
    np.testing.assert_allclose(low["predicted"], [0.2, 0.5, 0.9])
    np.testing.assert_allclose(low["observed"], [0.2, 2 / 3, 0.9])
    assert list(low["rows"]) == [50, 3, 10]


def test_standard_errors_are_those_of_a_clustered_mean():
    rng = np.random.default_rng(3)
    unit = rng.integers(0, 12, 200)
    values = rng.normal(size=200) + rng.normal(size=12)[unit]
    mean, error = mean_with_error(values, np.ones(200), unit)
    theirs = sm.OLS(values, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": unit})
    assert mean == pytest.approx(theirs.params[0], abs=1e-12)
    assert error == pytest.approx(theirs.bse[0], rel=1e-10)
    plain = mean_with_error(values, np.ones(200))
    assert plain[1] == pytest.approx(values.std(ddof=1) / np.sqrt(200), rel=1e-12)
    assert error > 1.5 * plain[1]
    assert np.isnan(mean_with_error(values, np.ones(200), np.zeros(200))[1])

"""Coefficients of variation with intervals of both schools, and sigma-convergence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayesgov.panel.variation import (
    EVERY_YEAR,
    RegionalIndex,
    Resampling,
    convergence_table,
    dispersion,
    equal_variances,
    variation_table,
)

YEARS = tuple(range(2009, 2015))


def _values(seed: int, n: int = 60, slope: float = 0.0) -> np.ndarray:
    """Cities with a lasting level, mean 50 and standard deviation 10 in the first year."""
    rng = np.random.default_rng(seed)
    lasting, new = rng.normal(size=(n, 1)), rng.normal(size=(n, len(YEARS)))
    z = np.sqrt(0.7) * lasting + np.sqrt(0.3) * new
    return 50 + 10 * np.exp(slope * np.arange(len(YEARS))) * z


def test_estimates_are_the_coefficients_of_variation() -> None:
    values, region = _values(0), np.repeat([0, 1], 30)
    table = variation_table(RegionalIndex(values, YEARS, region, ["north", "south"]), Resampling(1, 200))
    north = table.query("region == 'north' and approach == 'frequentist'").set_index("time")["estimate"]
    expected = values[:30].std(axis=0, ddof=1) / values[:30].mean(axis=0)
    np.testing.assert_allclose(north[[str(year) for year in YEARS]], expected, rtol=1e-12)
    assert north[EVERY_YEAR] == pytest.approx(np.mean(expected))
    assert len(table) == 2 * 2 * (len(YEARS) + 1)


def test_dispersion_is_that_of_a_resampled_column() -> None:
    values = _values(1, n=12) + 1e6  # digits must survive an offset
    values[3, 2] = np.nan
    counts = np.random.default_rng(2).multinomial(12, np.full(12, 1 / 12), size=5)
    found = dispersion(values, counts.astype(float), "deviation", corrected=True)
    for draw, count in enumerate(counts):
        sample = np.repeat(values, count, axis=0)
        np.testing.assert_allclose(found[draw], np.nanstd(sample, axis=0, ddof=1), rtol=1e-8)


def test_both_intervals_agree_with_theory() -> None:
    # the standard error of the coefficient c of a normal sample: c sqrt(1 / (2 n) + c² / n); a bootstrap of 400 cities
    # estimates it within some 5%
    values = 50 + 10 * np.random.default_rng(3).normal(size=(400, 1))
    table = variation_table(RegionalIndex(values, [2009], np.zeros(400, dtype=int), ["all"]), Resampling(4, 4000))
    first = table[table["time"] == "2009"].set_index("approach")
    theory = 0.2 * np.sqrt(1 / 800 + 0.04 / 400)
    np.testing.assert_allclose(first["std_error"], theory, rtol=0.15)
    np.testing.assert_allclose(first["lower"].diff().iloc[1], 0, atol=theory / 2)
    assert first.loc["bayesian", "interval"] == "95% Bayesian-bootstrap credible"
    assert first.loc["frequentist", "interval"] == "95% cluster-bootstrap confidence"


@pytest.mark.slow
def test_intervals_cover() -> None:
    covered = []
    for seed in range(300):
        values = 50 + 10 * np.random.default_rng(seed).normal(size=(60, 1))
        table = variation_table(RegionalIndex(values, [2009], np.zeros(60, dtype=int), ["all"]), Resampling(seed, 1000))
        first = table[table["time"] == "2009"]
        covered.append(((first["lower"] < 0.2) & (first["upper"] > 0.2)).tolist())
    # percentile intervals of a dispersion undercover somewhat at 60 cities; 0.013 is the Monte Carlo error of a share
    np.testing.assert_allclose(np.mean(covered, axis=0), 0.93, atol=0.045)


def test_cities_are_resampled_whole() -> None:
    # the same column in every year: the mean of years varies as a single year does, not less
    values = np.repeat(_values(5)[:, :1], 6, axis=1)
    table = variation_table(RegionalIndex(values, YEARS, np.zeros(60, dtype=int), ["all"]), Resampling(6, 500))
    errors = table.groupby(["approach", "time"])["std_error"].first()
    for approach in ("bayesian", "frequentist"):
        assert errors[approach, EVERY_YEAR] == pytest.approx(errors[approach, "2009"], rel=1e-10)


def test_same_seed_same_table() -> None:
    region = np.zeros(60, dtype=int)
    first, second = (
        variation_table(RegionalIndex(_values(7), YEARS, region, ["a"]), Resampling(8, 100)) for _ in range(2)
    )
    assert first.equals(second)


def test_convergence_finds_the_trend() -> None:
    region = np.zeros(200, dtype=int)
    shrinking = convergence_table(
        RegionalIndex(_values(9, 200, -0.1), YEARS, region, ["a"]), Resampling(1, 1000), "deviation"
    )
    frequentist, bayesian = shrinking.set_index("approach").loc[["frequentist", "bayesian"]].itertuples()
    assert frequentist.lower < -0.1 < frequentist.upper < 0
    assert bayesian.lower < -0.1 < bayesian.upper < 0
    assert frequentist.p_value < 0.01
    assert bayesian.probability_negative > 0.99
    assert frequentist.equal_variances_t > 2
    assert np.isnan(bayesian.p_value)
    assert np.isnan(frequentist.probability_negative)
    steady = convergence_table(RegionalIndex(_values(10, 200), YEARS, region, ["a"]), Resampling(1, 1000), "deviation")
    assert steady["lower"].lt(0).all()
    assert steady["upper"].gt(0).all()


def test_all_regions_together_come_last() -> None:
    table = convergence_table(RegionalIndex(_values(11), YEARS, np.repeat([0, 1], 30), ["a", "b"]), Resampling(1, 100))
    assert table["region"].unique().tolist() == ["a", "b", "all"]


def test_equal_variances_is_exact_under_the_null() -> None:
    rng = np.random.default_rng(12)
    covariance = [[1.0, 0.6], [0.6, 1.0]]
    p = [equal_variances(*rng.multivariate_normal([0, 3], covariance, size=30).T)[1] for _ in range(300)]
    # 0.001 is the chance of a false alarm of this test
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert np.isnan(equal_variances(np.array([1.0, 2.0]), np.array([1.0, 3.0]))[1])


def test_few_cities_get_no_interval_and_zero_means_are_refused() -> None:
    values = _values(13, n=6)
    table = variation_table(RegionalIndex(values, YEARS, np.array([0, 0, 0, 1, 1, 1]), ["a", "b"]), Resampling(1, 100))
    assert table[["lower", "upper", "std_error"]].isna().all().all()
    assert table.query("approach == 'frequentist'")["estimate"].notna().all()
    with pytest.raises(ValueError, match="a, 2009: a coefficient of variation needs a positive mean; got -"):
        variation_table(RegionalIndex(values - 100, YEARS, np.zeros(6, dtype=int), ["a"]), Resampling(1, 10))

"""Meta-analysis of one term: metafor's printed output, statsmodels, closed forms, brute force."""

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.meta_analysis import combine_effects

from bayesgov.published.regions.frequentist import (
    common_effect,
    dersimonian_laird,
    generalised_q,
    random_effects,
    reml_score,
    reml_tau2,
    solve_q,
    weighted_mean,
)

# Colditz et al. (1994, doi:10.1001/jama.1994.03510330076038): BCG vaccine trials, TB positive and negative among
# vaccinated and control; metafor's dat.bcg.
BCG = np.array(
    [
        [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619], [33, 5036, 47, 5761],
        [180, 1361, 372, 1079], [8, 2537, 10, 619], [505, 87886, 499, 87892], [29, 7470, 45, 7232],
        [17, 1699, 65, 1600], [186, 50448, 141, 27197], [5, 2493, 3, 2338], [27, 16886, 29, 17825],
    ],
    dtype=float,
)  # fmt: skip

# Raudenbush & Bryk (1985, doi:10.3102/10769986010002075): 19 studies of teacher expectancy; metafor's
# dat.raudenbush1985.
EXPECTANCY_Y = np.array(
    [
        0.03, 0.12, -0.14, 1.18, 0.26, -0.06, -0.02, -0.32, 0.27, 0.80, 0.54, 0.18, -0.02, 0.23, -0.18, -0.06, 0.30,
        0.07, -0.07,
    ]
)  # fmt: skip
EXPECTANCY_V = np.array(
    [
        0.0156, 0.0216, 0.0279, 0.1391, 0.1362, 0.0106, 0.0106, 0.0484, 0.0269, 0.0630, 0.0912, 0.0497, 0.0835, 0.0841,
        0.0253, 0.0279, 0.0193, 0.0088, 0.0303,
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def bcg():
    """Log risk ratios and their standard errors."""
    tp, tn, cp, cn = BCG.T
    y = np.log(tp / (tp + tn)) - np.log(cp / (cp + cn))
    return y, np.sqrt(1 / tp - 1 / (tp + tn) + 1 / cp - 1 / (cp + cn))


@pytest.fixture(scope="module")
def expectancy():
    return EXPECTANCY_Y, np.sqrt(EXPECTANCY_V)


def close(value, reference, decimals):
    assert abs(value - reference) <= 0.5 * 10.0**-decimals * (1 + 1e-9), (value, reference)


def test_bcg_matches_metafor_readme(bcg):
    # metafor README (rma(yi, vi, data=dat.bcg, test="knha")), commit 71ae8f5
    fit, common = random_effects(*bcg), common_effect(*bcg)
    close(fit.tau2, 0.3132, 4)
    close(100 * fit.i2, 92.22, 2)
    close(fit.h2, 12.86, 2)
    close(common.q, 152.2330, 4)
    assert common.df == 12
    close(fit.mean, -0.7145, 4)
    close(fit.std_error, 0.1808, 4)
    close(fit.mean / fit.std_error, -3.9522, 4)
    reach = stats.t.ppf(0.975, 12) * fit.std_error
    close(fit.mean - reach, -1.1084, 4)
    close(fit.mean + reach, -0.3206, 4)
    close(2 * stats.t.sf(abs(fit.mean / fit.std_error), 12), 0.0019, 4)
    # predict(res, transf=exp): 0.49 0.33 0.73 0.14 1.76
    close(np.exp(fit.prediction_lower), 0.14, 2)
    close(np.exp(fit.prediction_upper), 1.76, 2)


def test_bcg_matches_metafor_confint(bcg):
    # metafor docs/reference/confint.rma.html, Q-profile
    fit = random_effects(*bcg)
    close(fit.tau2_lower, 0.1197, 4)
    close(fit.tau2_upper, 1.1115, 4)
    # R's uniroot stops within eps^(1/4) = 1.2e-4 of the root: I² then moves by up to 100 v / (tau2 + v)² 1.2e-4
    v = fit.typical_variance
    for ours, reference, tau2 in ((fit.i2_lower, 81.9177, fit.tau2_lower), (fit.i2_upper, 97.6781, fit.tau2_upper)):
        assert abs(100 * ours - reference) < 100 * v / (tau2 + v) ** 2 * 1.2e-4 + 0.5e-4
    close(fit.std_error_wald, 0.180, 3)  # docs/reference/cumul.html


def test_bcg_dersimonian_laird_matches_metafor(bcg):
    # metafor tests/testthat/test_misc_confint.r
    fit = random_effects(*bcg)
    close(fit.tau2_dl, 0.3088, 4)
    close(np.exp(fit.mean_dl), 0.4896, 4)
    close(np.exp(fit.mean_dl - stats.norm.ppf(0.975) * fit.std_error_dl), 0.3449, 4)


def test_expectancy_matches_metafor(expectancy):
    # metafor tests/testthat/test_analysis_example_raudenbush2009.r; Table 16.3 of the Handbook of Research Synthesis
    fit, common = random_effects(*expectancy), common_effect(*expectancy)
    close(common.mean, 0.0604, 4)
    close(common.std_error, 0.0365, 4)
    close(common.q, 35.8295, 4)
    close(fit.tau2, 0.0188, 4)
    close(fit.tau2_dl, 0.0259, 4)
    close(fit.mean, 0.0837, 4)
    close(fit.std_error_wald, 0.0516, 4)
    close(fit.std_error, 0.0616, 4)
    reach = stats.t.ppf(0.975, 18) * fit.std_error
    close(fit.mean - reach, -0.0457, 4)
    close(fit.mean + reach, 0.2131, 4)
    close(fit.blup.min(), -0.0293, 4)
    close(fit.blup.max(), 0.2485, 4)
    # with test="z" metafor prints the prediction interval -0.2036 to 0.3711
    spread = stats.norm.ppf(0.975) * np.hypot(fit.std_error_wald, fit.tau2**0.5)
    # metafor stops when tau² changes by less than 1e-5, which moves these limits by up to 1.96 / (2 * 0.146) * 1e-5
    for ours, reference in ((fit.mean - spread, -0.2036), (fit.mean + spread, 0.3711)):
        assert abs(ours - reference) <= 0.5e-4 + 7e-5


def test_moment_estimators_match_statsmodels(bcg, expectancy, panel_table):
    tables = [bcg, expectancy, *zip(panel_table.estimate, panel_table.std_error, strict=True)]
    # statsmodels does not truncate a negative DerSimonian-Laird estimate at zero and then warns
    heterogeneous = [(y, se) for y, se in tables if common_effect(y, se).q > len(y) - 1]
    assert len(heterogeneous) == 5
    for y, se in heterogeneous:
        fit = random_effects(y, se)
        dl = combine_effects(y, se**2, method_re="dl")
        assert fit.tau2_dl == pytest.approx(max(dl.tau2, 0.0), rel=1e-9, abs=1e-12)
        pm = combine_effects(y, se**2, method_re="iterated")
        # statsmodels stops where Q(tau²) is within 1e-5 of k - 1 (a tighter request can return 0 by overshooting)
        step = 1e-4 * max(fit.tau2_pm, 1e-3)
        slope = (generalised_q(fit.tau2_pm, y, se**2) - generalised_q(fit.tau2_pm + step, y, se**2)) / step
        assert fit.tau2_pm == pytest.approx(max(pm.tau2, 0.0), abs=2e-5 / slope)
        assert common_effect(y, se).q == pytest.approx(dl.q, rel=1e-9)


def test_equal_variances_have_closed_forms():
    y = np.array([0.0, 1.0, 3.0, 4.0, 7.0])
    fit = random_effects(y, np.full(5, 0.5))
    between = y.var(ddof=1) - 0.25
    # reml_tau2 locates the maximum of a smooth function: relative accuracy about the square root of machine epsilon
    assert fit.tau2 == pytest.approx(between, rel=1e-6)
    assert fit.tau2_dl == pytest.approx(between)
    assert fit.tau2_pm == pytest.approx(between)
    assert fit.std_error == pytest.approx(y.std(ddof=1) / np.sqrt(5))
    assert fit.i2 == pytest.approx(between / y.var(ddof=1), rel=1e-6)
    assert fit.std_error_truncated >= fit.std_error_wald


def test_homogeneous_estimates_give_zero_variance():
    fit = random_effects(np.array([1.0, 1.01, 0.99, 1.0]), np.full(4, 0.5))
    assert fit.tau2 == 0.0
    assert fit.tau2_lower == fit.tau2_upper == 0.0
    assert fit.std_error < fit.std_error_wald == fit.std_error_truncated
    # at tau² = 0 the prediction interval is the confidence interval
    assert fit.prediction_upper - fit.mean == pytest.approx(stats.t.ppf(0.975, 3) * fit.std_error)
    np.testing.assert_allclose(fit.blup, fit.mean)


def test_reml_is_the_global_maximum_found_by_another_route(rng_tables):
    y, variance = rng_tables
    for row, v in zip(y, variance, strict=True):

        def deviance(log_tau2, row=row, v=v):
            w = 1 / (v + np.exp(log_tau2))
            mu = (w * row).sum() / w.sum()
            return -np.log(w).sum() + np.log(w.sum()) + (w * (row - mu) ** 2).sum()

        grid = np.linspace(-25, 8, 3000)
        start = grid[np.argmin([deviance(value) for value in grid])]
        found = optimize.minimize_scalar(deviance, bounds=(start - 0.02, start + 0.02), options={"xatol": 1e-10})
        ours = float(reml_tau2(row, v))
        assert deviance(np.log(max(ours, 1e-12))) <= found.fun + 1e-9
        assert abs(reml_score(ours, row, v)) < 1e-6 if ours > 0 else reml_score(0.0, row, v) <= 1e-6


def test_many_tables_at_once_equal_one_at_a_time(rng_tables):
    y, variance = rng_tables
    together = reml_tau2(y, variance)
    one_by_one = np.array([float(reml_tau2(row, v)) for row, v in zip(y, variance, strict=True)])
    assert np.array_equal(together, one_by_one)
    means = weighted_mean(y, variance, together)
    assert means[3] == pytest.approx(np.average(y[3], weights=1 / (variance[3] + together[3])))


@pytest.fixture
def rng_tables():
    rng = np.random.default_rng(7)
    variance = rng.uniform(0.05, 2.0, size=(12, 7))
    return rng.normal(0.3, np.sqrt(variance + 0.5)), variance


def test_q_profile_limits_solve_their_equations(bcg):
    y, se = bcg
    fit = random_effects(y, se)
    assert generalised_q(fit.tau2_lower, y, se**2) == pytest.approx(stats.chi2.ppf(0.975, 12))
    assert generalised_q(fit.tau2_upper, y, se**2) == pytest.approx(stats.chi2.ppf(0.025, 12))
    assert solve_q(1e6, y, se**2) == 0.0


def test_dersimonian_laird_is_never_negative():
    assert dersimonian_laird(np.array([0.0, 0.1, -0.1]), np.full(3, 1.0)) == 0.0


@pytest.mark.slow
def test_knapp_hartung_covers_at_its_level():
    # seven regions with unequal standard errors and tau about their size: 4,000 tables
    rng = np.random.default_rng(20)
    se, tau, n = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.4]), 0.7, 4000
    y = 0.3 + rng.normal(0, np.hypot(tau, se), size=(n, 7))
    tau2 = reml_tau2(y, se**2)
    mean = weighted_mean(y, se**2, tau2)
    w = 1 / (se**2 + tau2[:, None])
    kh = np.sqrt((w * (y - mean[:, None]) ** 2).sum(axis=1) / (6 * w.sum(axis=1)))
    coverage = np.mean(np.abs(mean - 0.3) <= stats.t.ppf(0.975, 6) * kh)
    # Monte Carlo error 0.0034; the method is approximate: within one point more (Knapp & Hartung 2003, table II)
    assert abs(coverage - 0.95) < 0.01 + 3 * 0.0034

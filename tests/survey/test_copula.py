"""Ordinal items by a Gaussian copula: against R's Matrix::nearPD, SciPy's bivariate normal and plain sampling."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize
from scipy.stats import multivariate_normal, norm

from bayesgov.study import load_study
from bayesgov.survey.copula import ItemCopula, extend_copula, fit_copula, nearest_correlation
from bayesgov.survey.targets import survey_targets

REFERENCE = Path(__file__).parents[1] / "reference" / "nearest_correlation.json"
SCORES = np.log([1.0, 2.0, 3.0])
SHARES = np.array([[0.2, 0.3, 0.5], [0.4, 0.35, 0.25], [0.1, 0.6, 0.3]])


@pytest.fixture(scope="module")
def targets():
    return survey_targets(load_study("survey"), 6)


def _below(matrix):
    return matrix[np.tril_indices(len(matrix), -1)]


def test_nearest_correlation_of_table_2_is_that_of_r(targets):
    reference = np.array(json.loads(REFERENCE.read_text(encoding="utf-8"))["nearest"])
    assert np.abs(nearest_correlation(targets.correlation) - reference).max() < 1e-7


def test_nearest_correlation_is_a_correlation_matrix_and_leaves_one_alone(targets):
    assert np.linalg.eigvalsh(targets.correlation).min() < -0.3, "Table 2 is no correlation matrix"
    nearest = nearest_correlation(targets.correlation)
    assert np.linalg.eigvalsh(nearest).min() > -1e-9
    np.testing.assert_array_equal(np.diag(nearest), 1.0)
    valid = 0.4 + 0.6 * np.eye(5)
    np.testing.assert_allclose(nearest_correlation(valid), valid, atol=1e-12)


def test_nearest_correlation_wants_symmetry():
    with pytest.raises(ValueError, match="symmetric"):
        nearest_correlation(np.array([[1.0, 0.2], [0.3, 1.0]]))


@pytest.mark.parametrize("correlation", [-0.95, -0.3, 0.0, 0.5, 0.9, 0.995])
def test_score_correlation_is_that_of_the_bivariate_normal(correlation):
    cuts = norm.ppf(SHARES[:2].cumsum(axis=1)[:, :-1])
    loading = np.array([[1.0, 0.0], [correlation, np.sqrt(1 - correlation**2)]])
    below = np.zeros((4, 4))  # P(first option <= i, second <= j)
    edges = [[-np.inf, *row, np.inf] for row in cuts]
    normal = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
    for i, j in itertools.product(range(1, 4), repeat=2):
        below[i, j] = normal.cdf([min(edges[0][i], 12.0), min(edges[1][j], 12.0)])
    joint = np.diff(np.diff(below, axis=0), axis=1)
    means, squares = SHARES[:2] @ SCORES, SHARES[:2] @ SCORES**2
    expected = (SCORES @ joint @ SCORES - means.prod()) / np.sqrt((squares - means**2).prod())
    found = ItemCopula(cuts, loading).score_correlation(SCORES)
    assert found[0, 1] == pytest.approx(expected, abs=1e-8)  # what SciPy's distribution function is good for
    np.testing.assert_array_equal(np.diag(found), 1.0)


def test_fit_reaches_correlations_that_items_can_have():
    wanted = np.array([[1.0, 0.5, -0.2], [0.5, 1.0, 0.3], [-0.2, 0.3, 1.0]])
    copula = fit_copula(wanted, SHARES, SCORES)
    np.testing.assert_allclose(copula.score_correlation(SCORES), wanted, atol=1e-6)
    np.testing.assert_allclose(norm.cdf(copula.cuts), SHARES.cumsum(axis=1)[:, :-1], atol=1e-12)


def test_fit_to_table_2_is_a_minimum(targets):
    """No latent correlation matrix near the fitted one is nearer, and other starts end at the same distance."""
    copula = fit_copula(targets.correlation, targets.shares[:14], targets.scores)

    def distance(loading):
        unit = loading / np.linalg.norm(loading, axis=1, keepdims=True)
        correlation = ItemCopula(copula.cuts, unit).score_correlation(targets.scores)
        return ((correlation - targets.correlation) ** 2).sum() / 2

    best = distance(copula.loading)
    rng = np.random.default_rng(5)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(10):
            assert distance(copula.loading + size * rng.normal(size=copula.loading.shape)) > best
    # SciPy's own finite differences, from a start of equal correlations and with three factors only
    start = np.hstack([np.full((14, 1), 0.75), 0.3 * rng.normal(size=(14, 2))])
    few = optimize.minimize(lambda flat: distance(flat.reshape(14, 3)), start.ravel(), method="L-BFGS-B", tol=1e-6)
    assert few.fun >= best - 1e-8


def test_fit_refuses_shares_that_are_none():
    with pytest.raises(ValueError, match="sum to one"):
        fit_copula(np.eye(3), 2 * SHARES, SCORES)


def test_further_items_correlate_as_the_old_ones_do_on_average(targets):
    copula = fit_copula(targets.correlation, targets.shares[:14], targets.scores)
    extended = extend_copula(copula, targets.shares[14:])
    latent = extended.latent_correlation
    np.testing.assert_allclose(latent[:14, :14], copula.latent_correlation, atol=1e-14)
    np.testing.assert_allclose(np.diag(latent), 1.0, atol=1e-12)
    mean = _below(copula.latent_correlation).mean()
    np.testing.assert_allclose(latent[14:, :14].mean(axis=1), mean, atol=1e-12)
    assert latent[14, 15] == pytest.approx(mean, abs=0.05)


def test_draws_have_the_margins_and_the_correlations():
    wanted = np.array([[1.0, 0.5, -0.2], [0.5, 1.0, 0.3], [-0.2, 0.3, 1.0]])
    copula = fit_copula(wanted, SHARES, SCORES)
    n_obs = 200_000
    codes = copula.draw(n_obs, np.random.default_rng(2))
    shares = np.array([np.bincount(column, minlength=3) for column in codes.T]) / n_obs
    assert np.all(np.abs(shares - SHARES) < 4.5 * np.sqrt(SHARES * (1 - SHARES) / n_obs))
    # the standard error of a correlation is at most about 1 / sqrt(n) for bounded scores such as these
    assert np.abs(_below(np.corrcoef(SCORES[codes], rowvar=False) - wanted)).max() < 5 / np.sqrt(n_obs)

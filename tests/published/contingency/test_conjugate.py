"""Bayes factors and Dirichlet posteriors of a table against numerical integration and closed forms."""

import numpy as np
import pytest
from scipy import integrate
from scipy.special import expit

from bayesgov.association import associate
from bayesgov.published.contingency import conjugate
from bayesgov.survey.likelihood import log_probabilities

TABLE = np.array([[6.0, 3.0], [2.0, 7.0]])


def test_independent_multinomial_bayes_factor_by_integration():
    """Columns fixed: two binomials with uniform chances against one common uniform chance."""
    (a, b), (c, d) = TABLE
    apart = [integrate.quad(lambda p, s=s, f=f: p**s * (1 - p) ** f, 0, 1)[0] for s, f in ((a, c), (b, d))]
    common = integrate.quad(lambda p: p ** (a + b) * (1 - p) ** (c + d), 0, 1)[0]
    expected = np.log(apart[0] * apart[1] / common)
    # quad's own error is below 1e-8 relative
    assert conjugate.log_bayes_factor(TABLE, "independent multinomial") == pytest.approx(expected, abs=1e-7)


def test_joint_multinomial_bayes_factor_by_integration():
    """Total fixed: uniform over the 3-simplex of cells against uniform independent margins."""
    n = TABLE.ravel()

    def cells(z, y, x):
        return x ** n[0] * y ** n[1] * z ** n[2] * (1 - x - y - z) ** n[3]

    # the simplex has volume 1 / 6
    dependent = 6 * integrate.tplquad(cells, 0, 1, 0, lambda x: 1 - x, 0, lambda x, y: 1 - x - y, epsabs=1e-13)[0]
    margins = [
        integrate.quad(lambda p, s=s, f=f: p**s * (1 - p) ** f, 0, 1)[0]
        for s, f in (TABLE.sum(axis=1), TABLE.sum(axis=0))
    ]
    expected = np.log(dependent / (margins[0] * margins[1]))
    assert conjugate.log_bayes_factor(TABLE, "joint multinomial") == pytest.approx(expected, abs=1e-4)


def test_bayes_factor_favours_independence_where_it_holds():
    exact = np.outer([20.0, 40, 60], [0.2, 0.3, 0.5])
    for scheme in (conjugate.JOINT_MULTINOMIAL, conjugate.INDEPENDENT_MULTINOMIAL):
        assert conjugate.log_bayes_factor(exact, scheme) < 0
        assert conjugate.log_bayes_factor(np.diag([40.0, 40, 40]), scheme) > 50


def test_unknown_scheme_is_refused():
    with pytest.raises(ValueError, match="scheme must be"):
        conjugate.log_bayes_factor(TABLE, "poisson")


def test_population_v_of_the_shares_is_the_sample_v():
    table = np.array([[30.0, 40, 20], [15, 45, 50], [25, 30, 35]])
    assert conjugate.cramers_v(table / table.sum()) == pytest.approx(associate(table).cramers_v, rel=1e-12)


def test_dirichlet_draws_have_the_posterior_moments():
    draws = conjugate.dirichlet_draws(TABLE, 40_000, np.random.default_rng(1))
    alpha = TABLE + 1
    mean = alpha / alpha.sum()
    sd = np.sqrt(mean * (1 - mean) / (alpha.sum() + 1))
    assert (np.abs(draws.mean(axis=0) - mean) < 4 * sd / np.sqrt(40_000)).all()


def test_departure_is_zero_under_proportional_odds_and_known_otherwise():
    proportional = np.exp(log_probabilities(np.array([-0.5, 0.1, 0.9]), np.array([-1.0, 0.3, 1.4])))
    np.testing.assert_allclose(conjugate.proportionality_departure(proportional), 0, atol=1e-12)
    # row effects 0.5 and -0.5 at the first cut, none at the second: departures of -0.5 and 0.5
    below = np.array([[expit(-1 - 0.5), 0.7], [expit(-1 + 0.5), 0.7]])
    probability = np.diff(np.concatenate([np.zeros((2, 1)), below, np.ones((2, 1))], axis=1))
    found = conjugate.proportionality_departure(probability)[:, 0]
    np.testing.assert_allclose(found, [-0.5, 0.5], atol=1e-12)

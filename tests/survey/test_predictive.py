"""Log-likelihood in chunks, merging, thinning, scores and weights."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit
from survey.ordinal_draws import asymptotic_draws

from bayesgov.survey import predictive
from bayesgov.survey.design import MissingColumn, MonotonicTerm, design_from_arrays
from bayesgov.survey.likelihood import log_likelihood
from bayesgov.survey.predictive import (
    block_of_draws,
    brier_score,
    complete_rows,
    merge_rows,
    outcome_log_probability,
    pointwise_log_likelihood,
    ranked_probability_score,
    thinned,
    total_log_likelihood,
    weighted_total,
)
from bayesgov.survey.projection import project_posterior
from bayesgov.survey.spec import CumulativeSpec

LOGIT = CumulativeSpec(formula="y ~ x")


@pytest.fixture(scope="module")
def repeated():
    """Rows with many duplicates, weights, an offset and groups."""
    rng = np.random.default_rng(1)
    n_obs = 300
    x = rng.integers(2, size=(n_obs, 2)).astype(float)
    design = design_from_arrays(
        np.digitize(x @ [1.0, -1] + rng.logistic(size=n_obs), [-1.0, 0, 1]),
        x,
        levels="abcd",
        terms=("u", "v"),
        weights=rng.integers(1, 4, size=n_obs).astype(float),
        offset=rng.integers(2, size=n_obs) * 0.5,
        group=rng.integers(3, size=n_obs),
        groups="fgh",
    )
    return design, asymptotic_draws(design, seed=1, chains=2, draws=30)


def _eta(design, posterior, chain, draw):
    one = posterior.isel(chain=chain, draw=draw)
    return design.offset + design.x @ one["beta"].values + one["group_effect"].values[design.group], one["threshold"]


def test_pointwise_is_the_likelihood_of_one_observation(repeated, monkeypatch):
    design, posterior = repeated
    found = pointwise_log_likelihood(design, posterior, LOGIT)
    assert found.dims == ("chain", "draw", "obs")
    eta, cuts = _eta(design, posterior, 1, 7)
    below = np.c_[np.zeros(300), expit(cuts.values - eta[:, None]), np.ones(300)]
    by_hand = np.log(below[np.arange(300), design.y + 1] - below[np.arange(300), design.y])
    np.testing.assert_allclose(found.isel(chain=1, draw=7), by_hand, rtol=1e-12)
    monkeypatch.setattr(predictive, "_BLOCK_CELLS", 1)  # one row at a time
    np.testing.assert_array_equal(pointwise_log_likelihood(design, posterior, LOGIT), found)
    small = pointwise_log_likelihood(design, posterior, LOGIT, dtype=np.float32)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, found, rtol=1e-6)


def test_total_weights_the_rows(repeated):
    design, posterior = repeated
    total = total_log_likelihood(design, posterior, LOGIT)
    assert total.dims == ("chain", "draw")
    eta, cuts = _eta(design, posterior, 0, 3)
    counts = np.eye(4)[design.y] * design.weights[:, None]
    assert float(total[0, 3]) == pytest.approx(log_likelihood(counts, eta, cuts.values).value, rel=1e-12)


def test_merging_loses_nothing(repeated):
    design, posterior = repeated
    merged = merge_rows(design)
    assert merged.design.n_obs < 100
    assert merged.design.weights.sum() == design.weights.sum()
    for name in ("x", "y", "offset", "group", "scale_x"):
        np.testing.assert_array_equal(getattr(merged.design, name)[merged.inverse], getattr(design, name))
    values = block_of_draws(posterior, design)
    np.testing.assert_array_equal(
        outcome_log_probability(merged.design, values, LOGIT)[:, merged.inverse],
        outcome_log_probability(design, values, LOGIT),
    )
    patterns = merge_rows(design, outcome=False)
    assert patterns.design.n_obs <= 4 * 2 * 3
    np.testing.assert_array_equal(patterns.design.x[patterns.inverse], design.x)


def test_thinning_is_even():
    posterior = xr.Dataset({"a": (("chain", "draw"), np.arange(20.0).reshape(2, 10))})
    assert thinned(posterior, 4)["a"].values.tolist() == [[2, 7], [12, 17]]
    assert thinned(posterior, 1).sizes["draw"] == 1
    assert thinned(posterior, 100).sizes["draw"] == 10
    xr.testing.assert_identical(thinned(posterior), posterior)


def test_scores_by_hand():
    at_most = np.array([[0.2, 0.2, 0.2], [0.5, 0.5, 0.5]])  # shares 0.2, 0.3, 0.5
    y = np.array([0, 1, 2])
    expected = [0.8**2 + 0.5**2, 0.2**2 + 0.5**2, 0.2**2 + 0.5**2]
    np.testing.assert_allclose(ranked_probability_score(at_most, y), expected)
    brier = [0.8**2 + 0.3**2 + 0.5**2, 0.2**2 + 0.7**2 + 0.5**2, 0.2**2 + 0.3**2 + 0.5**2]
    np.testing.assert_allclose(brier_score(at_most, y), brier)


def test_scores_are_proper():
    """The true probabilities have the best expected score among many."""
    rng = np.random.default_rng(3)
    truth = np.array([0.1, 0.4, 0.3, 0.2])
    y = np.arange(4)
    for score in (ranked_probability_score, brier_score):
        at_most = truth.cumsum()[:-1]
        best = truth @ score(np.tile(at_most[:, None], 4), y)
        for other in rng.dirichlet(np.ones(4), size=50):
            assert truth @ score(np.tile(other.cumsum()[:-1, None], 4), y) > best


def test_weighted_total_is_that_of_repeated_rows():
    values, weights = np.array([1.0, 4.0, 2.5]), np.array([3.0, 1.0, 2.0])
    expanded = np.repeat(values, weights.astype(int))
    total, error = weighted_total(values, weights)
    assert total == pytest.approx(expanded.sum())
    assert error == pytest.approx(np.sqrt(6) * expanded.std(ddof=1))


def test_monotonic_effects_follow_their_simplex():
    rng = np.random.default_rng(5)
    codes = rng.integers(4, size=80)
    x = np.column_stack([codes, rng.integers(2, size=80)]).astype(float)
    design = design_from_arrays(
        rng.integers(3, size=80),
        x,
        levels="abc",
        terms=("s", "t"),
        monotonic=(MonotonicTerm(0, tuple("wxyz")), MonotonicTerm(1, ("no", "yes"))),
    )
    posterior = asymptotic_draws(design, seed=1, chains=2, draws=20)
    simplex = rng.dirichlet(np.ones(3), size=(2, 20))
    posterior["simplex_s"] = (("chain", "draw", "s_step"), simplex)
    found = outcome_log_probability(design, block_of_draws(posterior, design), LOGIT)
    reached = 3 * np.r_[0, simplex[1, 4].cumsum()]
    plain = replace(design, x=np.column_stack([reached[codes], x[:, 1]]), monotonic=())
    one = posterior.isel(chain=[1], draw=[4])
    np.testing.assert_allclose(found[24], outcome_log_probability(plain, block_of_draws(one, plain), LOGIT)[0])
    # projection keeps each draw's shape, so the full model is its own projection
    projected = project_posterior(design, posterior, LOGIT, ("s", "t"), draws=None)
    np.testing.assert_allclose(projected["beta"], posterior["beta"], atol=1e-8)


def test_draws_without_thresholds_are_named(repeated):
    design, posterior = repeated
    with pytest.raises(ValueError, match="draws need the variable threshold; they have beta, group_effect, group_sd"):
        block_of_draws(posterior.drop_vars("threshold"), design)


def test_complete_rows(repeated):
    design, _ = repeated
    assert complete_rows(design) is design
    x = design.x.copy()
    x[[2, 9], 0] = np.nan
    holes = replace(design, x=x, missing=(MissingColumn(0, np.array([2, 9]), "binary", (0.0, 1.0)),))
    whole = complete_rows(holes)
    assert (whole.n_obs, whole.missing) == (298, ())
    assert set(range(300)) - set(whole.row) == {2, 9}

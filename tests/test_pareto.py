"""Pareto smoothing of all rows at once against ArviZ, one row at a time."""

import numpy as np
import pytest
from arviz_stats.base.array import BaseArray

from bayesgov.pareto import pareto_k_threshold, smoothed_weights


def _arviz(log_likelihood, efficiency):
    weights, pareto_k = BaseArray().psislw(log_likelihood.T, r_eff=efficiency, axis=-1)
    return np.exp(weights).T, pareto_k


@pytest.mark.parametrize(("n_draws", "efficiency"), [(25, 1.0), (100, 1.0), (400, 0.7), (1000, 1.0), (1000, 0.2)])
def test_agrees_with_arviz(n_draws, efficiency):
    rng = np.random.default_rng(n_draws)
    scale = np.array([0.01, 0.1, 0.5, 1.0, 3.0])  # from harmless to hopeless
    log_likelihood = -rng.gamma(2.0, scale, size=(n_draws, 5))
    found, pareto_k = smoothed_weights(log_likelihood, efficiency)
    expected, expected_k = _arviz(log_likelihood, efficiency)
    np.testing.assert_allclose(pareto_k, expected_k, rtol=1e-9)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_blocks_do_not_show(monkeypatch):
    from bayesgov import pareto

    log_likelihood = np.random.default_rng(1).normal(-1, 0.3, size=(200, 7))
    whole = smoothed_weights(log_likelihood)
    monkeypatch.setattr(pareto, "_BLOCK_CELLS", 1)
    for one, other in zip(whole, smoothed_weights(log_likelihood), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_the_shape_of_a_known_tail_is_found():
    """Ratios of a Pareto distribution with P(R > r) = r^(-1 / k): the prior draws k towards 0.5 as ten draws do."""
    rng = np.random.default_rng(2)
    for k in (0.3, 0.7):
        log_ratio = -k * np.log(rng.uniform(size=(20_000, 20)))
        _, pareto_k = smoothed_weights(-log_ratio)
        # 424 draws in the tail: standard error (1 + k) / sqrt(424), over 20 tails
        assert pareto_k.mean() == pytest.approx(k, abs=4 * (1 + k) / np.sqrt(424 * 20) + 0.01)


def test_constant_rows_have_no_influence():
    log_likelihood = np.random.default_rng(4).normal(-1, 0.3, size=(200, 3))
    log_likelihood[:, 1] = -2.0
    weights, pareto_k = smoothed_weights(log_likelihood)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    np.testing.assert_allclose(weights[:, 1], 1 / 200)
    assert pareto_k[1] == -np.inf
    # the least likely draw weighs most
    assert np.argmax(weights[:, 0]) == np.argmin(log_likelihood[:, 0])


def test_tied_tails_are_left_alone_and_say_so():
    log_likelihood = np.where(np.arange(200) < 3, -3.0, np.where(np.arange(200) < 150, -2.0, -1.0))[:, None]
    weights, pareto_k = smoothed_weights(log_likelihood)
    assert np.isnan(pareto_k).all()
    np.testing.assert_allclose(weights, np.exp(-log_likelihood) / np.exp(-log_likelihood).sum())


def test_thresholds():
    assert pareto_k_threshold(4000) == 0.7
    assert pareto_k_threshold(100) == 0.5
    with pytest.raises(ValueError, match="need 25 or more draws; got 24"):
        smoothed_weights(np.zeros((24, 1)))

"""Principal-component composites against statsmodels, and their conventions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.multivariate.pca import PCA

from bayesgov.panel.composite import kaiser_meyer_olkin, principal_composite


def _indicators(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(300, 2))
    return factor @ rng.normal(size=(2, 6)) + 0.7 * rng.normal(size=(300, 6)) + 10


NAMES = tuple("abcdef")


@pytest.mark.parametrize("kept", [1, 2, 6])
def test_scores_are_those_of_statsmodels(kept: int) -> None:
    x = _indicators()
    theirs = PCA(x, ncomp=kept, standardize=True, normalize=False)
    total = np.linalg.eigvalsh(np.corrcoef(x.T))[::-1]
    share = total[:kept].sum() / total.sum()
    ours = principal_composite(x, NAMES, retention="share", share=share)
    assert ours.weights.size == kept
    # the sign of a component is arbitrary in statsmodels; ours has a positive sum of loadings
    sign = np.sign(theirs.eigenvecs[:, :kept].sum(axis=0))
    expected = (theirs.scores[:, :kept] * sign) @ (theirs.eigenvals[:kept] / theirs.eigenvals[:kept].sum())
    np.testing.assert_allclose(ours.index, expected, atol=1e-10)
    np.testing.assert_allclose(ours.eigenvalues, theirs.eigenvals[:6] / 300 if kept == 6 else total, rtol=1e-10)


def test_factor_scores_have_variance_one() -> None:
    x = _indicators()
    composite = principal_composite(x, NAMES, scores="factor")
    standard = (x - composite.mean) / composite.deviation
    np.testing.assert_allclose((standard @ composite.vectors).var(axis=0), 1.0, rtol=1e-12)


def test_an_indicator_of_which_less_is_better_counts_reversed() -> None:
    x = _indicators()
    flipped = x * np.array([1, -1, 1, 1, 1, 1])
    one = principal_composite(x, NAMES)
    other = principal_composite(flipped, NAMES, directions=np.array([1, -1, 1, 1, 1, 1]))
    np.testing.assert_allclose(one.index, other.index, atol=1e-12)


def test_a_base_fixes_the_loadings() -> None:
    x = _indicators()
    base = np.arange(300) < 150
    both, alone = principal_composite(x, NAMES, base=base), principal_composite(x[base], NAMES)
    np.testing.assert_allclose(both.index[base], alone.index, atol=1e-12)


def test_rows_with_a_gap_get_no_index_and_change_no_weight() -> None:
    x = _indicators()
    holed = np.vstack([x, np.where(np.arange(6) == 2, np.nan, x[:1])])
    one, other = principal_composite(x, NAMES), principal_composite(holed, NAMES)
    assert np.isnan(other.index[-1])
    np.testing.assert_allclose(other.index[:-1], one.index, atol=1e-12)


def test_bartlett_rejects_correlated_and_not_independent_indicators() -> None:
    assert principal_composite(_indicators(), NAMES).bartlett_p < 1e-10
    p_values = [
        principal_composite(np.random.default_rng(seed).normal(size=(200, 6)), NAMES, retention="all").bartlett_p
        for seed in range(200)
    ]
    # p-values of a true null are uniform; 0.001 is the chance of a false alarm of this test
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_kmo_of_equal_correlations() -> None:
    # with p indicators of correlation r each partial correlation is r / (1 + (p - 2) r)
    p, r = 5, 0.4
    matrix = np.full((p, p), r) + (1 - r) * np.eye(p)
    partial = r / (1 + (p - 2) * r)
    assert kaiser_meyer_olkin(matrix) == pytest.approx(r**2 / (r**2 + partial**2))


def test_what_cannot_be_computed_is_said() -> None:
    x = _indicators()
    x[:, 3] = 0.1  # whose standard deviation is not exactly zero in floating point
    assert x[:, 3].std() > 0
    with pytest.raises(ValueError, match="d is constant"):
        principal_composite(x, NAMES)

"""The marginal prior density of a coefficient at zero against numerical integration over its scales."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from bayesgov.survey.bayesian.shrinkage import Shrinkage, density_at_zero
from bayesgov.survey.spec import CumulativeSpec

UNIT = np.array([2.0, 0.5, 1.0])


def _density(kind, n_scales=3, **options):
    prior = Shrinkage(tuple("abc"[:n_scales]), np.arange(n_scales), UNIT[:n_scales], 0.1, np.pi**2 / 3, np.zeros(3))
    return density_at_zero(prior, CumulativeSpec(formula="y ~ a", prior={"kind": kind, **options}))


def test_normal_and_laplace():
    np.testing.assert_allclose(_density("normal", scale=1.5), stats.norm.pdf(0, 0, 1.5 * UNIT))
    np.testing.assert_allclose(_density("laplace", scale=1.5), stats.laplace.pdf(0, 0, 1.5 * UNIT))


@pytest.mark.parametrize("n_scales", [1, 2, 3])
def test_r2d2_by_quadrature(n_scales):
    """E[(portion * variance * R² / (1 - R²))^-1/2] / sqrt(2 pi), the two factors apart, independent as they are."""
    found = _density("r2d2", n_scales, r2_mean=0.4, r2_concentration=3.0)
    of_r2 = stats.beta(1.2, 1.8)
    r2, _ = integrate.quad(lambda r: np.sqrt((1 - r) / r) * of_r2.pdf(r), 0, 1)
    portion = 1.0
    if n_scales > 1:
        portion, _ = integrate.quad(lambda u: 2 * stats.beta(1, n_scales - 1).pdf(u * u), 0, 1)  # share = u²
    np.testing.assert_allclose(found * UNIT[:n_scales], r2 * portion / np.sqrt(2 * np.pi * np.pi**2 / 3), rtol=1e-6)


def test_no_finite_density():
    assert np.isinf(_density("horseshoe")).all()
    # R² with its prior mass at zero: E[R^-1] diverges
    assert np.isinf(_density("r2d2", r2_mean=0.1, r2_concentration=3.0)).all()

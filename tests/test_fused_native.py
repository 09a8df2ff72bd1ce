"""A log-density handed to the sampler as machine code."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytest
import xarray as xr

from bayesgov.fused import LOG_DENSITY, FusedDensity, NativeDensity, compile_density
from bayesgov.sampling import SamplingOptions, sample

MEAN, SD = np.array([1.0, -2.0]), np.array([0.5, 3.0])
OPTIONS = SamplingOptions(seed=5, chains=2, draws=1000, tune=500, cores=2)


@numba.cfunc(LOG_DENSITY)
def _normal(n_dim: Any, theta: Any, gradient: Any, value: Any, data: Any) -> int:
    """Independent normals, their means and then their standard deviations in ``data``; no density above mean + 2 sd."""
    value[0] = 0.0
    for j in range(n_dim):
        z = (theta[j] - data[j]) / data[n_dim + j]
        value[0] -= 0.5 * z * z
        gradient[j] = -z / data[n_dim + j]
        if z > 2:
            return 1
    return 0


def _log_density(theta: np.ndarray) -> tuple[float, np.ndarray]:
    z = (theta - MEAN) / SD
    return (math.nan if z.max() > 2 else -0.5 * float(z @ z)), -z / SD


def _sampled(native: NativeDensity | None) -> xr.DataTree:
    density = FusedDensity(
        2, _log_density, lambda theta, _rng: {"theta": theta}, {"theta": ("axis",)}, {}, np.zeros(2), native=native
    )
    return sample(compile_density(density, {"axis": ["a", "b"]}, prior=lambda _: xr.Dataset()), OPTIONS)


def test_machine_code_draws_what_the_function_draws() -> None:
    # the same seed starts the same chains; points without a density are refused in both
    native = _sampled(NativeDensity(lambda: _normal, np.concatenate([MEAN, SD])))
    function = _sampled(None)
    np.testing.assert_allclose(native["posterior"]["theta"].values, function["posterior"]["theta"].values, atol=1e-6)
    assert list(native["posterior"]["axis"].values) == ["a", "b"]
    scores = (native["posterior"]["theta"].values - MEAN) / SD
    assert scores.max() <= 2
    # a standard normal cut at 2 has mean -phi(2) / Phi(2) = -0.0552; 2,000 draws, each worth 1/4 at least
    assert np.abs(scores.mean(axis=(0, 1)) + 0.0552).max() < 4.5 / math.sqrt(500)


def test_a_native_density_is_theta_alone() -> None:
    native = NativeDensity(lambda: _normal, np.zeros(4))
    with pytest.raises(ValueError, match="one variable"):
        FusedDensity(2, _log_density, lambda *_: {}, {"a": (), "b": ()}, {}, np.zeros(2), native=native)

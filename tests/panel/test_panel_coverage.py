"""Intervals of the default model cover persistence as often as they say; those of the naive one do not."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.panel_coverage import coverage


@pytest.mark.slow
@pytest.mark.parametrize("n_times", [5, 10])
@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_ninety_percent_intervals_cover(alpha: float, n_times: int) -> None:
    found = coverage(alpha, n_times, "conditional", 200)
    assert 0.85 <= found.covered.mean() <= 0.95
    # the posterior median is where the truth is, within four of its standard errors and a tenth of an interval
    error = found.estimate.std() / np.sqrt(200)
    assert abs(found.estimate.mean() - alpha) < 4 * error + 0.1 * found.width.mean()


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_the_naive_model_is_wrong(alpha: float) -> None:
    found = coverage(alpha, 5, "naive", 20)
    assert found.covered.mean() < 0.2
    assert (found.estimate > alpha).all()

"""Sampling of the variants that go through the declared model, at the second study's size (slow)."""

from __future__ import annotations

from typing import Any

import pytest
from panel.panel_samples import sample_spec, simulate

from bayesgov.panel.bayesian import fit_bayesian
from bayesgov.panel.design import panel_design

VARIANTS: dict[str, dict[str, Any]] = {
    "student_t": {"errors": "student_t"},
    "lkj": {"correlation": "lkj"},
    "bounded": {"stationarity": "bounded"},
    "transformed": {"stationarity": "transformed"},
    "stationary": {"stationarity": "bounded", "initial": "stationary"},
}


@pytest.mark.slow
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_variants_mix_at_full_size(changes: dict[str, Any]) -> None:
    spec = sample_spec(3, **changes)
    design = panel_design(simulate(286, 10, 7, seed=11, n_predictors=3), spec)
    fit = fit_bayesian(design, spec, seed=1)
    checks = {check.name: check for check in fit.checks()}
    assert checks["rhat_max"].value < 1.01
    assert checks["divergences"].value == 0
    table = fit.estimates(0.99).set_index("term")
    assert table.loc["alpha_mean[L1.y]", "lower"] < 0.5 < table.loc["alpha_mean[L1.y]", "upper"]

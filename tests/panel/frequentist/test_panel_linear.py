"""Least squares of dynamic panels: linearmodels, known algebra, and the bias that each has on simulated panels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.frequentist.linear import (
    alpha_bracket,
    fit_anderson_hsiao,
    fit_bias_corrected,
    fit_least_squares,
)
from bayesgov.panel.spec import DynamicPanelSpec

ALPHA, BETA = 0.5, 0.7


def _design(seed: int, n_units: int = 150, n_times: int = 8, *, time_effects: bool = True) -> PanelDesign:
    """An unbalanced panel of y = 0.5 y_{t-1} + 0.7 x + effect + error, x correlated with the effects."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=n_units)
    x, y, rows = np.zeros(n_units), effect / (1 - ALPHA), []
    for t in range(-30, n_times):
        x = 0.5 * x + 0.3 * effect + 0.5 * rng.normal(size=n_units)
        y = ALPHA * y + BETA * x + effect + 0.1 * t + rng.normal(size=n_units)
        if t >= 0:
            rows.append(pd.DataFrame({"unit": np.arange(n_units), "year": t, "y": y, "x": x}))
    frame = pd.concat(rows)
    frame = frame[(frame["unit"] % 3 > 0) | (frame["year"] > 2)]
    spec = DynamicPanelSpec(
        outcome="y", unit="unit", time="year", predictors=("x",), predictor_lags=0, time_effects=time_effects
    )
    return panel_design(frame, spec)


def test_within_is_least_squares_with_dummies() -> None:
    design = _design(1, n_units=30)
    dummies = [np.eye(len(design.units))[design.unit], np.eye(len(design.times))[design.time][:, 1:]]
    expected = np.linalg.lstsq(np.column_stack([design.x, *dummies]), design.y, rcond=None)[0][:2]
    np.testing.assert_allclose(fit_least_squares(design, unit_effects=True).coefficients, expected, rtol=1e-9)
    pooled = np.linalg.lstsq(np.column_stack([design.x, np.ones(design.n_obs), dummies[1]]), design.y, rcond=None)[0]
    np.testing.assert_allclose(fit_least_squares(design, unit_effects=False).coefficients, pooled[:2], rtol=1e-9)


def test_anderson_hsiao_is_two_stage_least_squares_of_differences() -> None:
    from linearmodels.iv import IV2SLS

    design = _design(2, time_effects=False)
    frame = pd.DataFrame({"unit": design.unit, "y": design.y, "lag": design.x[:, 0], "x": design.x[:, 1]})
    change = frame.groupby("unit").diff()
    kept = change.notna().all(axis=1)
    level = frame.groupby("unit")["lag"].shift(1)[kept]
    found = IV2SLS(change.loc[kept, "y"], change.loc[kept, ["x"]], change.loc[kept, ["lag"]], level).fit(
        cov_type="clustered", clusters=frame.loc[kept, "unit"], debiased=False
    )
    ours = fit_anderson_hsiao(design)
    np.testing.assert_allclose(ours.coefficients, found.params[["lag", "x"]], rtol=1e-8)
    np.testing.assert_allclose(ours.std_errors, found.std_errors[["lag", "x"]], rtol=1e-6)
    assert ours.n_obs == kept.sum()


def test_every_estimator_errs_as_theory_says() -> None:
    # 20 panels: the standard error of a mean is 0.08 / sqrt(20) = 0.018 for Anderson-Hsiao, 0.007 for the others; three
    # of them are allowed
    found = []
    for seed in range(20):
        design = _design(100 + seed)
        fits = [
            fit_least_squares(design, unit_effects=False),
            fit_least_squares(design, unit_effects=True),
            fit_anderson_hsiao(design),
            fit_bias_corrected(design),
        ]
        found.append([fit.coefficients[0] for fit in fits])
    pooled, within, anderson_hsiao, corrected = np.mean(found, axis=0)
    assert pooled > ALPHA + 0.15
    assert within < ALPHA - 0.12
    assert anderson_hsiao == pytest.approx(ALPHA, abs=0.06)
    assert corrected == pytest.approx(ALPHA, abs=0.03)


@pytest.mark.slow
def test_bias_corrected_intervals_cover() -> None:
    alphas, errors = [], []
    for seed in range(300):
        fit = fit_bias_corrected(_design(1000 + seed, n_units=286, n_times=10))
        alphas.append(fit.coefficients)
        errors.append(fit.std_errors)
    covered = np.abs(np.array(alphas) - [ALPHA, BETA]) < 1.645 * np.array(errors)
    # 90% of 300: the standard error of a share is 0.017; three of them are allowed
    np.testing.assert_allclose(covered.mean(axis=0), 0.9, atol=0.052)


def test_no_bias_is_left_in_a_large_panel() -> None:
    fit = fit_bias_corrected(_design(7, n_units=4000))
    assert np.abs((fit.coefficients - [ALPHA, BETA]) / fit.std_errors).max() < 3.5


def test_the_bracket() -> None:
    design = _design(3)
    pooled, within = fit_least_squares(design, unit_effects=False), fit_least_squares(design, unit_effects=True)
    assert alpha_bracket(pooled, within, 0.5).status == "pass"
    assert alpha_bracket(pooled, within, within.coefficients[0] - 0.25 * within.std_errors[0]).status == "warn"
    too_high = alpha_bracket(pooled, within, pooled.coefficients[0] + 1)
    assert too_high.status == "fail"
    assert "does not hold" in too_high.advice
    assert alpha_bracket(pooled, within, float("nan")).status == "not applicable"


def test_what_cannot_be_estimated_is_said() -> None:
    design = _design(5)
    constant = replace(design, x=np.column_stack([design.x[:, 0], design.unit.astype(float)]))
    for estimator in (lambda d: fit_least_squares(d, unit_effects=True), fit_anderson_hsiao, fit_bias_corrected):
        with pytest.raises(ValueError, match=r"not vary|leave it out"):
            estimator(constant)
    with pytest.raises(ValueError, match="for one lag of the outcome; got 2"):
        fit_bias_corrected(replace(design, n_lags=2))

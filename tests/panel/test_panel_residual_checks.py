"""Posterior checks of the errors: statistics by hand, right models that pass, wrong ones that do not."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from panel.panel_samples import sample_spec, simulate

from bayesgov.panel.bayesian.fit import sample_collapsed
from bayesgov.panel.bayesian.residual_checks import (
    DEPENDENCE,
    DIFFERENCES,
    KURTOSIS,
    LEVELS,
    SQUARES,
    VARIANCES,
    ResidualChecks,
    error_statistics,
    grid_of,
    residual_checks,
    standardised_residuals,
)
from bayesgov.panel.design import PanelDesign, panel_design
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.sampling import SamplingOptions

OPTIONS = SamplingOptions(seed=1, draws=200, tune=200, chains=2, prior_draws=1)


def _panel(n_units: int = 80, n_times: int = 10, *, seed: int, errors: Any, alpha: float = 0.5) -> pd.DataFrame:
    """y on its lag, x and a unit effect, with errors of shape (n_units, n_times + 30) that the test chooses."""
    rng = np.random.default_rng(seed)
    total = n_times + 30
    noise = errors(rng, n_units, total)
    x = rng.standard_normal((n_units, total))
    effect = 0.3 * rng.standard_normal(n_units)
    y = np.zeros((n_units, total))
    for t in range(1, total):
        y[:, t] = alpha * y[:, t - 1] + 0.5 * x[:, t] + effect + 0.3 * noise[:, t]
    return pd.DataFrame(
        {
            "unit": np.repeat([f"u{index:03d}" for index in range(n_units)], n_times),
            "time": np.tile(np.arange(n_times), n_units),
            "region": np.repeat([f"r{index % 2}" for index in range(n_units)], n_times),
            "y": y[:, 30:].ravel(),
            "x0": x[:, 30:].ravel(),
        }
    )


def _checked(frame: pd.DataFrame, spec: DynamicPanelSpec) -> ResidualChecks:
    design = panel_design(frame, spec)
    posterior = sample_collapsed(design, spec, OPTIONS)["posterior"].to_dataset()
    return residual_checks(design, posterior, seed=2, by_region=spec.error_scale == "by_region")


def _p(found: ResidualChecks, statistic: str, order: int | None = None) -> float:
    table = found.table
    chosen = table["statistic"] == statistic
    return float(table.loc[chosen & ((table["order"] == order) if order else True), "posterior_predictive_p"].iloc[0])


def _independent(rng: np.random.Generator, n: int, t: int) -> np.ndarray:
    return rng.standard_normal((n, t))


def _autoregressive(rng: np.random.Generator, n: int, t: int) -> np.ndarray:
    errors = rng.standard_normal((n, t))
    for period in range(1, t):
        errors[:, period] += 0.5 * errors[:, period - 1]
    return errors


def _one_factor(rng: np.random.Generator, n: int, t: int) -> np.ndarray:
    return rng.standard_normal((n, t)) + 0.5 * rng.standard_normal(t)


def _opposite_factor(rng: np.random.Generator, n: int, t: int) -> np.ndarray:
    return rng.standard_normal((n, t)) + np.outer(rng.standard_normal(n), rng.standard_normal(t))


def _heavy(rng: np.random.Generator, n: int, t: int) -> np.ndarray:
    return rng.standard_t(3, (n, t))


def _unequal(rng: np.random.Generator, n: int, t: int) -> np.ndarray:
    return rng.standard_normal((n, t)) * np.where(np.arange(n) % 2, 1.0, 1.6)[:, None]


@pytest.fixture(scope="module")
def design() -> PanelDesign:
    return panel_design(simulate(14, 8, 3, seed=5, unbalanced=True), sample_spec(1))


def test_statistics_equal_loops_over_units_and_pairs(design: PanelDesign) -> None:
    grid = grid_of(design)
    assert len(set(grid.present.sum(axis=1))) > 2
    rng = np.random.default_rng(1)
    cube = rng.standard_normal((2, *grid.present.shape)) * grid.present
    found = error_statistics(cube, grid, regions=True)
    for draw in range(2):
        runs = [cube[draw, i][grid.present[i]] for i in range(14)]
        runs = [run - run.mean() for run in runs]
        moves = [np.diff(run) for run in runs]
        for name, series, orders in ((DIFFERENCES, moves, (1, 2)), (LEVELS, runs, (1,))):
            for order in orders:
                products = np.concatenate([run[order:] * run[:-order] for run in series])
                expected = products.mean() / np.mean(np.concatenate(series) ** 2)
                assert found[name, order][draw] == pytest.approx(expected, rel=1e-12)
        everything = np.concatenate(runs)
        assert found[KURTOSIS, None][draw] == pytest.approx((everything**4).mean() / (everything**2).mean() ** 2)
        total, squares = [], []
        full = np.zeros(grid.present.shape)
        for i, run in enumerate(runs):
            full[i, grid.present[i]] = run / np.sqrt((run**2).mean())
        for i, j in combinations(range(14), 2):
            common = (grid.present[i] & grid.present[j]).sum()
            if common >= 3:
                r = full[i] @ full[j] / common
                total.append(np.sqrt(common) * r)
                squares.append(common * r**2)
        assert found[DEPENDENCE, None][draw] == pytest.approx(np.sum(total) / np.sqrt(len(total)), rel=1e-10)
        assert found[SQUARES, None][draw] == pytest.approx(np.mean(squares), rel=1e-10)
        variances = [
            sum((runs[i] ** 2).sum() for i in range(14) if grid.region[i] == r)
            / sum(len(runs[i]) - 1 for i in range(14) if grid.region[i] == r)
            for r in range(3)
        ]
        assert found[VARIANCES, None][draw] == pytest.approx(max(variances) / min(variances), rel=1e-12)


def test_unit_means_do_not_count(design: PanelDesign) -> None:
    grid = grid_of(design)
    rng = np.random.default_rng(2)
    cube = rng.standard_normal((1, *grid.present.shape)) * grid.present
    moved = cube + rng.standard_normal((14, 1)) * grid.present
    first, second = error_statistics(cube, grid, regions=True), error_statistics(moved, grid, regions=True)
    for key, values in first.items():
        np.testing.assert_allclose(values, second[key], rtol=1e-9)


def test_residuals_at_the_truth_are_the_errors() -> None:
    rng = np.random.default_rng(3)
    errors = rng.standard_normal((20, 40))
    frame = _panel(20, seed=4, errors=lambda _rng, n, t: errors[:n, :t])
    design = panel_design(frame, sample_spec(1))
    drawn = xr.Dataset(
        {
            "alpha": (("sample", "region", "lag"), np.full((1, 2, 1), 0.5)),
            "beta": (("sample", "region", "predictor"), np.tile([0.5, 0.0], (1, 2, 1))),
            "error_sd": ("sample", [0.3]),
        }
    )
    found = standardised_residuals(design, drawn)[0].reshape(20, 9)
    wanted = errors[:, 31:]
    np.testing.assert_allclose(
        found - found.mean(axis=1, keepdims=True), wanted - wanted.mean(axis=1, keepdims=True), atol=1e-12
    )


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_right_model_passes(seed: int) -> None:
    found = _checked(_panel(seed=seed, errors=_independent), sample_spec(1))
    assert [check.name for check in found.checks if check.status != "pass"] == []
    assert len(found.checks) == len(found.table) == 7
    table = found.table.set_index(["statistic", "order"])
    observed = table["observed"]
    assert observed.iloc[0] == pytest.approx(-0.5, abs=0.08)
    assert observed.iloc[1] == pytest.approx(0.0, abs=0.1)
    assert set(table["reading"]) == {"as the model's errors have it"}


def test_autocorrelated_errors_are_flagged() -> None:
    found = _checked(_panel(160, seed=6, errors=_autoregressive), sample_spec(1))
    assert _p(found, DIFFERENCES, 2) < 0.02 or _p(found, DIFFERENCES, 2) > 0.98
    flagged = [check for check in found.checks if check.status == "warn"]
    assert any("raise outcome_lags" in check.advice for check in flagged)


def test_a_common_factor_is_flagged_and_year_effects_describe_it() -> None:
    frame = _panel(seed=7, errors=_one_factor)
    assert _p(_checked(frame, sample_spec(1, time_effects=False)), DEPENDENCE) < 0.02
    with_years = _checked(frame, sample_spec(1))
    assert _p(with_years, DEPENDENCE) > 0.02
    assert _p(with_years, SQUARES) > 0.02


def test_a_factor_with_opposite_loadings_shows_in_the_squares() -> None:
    assert _p(_checked(_panel(seed=8, errors=_opposite_factor), sample_spec(1)), SQUARES) < 0.02


def test_heavy_tails_are_flagged() -> None:
    assert _p(_checked(_panel(seed=9, errors=_heavy), sample_spec(1)), KURTOSIS) < 0.02


def test_unequal_regions_are_flagged_until_their_scales_differ() -> None:
    frame = _panel(seed=10, errors=_unequal)
    assert _p(_checked(frame, sample_spec(1)), VARIANCES) < 0.02
    by_region = _checked(frame, sample_spec(1, error_scale="by_region"))
    assert VARIANCES not in set(by_region.table["statistic"])
    assert _p(by_region, KURTOSIS) > 0.02


def test_student_errors_are_replicated_as_such() -> None:
    design = panel_design(_panel(seed=9, errors=_heavy), sample_spec(1))
    drawn = {
        "alpha": (("chain", "draw", "region", "lag"), np.full((1, 200, 2, 1), 0.5)),
        "beta": (("chain", "draw", "region", "predictor"), np.tile([0.5, 0.0], (1, 200, 2, 1))),
        "error_sd": (("chain", "draw"), np.full((1, 200), 0.3)),
        "degrees_of_freedom": (("chain", "draw"), np.full((1, 200), 3.0)),
    }
    coords = {"chain": [0], "draw": range(200)}
    assert _p(residual_checks(design, xr.Dataset(drawn, coords), seed=1), KURTOSIS) > 0.02
    del drawn["degrees_of_freedom"]
    assert _p(residual_checks(design, xr.Dataset(drawn, coords), seed=1), KURTOSIS) == 0.0


def test_short_panels_leave_out_what_they_cannot_show() -> None:
    design = panel_design(simulate(20, 3, 2, seed=1), sample_spec(1))
    grid = grid_of(design)
    found = error_statistics(np.random.default_rng(1).standard_normal((3, *grid.present.shape)), grid)
    assert set(found) == {(KURTOSIS, None)}

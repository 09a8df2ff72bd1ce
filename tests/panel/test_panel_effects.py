"""Long-run effects, half-lives and impulse responses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from panel.panel_samples import sample_spec, simulate

from bayesgov.panel.bayesian.effects import derived_effects, lag_table, long_run_table
from bayesgov.panel.design import PanelDesign, panel_design


@pytest.fixture(scope="module")
def design() -> PanelDesign:
    return panel_design(simulate(8, 7, 2, seed=1), sample_spec(outcome_lags=2))


def _posterior(design: PanelDesign, alpha: np.ndarray, beta: np.ndarray) -> xr.Dataset:
    return xr.Dataset(
        {
            "alpha": (("chain", "draw", "region", "lag"), alpha),
            "beta": (("chain", "draw", "region", "predictor"), beta),
        },
        coords={"chain": [0], "draw": range(alpha.shape[1]), "region": list(design.regions)},
    )


def test_lags_of_predictors_are_found(design: PanelDesign) -> None:
    names, table = lag_table(design)
    assert names == ["x0", "x1"]
    assert table == {("x0", 0): 0, ("x0", 1): 1, ("x1", 0): 2, ("x1", 1): 3}


def test_impulse_responses_sum_to_the_long_run_effect(design: PanelDesign) -> None:
    rng = np.random.default_rng(2)
    alpha = rng.uniform(0.1, 0.35, (1, 5, 2, 2))
    beta = rng.normal(size=(1, 5, 2, 4))
    effects = derived_effects(_posterior(design, alpha, beta), design, horizon=200)
    np.testing.assert_allclose(
        effects["impulse_response"].sum("horizon").values, effects["long_run"].values, rtol=1e-10
    )
    by_hand = (beta[..., 0] + beta[..., 1]) / (1 - alpha.sum(axis=-1))
    np.testing.assert_allclose(effects["long_run"].sel(variable="x0").values, by_hand, rtol=1e-13)


def test_persistence_is_the_largest_root_and_half_life_follows(design: PanelDesign) -> None:
    # roots 0.8 and 0.5: alpha_1 = 1.3, alpha_2 = -0.4
    alpha = np.broadcast_to([1.3, -0.4], (1, 1, 2, 2))
    effects = derived_effects(_posterior(design, alpha, np.zeros((1, 1, 2, 4))), design)
    np.testing.assert_allclose(effects["persistence"].values, 0.8, rtol=1e-12)
    np.testing.assert_allclose(0.8 ** effects["half_life"].values, 0.5, rtol=1e-12)


def test_a_unit_root_has_no_long_run() -> None:
    design = panel_design(simulate(8, 7, 2, seed=1), sample_spec(1))
    alpha = np.array([0.5, 1.0, 1.02, -0.2, 0.97]).reshape(1, 5, 1, 1) * np.ones((1, 1, 2, 1))
    effects = derived_effects(_posterior(design, alpha, np.ones((1, 5, 2, 2))), design)
    found = effects["long_run"].isel(region=0, variable=0).values[0]
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, False, False])
    half_life = effects["half_life"].isel(region=0).values[0]
    np.testing.assert_allclose(half_life, [1.0, np.inf, np.inf, 0.0, np.log(0.5) / np.log(0.97)], rtol=1e-12)
    table = long_run_table(effects, 0.9).set_index(["variable", "region"])
    row = table.loc[("x0", "r0")]
    assert row["median"] == pytest.approx(2 / (1 - 0.5))
    assert row["probability_unit_root"] == pytest.approx(0.4)
    assert row["probability_persistence_above"] == pytest.approx(0.6)
    assert row["interval"] == "90% equal-tailed credible"

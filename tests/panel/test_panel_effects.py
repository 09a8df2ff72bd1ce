"""Long-run effects, half-lives and impulse responses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from panel.panel_samples import sample_spec, simulate

from bayesgov.panel.bayesian.effects import (
    derived_effects,
    impulse_table,
    lag_table,
    long_run_table,
    persistence_table,
)
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


def test_persistence_and_its_limits_by_region() -> None:
    design = panel_design(simulate(8, 7, 2, seed=1), sample_spec(1))
    alpha = np.stack([np.linspace(0.4, 0.6, 201), np.linspace(0.85, 1.05, 201)], axis=1).reshape(1, 201, 2, 1)
    table = persistence_table(derived_effects(_posterior(design, alpha, np.zeros((1, 201, 2, 2))), design))
    table = table.set_index("region")
    assert list(table.loc["r0", ["alpha", "alpha_lower", "alpha_upper"]]) == pytest.approx([0.5, 0.405, 0.595])
    assert list(table.loc["r0", ["half_life", "half_life_lower", "half_life_upper"]]) == pytest.approx(
        np.log(0.5) / np.log([0.5, 0.405, 0.595]), rel=0.01
    )
    assert table.loc["r1", "half_life"] == pytest.approx(np.log(0.5) / np.log(0.95), rel=0.03)
    assert table.loc["r1", "half_life_upper"] == np.inf
    assert list(table["probability_unit_root"]) == pytest.approx([0, 51 / 201], abs=1 / 201)
    assert list(table["probability_above_095"]) == pytest.approx([0, 100 / 201], abs=1 / 201)


def test_impulse_responses_as_a_table(design: PanelDesign) -> None:
    rng = np.random.default_rng(5)
    alpha, beta = rng.uniform(0.1, 0.3, (2, 50, 2, 2)), rng.normal(size=(2, 50, 2, 4))
    effects = derived_effects(_posterior_of_chains(design, alpha, beta), design, horizon=3)
    table = impulse_table(effects, 0.9)
    assert len(table) == 2 * 2 * 4
    row = table.set_index(["region", "variable", "horizon"]).loc[("r1", "x0", 0)]
    # the immediate response is the coefficient itself
    np.testing.assert_allclose(
        row[["lower", "median", "upper"]].astype(float), np.percentile(beta[:, :, 1, 0], [5, 50, 95]), rtol=1e-12
    )
    later = effects["impulse_response"].sel(region="r0", variable="x1", horizon=2).values
    row = table.set_index(["region", "variable", "horizon"]).loc[("r0", "x1", 2)]
    assert row["median"] == pytest.approx(np.median(later))
    assert row["interval"] == "90% equal-tailed credible"


def _posterior_of_chains(design: PanelDesign, alpha: np.ndarray, beta: np.ndarray) -> xr.Dataset:
    parts = [_posterior(design, alpha[[chain]], beta[[chain]]) for chain in range(alpha.shape[0])]
    return xr.concat([part.assign_coords(chain=[chain]) for chain, part in enumerate(parts)], "chain")

"""Diagnostics of many parameters at once equal ArviZ's of one at a time."""

from __future__ import annotations

import arviz_stats as az
import numpy as np
import pytest
import xarray as xr

from bayesgov.convergence import convergence
from bayesgov.diagnostics import posterior_checks


def _chains(kind: str, n_chains: int, n_draws: int) -> np.ndarray:
    """Chains of 70 parameters: more than one block, autocorrelated from strongly negative to strongly positive."""
    rng = np.random.default_rng(7)
    noise = rng.standard_normal((70, n_chains, n_draws))
    persistence = np.linspace(-0.9, 0.97, 70)[:, None]
    draws = np.empty_like(noise)
    draws[..., 0] = noise[..., 0]
    for t in range(1, n_draws):
        draws[..., t] = persistence * draws[..., t - 1] + noise[..., t]
    if kind == "apart":
        draws += np.linspace(0, 2, 70)[:, None, None] * np.arange(n_chains)[:, None]
    if kind == "tied":
        draws = np.round(draws)
    if kind == "skewed":
        draws = np.exp(2 * draws)
    return draws


@pytest.mark.parametrize("kind", ["plain", "apart", "tied", "skewed"])
@pytest.mark.parametrize("shape", [(4, 101), (2, 5)])
def test_equal_to_arviz(kind: str, shape: tuple[int, int]) -> None:
    draws = _chains(kind, *shape)
    found = convergence(draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        rhat = [az.rhat(one, chain_axis=0, draw_axis=1) for one in draws]
        bulk = [az.ess(one, chain_axis=0, draw_axis=1, method="bulk") for one in draws]
        tail = [az.ess(one, chain_axis=0, draw_axis=1, method="tail", prob=(0.05, 0.95)) for one in draws]
    np.testing.assert_allclose(found.rhat, np.array(rhat), rtol=1e-10)
    np.testing.assert_allclose(found.ess_bulk, np.array(bulk), rtol=1e-9)
    np.testing.assert_allclose(found.ess_tail, np.array(tail), rtol=1e-9)


def test_what_cannot_be_computed_is_not_a_number() -> None:
    draws = _chains("plain", 2, 40)[:3]
    draws[1, 0, 5] = np.nan
    found = convergence(draws)
    for values in (found.rhat, found.ess_bulk, found.ess_tail):
        np.testing.assert_array_equal(np.isnan(values), [False, True, False])
    single = convergence(draws[:1, :1])
    assert np.isnan(single.rhat).all()
    assert np.isfinite(single.ess_bulk).all()
    assert np.isnan(convergence(draws[:, :, :3]).ess_bulk).all()


@pytest.mark.parametrize("n_draws", [4, 6, 7, 8])
def test_equal_to_arviz_with_the_fewest_draws(n_draws: int) -> None:
    draws = _chains("plain", 2, n_draws)
    expected = [az.ess(one, chain_axis=0, draw_axis=1, method="bulk") for one in draws]
    np.testing.assert_allclose(convergence(draws).ess_bulk, np.array(expected), rtol=1e-9)


def test_a_constant_has_no_rhat() -> None:
    found = convergence(np.ones((1, 4, 100)))
    assert np.isnan(found.rhat[0])
    assert found.ess_bulk[0] == found.ess_tail[0] == 400


def test_checks_are_arviz_extremes() -> None:
    draws = np.moveaxis(_chains("apart", 4, 100), 0, -1)
    posterior = xr.Dataset(
        {
            "b": (("chain", "draw", "row", "column"), draws[..., :60].reshape(4, 100, 12, 5)),
            "scale": (("chain", "draw"), draws[..., 69]),
        },
        coords={"row": [f"r{index}" for index in range(12)], "column": list("vwxyz")},
    )
    statistics = {name: (("chain", "draw"), np.zeros((4, 100))) for name in ("diverging", "reached_max_treedepth")}
    statistics["energy"] = ("chain", "draw"), draws[..., 30]
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset(statistics)})
    found = {check.name: check for check in posterior_checks(tree)}
    rhat = az.rhat(posterior)
    assert found["rhat_max"].value == pytest.approx(float(rhat.to_array().max()))
    row, column = np.unravel_index(rhat["b"].values.argmax(), (12, 5))
    assert found["rhat_max"].advice.startswith(f"b[r{row}, {'vwxyz'[column]}]:")
    assert found["ess_bulk_min"].value == pytest.approx(float(az.ess(posterior, method="bulk").to_array().min()))
    tail = az.ess(posterior, method="tail", prob=(0.05, 0.95)).to_array()
    assert found["ess_tail_min"].value == pytest.approx(float(tail.min()))
    assert found["ebfmi_min"].value == pytest.approx(float(az.bfmi(tree)["energy"].min()))

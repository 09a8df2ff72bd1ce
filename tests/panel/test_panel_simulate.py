"""Simulated panels: the study's sizes, the equation that made them, and their files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesgov.errors import InputError
from bayesgov.panel.simulate import CITIES, INDICATORS, PanelSimulation, SimulatedPanel, simulate_panel
from bayesgov.panel.simulation_files import run
from bayesgov.study import load_study

OPTIONS = PanelSimulation(seed=11)


@pytest.fixture(scope="module")
def simulation() -> SimulatedPanel:
    return simulate_panel(OPTIONS)


def test_sizes_are_the_studys(simulation: SimulatedPanel) -> None:
    study = load_study("panel")
    assert simulation.frame.groupby("region")["city"].nunique().to_dict() == dict(CITIES)
    assert set(CITIES) == {group.id for group in study.groups}
    assert sum(CITIES.values()) == study.sample["cities"] == 286
    assert OPTIONS.years == tuple(range(study.sample["first_year"], study.sample["last_year"] + 1))
    assert simulation.frame.groupby("city")["year"].nunique().eq(10).all()
    assert len({indicator.dimension for indicator in INDICATORS.values()}) == 5
    assert len(INDICATORS) == 11


def _cube(simulation: SimulatedPanel, name: str) -> np.ndarray:
    return simulation.latent[name].to_numpy().reshape(-1, 10)


def test_the_level_follows_its_equation(simulation: SimulatedPanel) -> None:
    y, digital, industry, gdp = (_cube(simulation, name) for name in ("services", "digital", "industry", "gdp"))
    region = simulation.frame["region"].to_numpy().reshape(-1, 10)[:, 0]
    alpha = np.array([OPTIONS.alpha[name] for name in region])[:, None]
    b0, b1 = (np.array([OPTIONS.beta[name][lag] for name in region])[:, None] for lag in (0, 1))
    g = OPTIONS.controls
    systematic = (
        alpha * y[:, :-1]
        + b0 * digital[:, 1:]
        + b1 * digital[:, :-1]
        + g[0] * industry[:, 1:]
        + g[1] * industry[:, :-1]
        + g[2] * gdp[:, 1:]
        + g[3] * gdp[:, :-1]
        + simulation.truth.unit_effect[:, None]
        + simulation.truth.year_effect[1:]
    )
    errors = y[:, 1:] - systematic
    n = errors.size
    # independent normal errors: mean, standard deviation and first autocorrelation within four standard errors
    assert abs(errors.mean()) < 4 * OPTIONS.error_sd / np.sqrt(n)
    assert errors.std() == pytest.approx(OPTIONS.error_sd, rel=4 / np.sqrt(2 * n))
    assert abs(np.corrcoef(errors[:, 1:].ravel(), errors[:, :-1].ravel())[0, 1]) < 4 / np.sqrt(n)


def test_the_gap_follows_its_equation(simulation: SimulatedPanel) -> None:
    gap, digital = _cube(simulation, "differentiation"), _cube(simulation, "digital")
    region = simulation.frame["region"].to_numpy().reshape(-1, 10)[:, 0]
    alpha = np.array([OPTIONS.alpha[name] for name in region])[:, None]
    errors = (
        gap[:, 1:]
        - alpha * gap[:, :-1]
        - (1 - alpha) * OPTIONS.gap_mean
        - OPTIONS.gap_beta[0] * digital[:, 1:]
        - OPTIONS.gap_beta[1] * digital[:, :-1]
        - simulation.truth.gap_unit_effect[:, None]
        - simulation.truth.gap_year_effect[1:]
    )
    assert errors.std() == pytest.approx(OPTIONS.error_sd / 2, rel=4 / np.sqrt(2 * errors.size))
    urban, rural = _cube(simulation, "services_urban"), _cube(simulation, "services_rural")
    np.testing.assert_allclose(urban - rural, gap, rtol=1e-9, atol=1e-12)


def test_city_effects_are_correlated_with_digital_government(simulation: SimulatedPanel) -> None:
    found = np.corrcoef(simulation.truth.unit_effect, _cube(simulation, "digital").mean(axis=1))[0, 1]
    assert found == pytest.approx(OPTIONS.selection, abs=0.2)
    none = simulate_panel(replace(OPTIONS, selection=0.0))
    assert abs(np.corrcoef(none.truth.unit_effect, _cube(none, "digital").mean(axis=1))[0, 1]) < 0.2


def test_indicators_follow_the_levels(simulation: SimulatedPanel) -> None:
    for name, indicator in INDICATORS.items():
        values = np.concatenate([simulation.complete[f"{name}_{area}"] for area in ("urban", "rural")])
        levels = np.concatenate([simulation.latent[f"services_{area}"] for area in ("urban", "rural")])
        # nine tenths of the noise are 572 draws, one for each city and area: standard error below 0.03
        assert np.corrcoef(values, levels)[0, 1] == pytest.approx(indicator.loading, abs=0.1)
        assert values.std() == pytest.approx(indicator.deviation, rel=0.15)
    shares = ["water", "gas", "pensions", "sewage", "waste", "unemployment"]
    columns = [f"{name}_{area}" for name in shares for area in ("urban", "rural")]
    assert simulation.complete[columns].to_numpy().max() < 100
    everything = simulation.complete[[f"{name}_{area}" for name in INDICATORS for area in ("urban", "rural")]]
    assert everything.to_numpy().min() > 0


def test_missing_cells(simulation: SimulatedPanel) -> None:
    columns = [f"{name}_{area}" for name in INDICATORS for area in ("urban", "rural")]
    lost = simulation.frame[columns].isna()
    # runs are cut off at the last year and may overlap, so a little less than asked for
    assert lost.to_numpy().mean() == pytest.approx(OPTIONS.missing_share, rel=0.15)
    assert not simulation.complete.isna().any().any()
    assert simulation.frame[columns].where(~lost, simulation.complete[columns]).equals(simulation.complete[columns])
    assert not simulation.frame[["digital", "industry", "gdp"]].isna().any().any()


def test_streams_are_separate(simulation: SimulatedPanel) -> None:
    other = simulate_panel(replace(OPTIONS, missing_share=0.2))
    assert other.complete.equals(simulation.complete)
    noisier = simulate_panel(replace(OPTIONS, yearly_noise=0.5))
    assert noisier.latent.equals(simulation.latent)
    assert simulate_panel(OPTIONS).frame.equals(simulation.frame)
    assert not simulate_panel(replace(OPTIONS, seed=12)).latent.equals(simulation.latent)


def test_feedback_moves_digital_government() -> None:
    plain, fed = simulate_panel(OPTIONS), simulate_panel(replace(OPTIONS, feedback=0.1))
    assert np.corrcoef(fed.latent["digital"], fed.latent["services"])[0, 1] > (
        np.corrcoef(plain.latent["digital"], plain.latent["services"])[0, 1] + 0.02
    )


def test_options_that_cannot_be_met_are_refused() -> None:
    for change, words in (
        ({"alpha": {"eastern": 0.5}}, "alpha should name the regions"),
        ({"cities": {"a": 3}, "alpha": {"a": 0.99}, "beta": {"a": (0, 0)}}, "alpha should lie between"),
        ({"missing_share": 0.9}, "missing_share should lie between 0 and 0.5; got 0.9"),
        ({"last_year": 2009}, "two years or more"),
    ):
        with pytest.raises(InputError, match=words):
            simulate_panel(replace(OPTIONS, **change))


def test_files_hold_what_was_simulated(tmp_path: Path, simulation: SimulatedPanel) -> None:
    panel, complete, latent, truth, readme = run(OPTIONS, tmp_path / "new")
    rows = pd.read_csv(panel)
    pd.testing.assert_frame_equal(rows, simulation.frame)
    assert {"digital", "industry", "gdp", "beds_urban", "beds_rural"} <= set(rows)
    np.testing.assert_allclose(pd.read_csv(latent)["services"], simulation.latent["services"], rtol=1e-12)
    assert pd.read_csv(complete).shape == simulation.complete.shape
    record = json.loads(truth.read_text(encoding="utf-8"))
    assert record["options"]["alpha"] == dict(OPTIONS.alpha)
    assert record["long_run_effect_of_digital"]["eastern"] == pytest.approx(0.4 / 0.35)
    assert list(record["city_effect"].values()) == simulation.truth.unit_effect.tolist()
    text = readme.read_text(encoding="utf-8")
    assert "not data of any city" in text
    assert "286 cities in 7 regions, 2009 to 2018" in text
    missing = simulation.frame.isna().to_numpy().sum()
    assert f"{missing:,} of {286 * 10 * 22:,} indicator cells are missing" in text
    assert "{" not in text


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for first, second in zip(run(OPTIONS, tmp_path / "a"), run(OPTIONS, tmp_path / "b"), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written there"):
        run(OPTIONS, tmp_path / "file" / "folder")

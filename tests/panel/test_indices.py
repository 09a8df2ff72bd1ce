"""Indices of two levels, for town and country."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bayesgov.errors import InputError
from bayesgov.panel.composite import principal_composite
from bayesgov.panel.index_spec import IndexSpec, read_index_spec
from bayesgov.panel.indices import compute_indices
from bayesgov.panel.simulate import INDICATORS, PanelSimulation, simulate_panel
from bayesgov.study import models_folder

SMALL = IndexSpec(dimensions={"health": ("beds", "doctors"), "work": ("unemployment",)}, negative=("unemployment",))


def _frame(seed: int = 0, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(2, n)) + np.array([[0.5], [-0.5]])
    columns = {}
    for row, area in enumerate(("urban", "rural")):
        columns |= {
            f"beds_{area}": 40 + 5 * level[row] + rng.normal(size=n),
            f"doctors_{area}": 20 + 3 * level[row] + rng.normal(size=n),
            f"unemployment_{area}": 4 - 0.5 * level[row] + 0.2 * rng.normal(size=n),
        }
    return pd.DataFrame(columns).assign(share=rng.uniform(0.2, 0.8, size=n))


def _stacked(frame: pd.DataFrame) -> np.ndarray:
    names = SMALL.indicators
    return np.concatenate([frame[[f"{name}_{area}" for name in names]].to_numpy() for area in ("urban", "rural")])


def test_one_set_of_loadings_is_the_composite_of_both() -> None:
    frame = _frame()
    expected = principal_composite(_stacked(frame), SMALL.indicators, directions=np.array([1, 1, -1])).index
    found = compute_indices(frame, SMALL).frame
    np.testing.assert_allclose(np.concatenate([found["level_urban"], found["level_rural"]]), expected, rtol=1e-12)
    assert found["level_urban"].mean() > found["level_rural"].mean()
    np.testing.assert_allclose(found["differentiation"], found["level_urban"] - found["level_rural"])


def test_two_sets_are_composites_of_each() -> None:
    frame = _frame()
    spec = SMALL.model_copy(update={"loadings": "separate"})
    found = compute_indices(frame, spec)
    rows = _stacked(frame)[60:]
    expected = principal_composite(rows, SMALL.indicators, directions=np.array([1, 1, -1])).index
    np.testing.assert_allclose(found.frame["level_rural"], expected, rtol=1e-10)
    assert found.frame[["level_urban", "level_rural"]].mean().abs().max() < 1e-12
    assert {"level, urban", "level, rural", "health, urban"} <= set(found.composites)


def test_a_dimension_of_one_indicator_is_that_indicator() -> None:
    frame = _frame()
    found = compute_indices(frame, SMALL)
    values = -_stacked(frame)[:, 2]
    np.testing.assert_allclose(found.frame["work_urban"], ((values - values.mean()) / values.std())[:60], rtol=1e-10)
    assert "work" not in found.composites
    assert found.loadings()["index"].unique().tolist() == ["level", "health"]


def test_rescaled_levels_share_one_scale() -> None:
    found = compute_indices(_frame(), SMALL).frame
    both = np.concatenate([found["positive_urban"], found["positive_rural"]])
    assert (both.min(), both.max()) == (1.0, 100.0)
    level = np.concatenate([found["level_urban"], found["level_rural"]])
    assert np.corrcoef(both, level)[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["ratio", "log_ratio"])
def test_relative_differentiation(kind: str) -> None:
    found = compute_indices(_frame(), SMALL.model_copy(update={"differentiation": kind})).frame
    ratio = found["positive_urban"] / found["positive_rural"]
    np.testing.assert_allclose(found["differentiation"], np.log(ratio) if kind == "log_ratio" else ratio)


def test_the_city_is_weighted_by_population() -> None:
    frame = _frame()
    found = compute_indices(frame, SMALL.model_copy(update={"urban_share": "share"})).frame
    np.testing.assert_allclose(
        found["level"], frame["share"] * found["level_urban"] + (1 - frame["share"]) * found["level_rural"]
    )


def test_missing_indicators_give_no_index_and_change_no_other() -> None:
    frame = _frame()
    holed = pd.concat([frame, frame.iloc[:1].assign(beds_urban=np.nan)], ignore_index=True)
    found = compute_indices(holed, SMALL).frame
    assert found.iloc[-1][["level_urban", "level", "differentiation"]].isna().all()
    assert np.isfinite(found.iloc[-1]["level_rural"])


def test_simulated_indicators_give_back_the_level() -> None:
    simulation = simulate_panel(PanelSimulation(seed=5))
    shipped = read_index_spec(models_folder() / "panel" / "indices.toml")
    found = compute_indices(simulation.complete, shipped)
    assert tuple(shipped.indicators) == tuple(INDICATORS)
    assert shipped.negative == tuple(name for name, entry in INDICATORS.items() if entry.loading < 0)
    # reliability of eleven indicators with loadings near 0.75 is 0.93, of which the correlation is the root
    assert np.corrcoef(found.frame["level"], simulation.latent["services"])[0, 1] > 0.95
    assert (found.loadings().query("index == 'level'")["weight"] > 0).all()


def test_what_cannot_be_used_is_said() -> None:
    frame = _frame()
    with pytest.raises(InputError, match="need the column 'beds_rural'"):
        compute_indices(frame.drop(columns="beds_rural"), SMALL)
    with pytest.raises(InputError, match="numbers are wanted; got 'many'"):
        compute_indices(frame.assign(beds_urban="many"), SMALL)
    with pytest.raises(InputError, match="unemployment is constant"):
        compute_indices(frame.assign(unemployment_urban=1.0, unemployment_rural=1.0), SMALL)
    with pytest.raises(InputError, match="shares between 0 and 1 are wanted"):
        compute_indices(frame.assign(share=50.0), SMALL.model_copy(update={"urban_share": "share"}))
    with pytest.raises(ValidationError, match="negative names 'x'"):
        IndexSpec(dimensions={"a": ("b", "c")}, negative=("x",))
    with pytest.raises(ValidationError, match="each once"):
        IndexSpec(dimensions={"a": ("b",), "d": ("b",)})

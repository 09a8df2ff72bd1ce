"""From rows to a panel: missing cells, indices, gaps, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import sample_spec, simulate
from pydantic import ValidationError

from bayesgov.errors import InputError
from bayesgov.panel.indices import compute_indices
from bayesgov.panel.prepare import panel_tables, prepare_panel
from bayesgov.panel.simulate import PanelSimulation, simulate_panel
from bayesgov.panel.spec import DynamicPanelSpec, read_dynamic_panel_spec

MODELS = Path(__file__).resolve().parents[2] / "models" / "panel"


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return simulate_panel(PanelSimulation(seed=21)).frame


@pytest.fixture(scope="module")
def digital() -> DynamicPanelSpec:
    return read_dynamic_panel_spec(MODELS / "digital.toml")


def test_indicators_become_the_outcome(rows: pd.DataFrame, digital: DynamicPanelSpec) -> None:
    prepared = prepare_panel(rows, digital)
    indicator = "beds_urban"
    first = rows[rows["city"] == "city 001"]
    known = first[indicator].notna()
    line = np.interp(first["year"], first["year"][known], first[indicator][known])
    np.testing.assert_allclose(prepared.frame.loc[first.index, indicator], line, rtol=1e-12)
    expected = compute_indices(prepared.interpolation.frame, digital.indices).frame["level"]
    np.testing.assert_array_equal(prepared.frame["level"], expected)
    np.testing.assert_array_equal(prepared.panel.panel.values["level"].ravel(), expected)
    assert prepared.design.outcome == "level"
    assert prepared.design.n_obs == 286 * 9
    assert "differentiation" not in prepared.frame  # only what the equation uses
    assert rows[indicator].isna().any(), "the caller's frame is left as it was"


def test_without_interpolation_missing_indicators_cost_rows(rows: pd.DataFrame, digital: DynamicPanelSpec) -> None:
    prepared = prepare_panel(rows, digital.model_copy(update={"interpolate": None}))
    columns = [name for name in rows if str(name).endswith(("_urban", "_rural"))]
    assert prepared.frame["level"].isna().equals(rows[columns].isna().any(axis=1))
    assert prepared.design.n_obs < 286 * 9
    tables = panel_tables(prepared)
    assert "interpolation" not in tables
    assert tables["flow"]["left"].iloc[-1] == prepared.design.n_obs
    assert tables["flow"]["lost"].sum() == len(rows) - prepared.design.n_obs


def test_tables_account_for_every_cell_and_weight(rows: pd.DataFrame, digital: DynamicPanelSpec) -> None:
    prepared = prepare_panel(rows, digital)
    tables = panel_tables(prepared)
    account = tables["interpolation"].set_index("variable")
    assert (account["cells"] - account["known"]).to_dict() == rows[account.index].isna().sum().to_dict()
    components = tables["index_components"]
    eleven = components[components["index"] == "level"]
    assert eleven["eigenvalue"].sum() == pytest.approx(11)
    assert eleven["share"].sum() == pytest.approx(1)
    assert eleven["kept"].tolist() == (eleven["eigenvalue"] > 1).tolist()
    assert eleven["bartlett_df"].unique().tolist() == [55]
    assert tables["index_weights"].groupby("index")["indicator"].size()["level"] == 11
    panel = tables["panel"].set_index("region")
    assert panel.loc["all"].tolist() == [286, 2009, 2018, 2860, 286, 0]
    assert panel["units"].drop("all").to_dict() == dict(sorted(PanelSimulation(seed=21).cities.items()))


def test_the_equation_s_own_variables_are_interpolated_without_indices() -> None:
    frame = simulate(n_units=6, n_times=6, n_regions=1, seed=1)
    frame.loc[2, "y"] = np.nan
    frame.loc[0, "x0"] = np.nan
    prepared = prepare_panel(frame, sample_spec(region="", interpolate={}))
    assert prepared.frame.loc[2, "y"] == pytest.approx(frame.loc[[1, 3], "y"].mean())
    assert np.isnan(prepared.frame.loc[0, "x0"]), "an end is no gap"
    assert prepared.interpolation.account["variable"].tolist() == ["y", "x0", "x1"]
    assert panel_tables(prepared)["panel"]["region"].tolist() == ["all"]


def test_gaps_and_short_units_are_counted() -> None:
    frame = simulate(n_units=4, n_times=6, n_regions=2, seed=2)
    gone = [2, 6]  # the third period of the first unit, the first of the second
    table = panel_tables(prepare_panel(frame.drop(index=gone), sample_spec()))["panel"].set_index("region")
    assert table.loc["all", ["rows", "balanced_units", "units_with_gaps"]].tolist() == [22, 2, 1]
    assert table.loc["r0", ["rows", "balanced_units", "units_with_gaps"]].tolist() == [10, 0, 1]


def test_a_spec_names_its_indices_by_file(tmp_path: Path) -> None:
    text = 'outcome = "level"\nunit = "u"\ntime = "t"\nindices = "mine.toml"\n'
    spec = tmp_path / "spec.toml"
    spec.write_text(text)
    with pytest.raises(InputError, match=r"indices.*mine\.toml: file not found") as caught:
        read_dynamic_panel_spec(spec)
    assert "\n" not in str(caught.value)
    (tmp_path / "mine.toml").write_text("[dimensions]\nhealth = 3\n")
    with pytest.raises(InputError, match=r"mine\.toml.*dimensions\.health") as caught:
        read_dynamic_panel_spec(spec)
    assert "\n" not in str(caught.value)
    (tmp_path / "mine.toml").write_text('[dimensions]\nhealth = ["beds", "doctors"]\n')
    assert read_dynamic_panel_spec(spec).indices.indicators == ("beds", "doctors")
    spec.write_text(text.replace('"mine.toml"', '{ dimensions = { a = ["b", "c"] } }'))
    assert read_dynamic_panel_spec(spec).indices.indicators == ("b", "c")


INDICES = {"dimensions": {"health": ("beds", "doctors")}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": INDICES}, "indices are computed but not used: name the outcome or a predictor level"),
        ({"indices": "indices.toml", "outcome": "level"}, "names a file, which only a spec in a file can do"),
        ({"latent": {}}, "latent needs indices"),
        ({"latent": {}, "indices": INDICES, "outcome": "level_urban"}, 'outcome "level" or "differentiation" itself'),
        ({"latent": {}, "indices": INDICES, "outcome": "level", "log": ("level",)}, "got level in logarithms"),
        (
            {"latent": {}, "indices": INDICES | {"differentiation": "ratio"}, "outcome": "differentiation"},
            'latent needs indices.differentiation = "difference"; got "ratio"',
        ),
        (
            {"latent": {}, "indices": INDICES | {"loadings": "separate"}, "outcome": "level"},
            'latent needs indices.loadings = "shared" or "urban"',
        ),
        ({"interpolate": {"ends": "extrapolate"}}, "interpolate.ends"),
    ],
)
def test_incompatible_choices_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        sample_spec(**changes)


def test_an_index_may_be_a_predictor() -> None:
    assert sample_spec(indices=INDICES, predictors=("level",)).indices is not None


def test_rows_that_cannot_be_used_are_one_line(rows: pd.DataFrame, digital: DynamicPanelSpec) -> None:
    rows = rows[rows["region"] == "northeastern"]
    cases = [
        (rows.drop(columns="beds_rural"), digital, "needs the column 'beds_rural'"),
        (rows.assign(level=1.0), digital, "the data have a column 'level', which the index of that name would replace"),
        (rows, digital.model_copy(update={"indices": None}), "no column 'level', which is the name of an index"),
        (pd.concat([rows, rows.iloc[:1]]), digital, "repeat a unit and period, the first city 001, 2009"),
        (rows.assign(year=rows["year"] + 0.5), digital, "whole numbers such as years are wanted; got 2009.5"),
        (rows.assign(beds_urban="many"), digital, "numbers are wanted; got 'many'"),
        (rows.drop(columns="region"), digital, "needs the column 'region'"),
        (rows.assign(roads_urban=1.0, roads_rural=1.0), digital, "roads is constant"),
    ]
    for frame, spec, message in cases:
        with pytest.raises(InputError, match=message) as caught:
            prepare_panel(frame, spec)
        assert "\n" not in str(caught.value), message

"""A small study folder, and the shipped panel table with its compiled model."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bayesgov.published.regions import bayesian
from bayesgov.published.regions.bayesian import ModelInputs
from bayesgov.published.regions.design import RegionTable, read_region_table
from bayesgov.sampling import CompiledModel, compile_model
from bayesgov.spec import RegionsSpec, read_published_spec
from bayesgov.study import Study, load_study

REGIONS = ("north", "south", "east", "west")

_STUDY = """
key = "small"
summary = "three terms in four regions"
inference = "classical"
[citation]
title = "Made up for a test"
authors = ["Nobody"]
[[tables]]
id = "1"
file = "table.csv"
caption = "Estimates"
"""


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[[dict[str, tuple[list[str], list[str]]]], Study]:
    """Write and read a study whose table holds, by term, printed estimates and t-values in four regions."""

    def make(cells: dict[str, tuple[list[str], list[str]]]) -> Study:
        lines = ["table,row,column,printed,decimals"]
        for term, printed in cells.items():
            for row, values in zip(("estimate", "t"), printed, strict=True):
                for region, value in zip(REGIONS, values, strict=True):
                    lines.append(f"1,{term}.{row},{region},{value},{len(value.partition('.')[2])}")
        (tmp_path / "study.toml").write_text(_STUDY)
        (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
        return load_study(tmp_path)

    return make


@pytest.fixture
def small_spec() -> RegionsSpec:
    return RegionsSpec(
        table="1",
        terms=("x", "x_lag", "y_lag"),
        regions=REGIONS,
        lagged_outcome="y_lag",
        effect="x",
        effect_lag="x_lag",
    )


@pytest.fixture(scope="session")
def panel() -> Study:
    return load_study("panel")


@pytest.fixture(scope="session")
def panel_spec(panel: Study) -> RegionsSpec:
    spec = read_published_spec(panel.folder).regions
    assert spec is not None
    return spec


@pytest.fixture(scope="session")
def panel_table(panel: Study, panel_spec: RegionsSpec) -> RegionTable:
    return read_region_table(panel, panel_spec)


@pytest.fixture(scope="session")
def panel_inputs(panel_table: RegionTable, panel_spec: RegionsSpec) -> ModelInputs:
    return bayesian.model_inputs(panel_table, panel_spec.mean_prior_scale, panel_spec.heterogeneity_prior_scale)


@pytest.fixture(scope="session")
def panel_compiled(panel_table: RegionTable, panel_inputs: ModelInputs) -> CompiledModel:
    return compile_model(bayesian.build_model(panel_table, panel_inputs))

"""One run folder, written once, that the tests of this folder read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from report import report_samples

from bayesgov.data import read_table
from bayesgov.report.document import write_run
from bayesgov.report.fit_run import document
from bayesgov.spec import SamplingSpec
from bayesgov.study import models_folder
from bayesgov.survey.analysis import SurveyAnalysis, analyse
from bayesgov.survey.spec import read_cumulative_spec


@pytest.fixture(scope="session")
def tree() -> xr.DataTree:
    posterior = xr.Dataset(
        {"beta": (("chain", "draw", "term"), np.arange(24.0).reshape(2, 4, 3))}, coords={"term": ["a", "bb", "c"]}
    )
    return xr.DataTree.from_dict({"posterior": posterior})


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, tree: xr.DataTree) -> Path:
    """A run with a failing diagnostic and a crashed step."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_run(folder, report_samples.document(), {"survey, horseshoe": tree}, {"survey.toml": "seed = 1\n"})
    return folder


@pytest.fixture(scope="session")
def page(run_folder: Path) -> str:
    return (run_folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def rows_found() -> SurveyAnalysis:
    """A fit of both schools to the housing data: a factor of four levels, weights, and too few draws to pass."""
    folder = models_folder() / "survey"
    few = SamplingSpec(seed=1, chains=2, draws=100, tune=100, target_accept=0.9)
    spec = read_cumulative_spec(folder / "housing.toml").model_copy(update={"sampling": few})
    table = read_table(folder / "data" / "housing.csv")
    return analyse(spec, table, ("frequentist", "bayesian"), seed=1, progress=lambda _message: None)


@pytest.fixture(scope="session")
def rows_run(rows_found: SurveyAnalysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rows") / "run"
    write_run(place, document(rows_found, "bundled real data", {"seed": "1"}), {}, {})
    return place


@pytest.fixture(scope="session")
def rows_page(rows_run: Path) -> str:
    return (rows_run / "report.html").read_text(encoding="utf-8")

"""One run folder, written once, that the tests of this folder read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from report import report_samples

from bayesgov.report.document import write_run


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

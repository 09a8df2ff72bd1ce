"""A fit that was written is the same fit when it is read."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import BaseModel

from bayesgov.errors import InputError
from bayesgov.fits import Check, EstimatorFit, PosteriorFit, estimator_tree
from bayesgov.runs import load_fit, load_fits, load_run, record


class SomeSpec(BaseModel):
    link: str = "logit"


CHECKS = (
    Check("rhat_max", 1.02, 1.01, "fail", "größer: run longer"),
    Check("hansen_p", None, 0.05, "not applicable", "exactly identified"),
    Check("limit", float("inf"), None, "warn"),
)


def _recorded(fit):
    return record(fit, spec=SomeSpec(), data="rows.csv", checksum="abc", seed=3, n_obs=7)


def _estimator(label="frequentist"):
    tree = estimator_tree(["beta[a]", "threshold[1|2]"], np.array([1.0, -2.0]), np.array([0.5, 1.0]))
    return _recorded(EstimatorFit(label, tree, CHECKS))


def _posterior(label="bayesian"):
    rng = np.random.default_rng(1)
    draws = xr.Dataset(
        {
            "beta": (("chain", "draw", "term"), rng.normal(size=(2, 50, 2))),
            "aside": (("chain", "draw"), np.ones((2, 50))),
        },
        {"term": ["a", "b"]},
    )
    return _recorded(PosteriorFit(label, xr.DataTree.from_dict({"posterior": draws}), ("beta",), CHECKS))


def _write(folder, *fits):
    (folder / "tables").mkdir(parents=True)
    (folder / "provenance.json").write_text(json.dumps({"seed": "3"}), "utf-8")
    pd.DataFrame({"level": ["None", "NA"], "count": [1, 2]}).to_csv(folder / "tables" / "flow.csv", index=False)
    for fit in fits:
        fit.tree.to_zarr(folder / "trees" / f"{fit.label}.zarr", consolidated=False)
    return folder


@pytest.mark.parametrize("make", [_estimator, _posterior])
def test_a_fit_comes_back_as_it_was(tmp_path, make):
    fit = make()
    fit.tree.to_zarr(tmp_path / "x.zarr", consolidated=False)
    again = load_fit(tmp_path / "x.zarr")
    assert type(again) is type(fit)
    assert (again.label, again.approach, again.checks()) == (fit.label, fit.approach, CHECKS)
    pd.testing.assert_frame_equal(again.estimates(0.9), fit.estimates(0.9))
    assert again.tree.attrs == fit.tree.attrs
    assert {name: again.tree.attrs[name] for name in ("data", "data_sha256", "seed", "n_obs")} == {
        "data": "rows.csv",
        "data_sha256": "abc",
        "seed": 3,
        "n_obs": 7,
    }
    assert json.loads(again.tree.attrs["spec"]) == {"link": "logit"}


def test_an_estimator_is_recorded_with_draws_and_keeps_those_of_a_bootstrap():
    fit = _estimator()
    first = fit.tree["sampling_distribution"].to_dataset()
    assert set(first.data_vars) == {"beta", "threshold"}
    fit.tree["sampling_distribution"] = xr.DataTree(first + 1)
    assert _recorded(fit).tree["sampling_distribution"].to_dataset().equals(first + 1)


def test_a_run_comes_back_with_the_estimators_first(tmp_path):
    run = load_run(_write(tmp_path / "run", _posterior(), _estimator()))
    assert list(run.fits) == ["frequentist", "bayesian"]
    assert run.provenance == {"seed": "3"}
    assert run.tables["flow"]["level"].tolist()[0] == "None"


def test_labels_name_the_run_where_they_must(tmp_path):
    one, two = _write(tmp_path / "one", _posterior(), _estimator()), _write(tmp_path / "two", _posterior())
    assert [fit.label for fit in load_fits([one])] == ["frequentist", "bayesian"]
    assert [fit.label for fit in load_fits([one, two])] == ["one/frequentist", "one/bayesian", "two/bayesian"]
    assert [fit.label for fit in load_fits([one / "trees" / "frequentist.zarr", two])] == ["frequentist", "bayesian"]
    (tmp_path / "far").mkdir()
    shutil.copytree(two, tmp_path / "far" / "two")
    labels = [fit.label for fit in load_fits([two, tmp_path / "far" / "two"])]
    assert len(set(labels)) == 2


def test_what_is_no_run_or_fit_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"no provenance\.json: make one with bayesgov fit"):
        load_run(tmp_path)
    with pytest.raises(InputError, match="a fit's tree was wanted"):
        load_fit(tmp_path / "none.zarr")
    xr.DataTree.from_dict({"posterior": xr.Dataset()}).to_zarr(tmp_path / "other.zarr", consolidated=False)
    with pytest.raises(InputError, match=r"no label, approach, .*: fit it again"):
        load_fit(tmp_path / "other.zarr")

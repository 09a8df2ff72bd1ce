"""Specs of dynamic panels: what they accept, and the GMM that they ask for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from panel.panel_samples import sample_spec
from pydantic import ValidationError

from bayesgov.errors import InputError
from bayesgov.panel.cube import panel_from_frame
from bayesgov.panel.gmm import fit_gmm
from bayesgov.panel.spec import gmm_model, read_dynamic_panel_spec

MODELS = Path(__file__).resolve().parents[2] / "models" / "panel"


def test_regressors_are_lags_of_the_outcome_then_predictors_with_theirs() -> None:
    spec = sample_spec(outcome_lags=2, predictor_lags=0, lags={"x1": 2})
    assert [entry.name for entry in spec.regressors()] == ["L1.y", "L2.y", "x0", "x1", "L1.x1", "L2.x1"]


def test_what_varies_between_regions() -> None:
    spec = sample_spec(varying=("y", "intercept"))
    assert [spec.varies(name) for name in ("y", "x0", "intercept")] == [True, False, True]
    assert not sample_spec(pooling="complete").varies("y")
    assert not sample_spec(region="").varies("y")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"varying": ("z",)}, "varying names 'z'; it may name: y, x0, x1, intercept"),
        ({"log": ("z",)}, "log names 'z'"),
        ({"gmm": {"endogenous": ("y",)}}, "gmm.endogenous names 'y'"),
        ({"predictors": ("y",)}, "different columns"),
        ({"initial": "stationary"}, 'needs stationarity = "bounded"'),
        ({"outcome_lags": 2, "stationarity": "bounded"}, "needs outcome_lags = 1"),
        ({"correlation": "lkj", "pooling": "none"}, 'needs pooling = "partial"'),
    ],
)
def test_incompatible_choices_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        sample_spec(**changes)


@pytest.mark.parametrize("name", ["digital", "equalisation", "produc", "empluk"])
def test_ready_specs_can_be_read(name: str) -> None:
    spec = read_dynamic_panel_spec(MODELS / f"{name}.toml")
    assert spec.label
    assert not spec.data or (MODELS / spec.data).is_file()


def test_a_bad_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('outcome = "y"\nunit = "u"\ntime = "t"\npooling = "some"\n')
    with pytest.raises(InputError, match="pooling") as caught:
        read_dynamic_panel_spec(path)
    assert "\n" not in str(caught.value)


def test_the_ready_spec_of_empluk_is_arellano_and_bond_s_column_a2() -> None:
    # shared/reference/gmm.md, S2: xtabond2's printed digits
    spec = read_dynamic_panel_spec(MODELS / "empluk.toml")
    frame = pd.read_csv(MODELS / spec.data)
    frame = frame.assign(**{name: np.log(frame[name]) for name in spec.log})
    panel = panel_from_frame(frame, spec.unit, spec.time, spec.variables)
    fit = fit_gmm(panel, gmm_model(spec), steps=spec.gmm.steps, robust=spec.gmm.robust, small=spec.gmm.small)
    assert fit.names[:2] == ("L1.emp", "L2.emp")
    np.testing.assert_allclose(fit.coefficients[0], 0.628709, atol=5.1e-7)
    np.testing.assert_allclose(fit.std_errors[0], 0.193413, atol=5.1e-7)
    assert fit.hansen.statistic == pytest.approx(31.381, abs=5e-4)


def test_limits_and_kinds_choose_the_instruments() -> None:
    spec = sample_spec(
        gmm={"endogenous": ("x0",), "collapse": True, "limits": {"y": {"first": 2, "last": 4, "collapse": False}}}
    )
    model = gmm_model(spec)
    styles = {entry.variable: entry for entry in model.instruments if hasattr(entry, "first")}
    assert (styles["y"].first, styles["y"].last, styles["y"].collapse) == (2, 4, False)
    assert (styles["x0"].first, styles["x0"].last, styles["x0"].collapse) == (2, None, True)
    assert [(entry.variable, entry.lag) for entry in model.instruments if not hasattr(entry, "first")] == [
        ("x1", 0),
        ("x1", 1),
    ]

"""Difference and system GMM against R's plm: many instruments for few units, and a panel with gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayesgov.panel.cube import Panel, panel_from_frame
from bayesgov.panel.gmm import fit_gmm
from bayesgov.panel.instruments import GmmModel, GmmStyle, Regressor

DATA = Path(__file__).resolve().parents[2] / "models" / "panel" / "data"
REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "panel_gmm_more.json"
VARIABLES = {"EmplUK": ("emp", "wage", "capital"), "Produc": ("gsp", "emp", "pcap")}
CASES: list[dict[str, Any]] = json.loads(REFERENCE.read_text("utf-8"))


@pytest.fixture(scope="module")
def panels() -> dict[str, Panel]:
    employment, states = pd.read_csv(DATA / "EmplUK.csv"), pd.read_csv(DATA / "Produc.csv")
    years = employment.groupby("firm")["year"]
    inside = (employment["year"] > years.transform("min") + 1) & (employment["year"] < years.transform("max") - 1)
    lost = inside & ((7 * employment["firm"] + 3 * employment["year"]) % 11 < 2)  # as in panel_gmm_more.R
    assert lost.sum() > 50
    frames = {"EmplUK": (employment[~lost], "firm"), "Produc": (states, "state")}
    panels = {}
    for name, (frame, unit) in frames.items():
        logs = frame.assign(**{variable: np.log(frame[variable]) for variable in VARIABLES[name]})
        panels[name] = panel_from_frame(logs, unit, "year", VARIABLES[name])
    return panels


def _name(case: dict[str, Any]) -> str:
    flags = [name for name in ("system", "collapse", "time_effects") if case[name]]
    return " ".join([case["source"], case["steps"], *flags])


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_gmm_equals_plm(case: dict[str, Any], panels: dict[str, Panel]) -> None:
    names = VARIABLES[case["source"]]
    last = 4 if case["source"] == "EmplUK" else 3
    model = GmmModel(
        names[0],
        (Regressor(names[0], 1), Regressor(names[1]), Regressor(names[2])),
        tuple(GmmStyle(name, 2, last, collapse=case["collapse"]) for name in names),
        system=case["system"],
        # plm gives time dummies of system GMM to the level equation alone
        time_effects="none" if not case["time_effects"] else "level" if case["system"] else "both",
    )
    fit = fit_gmm(panels[case["source"]], model, steps=case["steps"])
    # plm inverts S and its generalised inverse again, which costs digits where S is nearly singular
    np.testing.assert_allclose(fit.coefficients[:3], case["coefficients"], rtol=0, atol=5e-7)
    np.testing.assert_allclose(fit.std_errors[:3], case["std_errors"], rtol=0, atol=5e-7)
    assert (fit.n_instruments, fit.hansen.df) == (case["n_instruments"], case["df"])
    if case["steps"] == "two":  # plm's after one step has the one-step weight and no variance of the errors
        assert fit.hansen.statistic == pytest.approx(case["hansen"], rel=1e-6)

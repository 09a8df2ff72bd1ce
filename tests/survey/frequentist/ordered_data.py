"""Specs and Designs behind the reference numbers of reference/ordinal_models.R."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.spec import CumulativeSpec

REFERENCE = Path(__file__).parents[2] / "reference"
R = json.loads((REFERENCE / "ordinal_models.json").read_text())
MODELS = Path(__file__).parents[3] / "models" / "survey" / "data"


def spec(**settings):
    return CumulativeSpec(formula="y ~ x", **settings)


def wine(terms=("temp", "contact"), scale=()):
    data = pd.read_csv(MODELS / "wine.csv")
    columns = {"temp": data["temp"] == "warm", "contact": data["contact"] == "yes"}
    return design_from_arrays(
        data["rating"].to_numpy() - 1,
        np.column_stack([columns[term] for term in terms]),
        levels="12345",
        terms=terms,
        nominal=(),
        scale_x=np.column_stack([columns[term] for term in scale]) if scale else None,
        scale_terms=scale,
        group=data["judge"].to_numpy() - 1,
        groups=[str(judge) for judge in range(1, 10)],
        group_name="judge",
    )


def housing():
    data = pd.read_csv(MODELS / "housing.csv")
    columns = {f"Infl[{level}]": data["Infl"] == level for level in ("Medium", "High")}
    columns |= {f"Type[{level}]": data["Type"] == level for level in ("Apartment", "Atrium", "Terrace")}
    columns["Cont[Low]"] = data["Cont"] == "Low"
    return design_from_arrays(
        data["Sat"].map({"Low": 0, "Medium": 1, "High": 2}).to_numpy(),
        np.column_stack(list(columns.values())),
        levels=["Low", "Medium", "High"],
        terms=list(columns),
        factors=["Infl"] * 2 + ["Type"] * 3 + ["Cont"],
        weights=data["Freq"].to_numpy(),
    )


def rows(weighted=True, scale=False, centred=False):
    data = pd.read_csv(REFERENCE / "ordinal_rows.csv")
    x = np.column_stack([data["year"] - 2010 * centred, data["income"] / 1000, data["urban"]])
    return design_from_arrays(
        data["level"].to_numpy() - 1,
        x,
        levels="123456",
        terms=["year", "income", "urban"],
        weights=data["weight"].to_numpy() if weighted else None,
        offset=data["shift"].to_numpy() if weighted and not centred else None,
        scale_x=x[:, 2:] if scale else None,
        scale_terms=["urban"] if scale else (),
        group=data["village"].to_numpy() - 1,
        groups=[f"village {code}" for code in range(1, 26)],
    )

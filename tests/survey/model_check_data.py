"""The Designs of tests/reference/model_checks.R and the numbers that R found on them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.spec import CumulativeSpec

FOLDER = Path(__file__).parents[1] / "reference"
HOUSING = Path(__file__).parents[2] / "models" / "survey" / "data" / "housing.csv"
REFERENCE = json.loads((FOLDER / "model_checks.json").read_text(encoding="utf-8"))
SPEC = CumulativeSpec(formula="y ~ age + score + woman + region")


def simulated(**changes):
    """400 weighted rows, 4 levels, five columns of four predictors; the effect of woman is not proportional."""
    rows = pd.read_csv(FOLDER / "model_checks.csv")
    x = np.column_stack([rows.age, rows.score, rows.woman, rows.region == "north", rows.region == "west"])
    arrays = {
        "levels": "1234",
        "terms": ("age", "score", "woman", "region[north]", "region[west]"),
        "factors": ("age", "score", "woman", "region", "region"),
        "weights": rows.w.to_numpy(),
    }
    return design_from_arrays(rows.y.to_numpy() - 1, x, **(arrays | changes))


def housing():
    """MASS's housing: 72 rows with frequencies, 24 covariate patterns, 3 levels."""
    rows = pd.read_csv(HOUSING)
    contrasts = {"Infl": ("Medium", "High"), "Type": ("Apartment", "Atrium", "Terrace"), "Cont": ("Low",)}
    columns = {f"{name}[{level}]": rows[name] == level for name, levels in contrasts.items() for level in levels}
    return design_from_arrays(
        rows.Sat.map({"Low": 0, "Medium": 1, "High": 2}).to_numpy(),
        np.column_stack(list(columns.values())),
        levels=("Low", "Medium", "High"),
        terms=tuple(columns),
        factors=tuple(term.split("[")[0] for term in columns),
        weights=rows.Freq.to_numpy(),
    )

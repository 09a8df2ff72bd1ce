"""The two schools' selections of variables as one table and figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesgov.survey.design import Design


def selection_side_by_side(tables: Mapping[str, pd.DataFrame], design: Design) -> dict[str, pd.DataFrame]:
    """The Lasso and the projection on one axis, the number of variables, and their orders of entry."""
    path = tables["projection"]
    models = tables["lasso_path"]["model"].unique()
    model = models[-1]  # the ordinal path where there is one
    folds = tables["lasso_errors"]
    folds = folds[(folds["model"] == model) & folds["std_error"].notna()]
    # several penalties share a size: the best of them stands for it
    best = folds.loc[folds.groupby("n_variables")["error"].idxmin()]
    lasso_name, projection_name = f"Lasso, {model}", "Projection of the posterior"
    curves = pd.concat(
        [
            pd.DataFrame(
                {
                    "procedure": lasso_name,
                    "size": best["n_variables"],
                    "estimate": best["error"],
                    "lower": best["lower"],
                    "upper": best["upper"],
                    "ylabel": "cross-validated error",
                }
            ),
            pd.DataFrame(
                {
                    "procedure": projection_name,
                    "size": path["size"],
                    "estimate": path["elpd_difference"],
                    "lower": path["elpd_difference"] - path["elpd_difference_se"],
                    "upper": path["elpd_difference"] + path["elpd_difference_se"],
                    "ylabel": "elpd less that of the full model",
                }
            ),
        ],
        ignore_index=True,
    )
    chosen = tables["lasso_chosen"]
    chosen = chosen[(chosen["model"] == model) & ~chosen["criterion"].str.contains("generalised")]
    rules = [(lasso_name, rule, size) for rule, size in zip(chosen["rule"], chosen["n_variables"], strict=True)]
    rules.append((projection_name, "suggested", int(path.loc[path["suggested"], "size"].iloc[0])))
    return {
        "selection_curves": curves,
        "selection_chosen": pd.DataFrame(rules, columns=["procedure", "rule", "size"]),
        "selection_order": _order_of_entry(tables["lasso_path"], path, design, model),
    }


def _order_of_entry(lasso: pd.DataFrame, projection: pd.DataFrame, design: Design, model: str) -> pd.DataFrame:
    """Rank of every factor in both procedures; a factor enters the Lasso with its first contrast."""
    path = lasso[(lasso["model"] == model) & (lasso["coefficient"] != 0)]
    largest = path.groupby("term")["lambda"].max()
    factors = list(dict.fromkeys(design.factors))
    entry = [
        max((largest.get(term, 0.0) for term, of in zip(design.terms, design.factors, strict=True) if of == factor))
        for factor in factors
    ]
    place = {factor: index for index, factor in enumerate(projection["term"].iloc[1:], start=1)}
    return pd.DataFrame(
        {
            "term": factors,
            "Lasso": np.argsort(np.argsort(-np.asarray(entry), kind="stable"), kind="stable") + 1,
            "projection": [place.get(factor, len(factors)) for factor in factors],
        }
    )

"""The two schools' selections of variables as one table and figure, and as a group of each Fit's tree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

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


def lasso_selection(tables: Mapping[str, pd.DataFrame], design: Design) -> xr.Dataset:
    """What the Lasso selects: on the ordinal path where there is one, else on the gaussian.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With "lasso_selected" and, where samples were drawn again, "selection_frequency".
    design : Design

    Returns
    -------
    xarray.Dataset
        Dims ``rule`` ("lambda.min", "lambda.1se") and ``term`` (named as estimates are: ``beta[temp[warm]]``);
        ``selected`` (1 or 0) and ``frequency``, the share of bootstrap samples that select the term at the same
        penalty (NaN where none were drawn).
    """
    selected = tables["lasso_selected"]
    model = selected["model"].iloc[-1]
    selected = selected[(selected["model"] == model) & ~selected["criterion"].str.contains("generalised")]
    drawn = tables.get("selection_frequency", pd.DataFrame(columns=["model", "rule", "term", "frequency"]))
    drawn = drawn[drawn["model"] == model]
    rules = list(dict.fromkeys(selected["rule"]))
    chosen, frequency = [], []
    for rule in rules:
        own = selected[selected["rule"] == rule].set_index("term")["selected"]
        # one penalty may answer to both rules: "λ.min and λ.1se"
        same = np.array([rule in str(entry).split(" and ") for entry in drawn["rule"]], dtype=bool)
        again = drawn.loc[same].set_index("term")["frequency"]
        chosen.append(own.reindex(list(design.terms), fill_value=False).to_numpy(dtype=float))
        frequency.append(again.reindex(list(design.terms)).to_numpy(dtype=float))
    return _selection([rule.replace("λ", "lambda") for rule in rules], design, chosen, frequency)


def projection_selection(tables: Mapping[str, pd.DataFrame], design: Design) -> xr.Dataset:
    """What projection of the posterior selects, up to the suggested size; a factor with all its contrasts.

    Returns
    -------
    xarray.Dataset
        As :func:`lasso_selection`, rule "projection". There is one search on all draws, so ``frequency`` is NaN.
    """
    path = tables["projection"]
    size = int(path.loc[path["suggested"], "size"].iloc[0])
    factors = set(path.loc[path["size"].between(1, size), "term"])
    chosen = np.array([factor in factors for factor in design.factors], dtype=float)
    return _selection(["projection"], design, [chosen], [np.full(design.n_terms, np.nan)])


def _selection(rules: list[str], design: Design, selected: list[np.ndarray], frequency: list[np.ndarray]) -> xr.Dataset:
    dims = ("rule", "term")
    return xr.Dataset(
        {"selected": (dims, np.array(selected)), "frequency": (dims, np.array(frequency))},
        coords={"rule": rules, "term": [f"beta[{term}]" for term in design.terms]},
    )

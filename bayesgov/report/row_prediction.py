"""The report's sections on rows held out of both schools, and on the Lasso's penalty as a prior."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesgov.report import held_out_figures, panel_figures
from bayesgov.report.content import Block, ReportFigure
from bayesgov.report.pieces import NORMAL, figure_parts
from bayesgov.report.row_tables import Tables, label_of, table

_SCHOOLS = {"frequentist": "maximum likelihood", "bayesian": "posterior"}
_MOST_LEVELS, _MOST_TERMS = 12, 12  # panels in one figure


def held_out_blocks(tables: Tables, shown: Tables) -> tuple[Block, ...]:
    """Scores and calibration of predictions for rows that neither school has seen."""
    if "held_out_scores" not in tables:
        return ()
    scores = tables["held_out_scores"]
    folds = scores["fold"].nunique() - 1
    return (
        *table(
            shown,
            "held_out_scores",
            "Scores of predictions for rows held out",
            f"Mean scores of an observation in {folds} folds, the same for every approach; clusters or groups stay "
            "whole. “Level shares” predicts every level by its share outside the fold and knows no predictor.",
            digits=4,
        ),
        *table(
            shown,
            "held_out_differences",
            "Differences of held-out scores",
            "Paired differences of the mean score, first less second, with standard errors over observations, or over "
            "clusters where folds keep them whole, and 95% confidence limits. That folds share the rows that they are "
            "fitted to is not in them.",
        ),
        *_calibration(tables),
        *_pit(tables),
        *table(
            shown,
            "held_out_folds",
            "Scores by fold",
            "The same scores in every fold.",
            folded=True,
            digits=4,
        ),
        *table(
            shown,
            "calibration",
            "Predicted and observed shares",
            "By level, in bins of equally many observations, ordered by the predicted probability; standard errors of "
            "the difference.",
            folded=True,
        ),
    )


def _calibration(tables: Tables) -> tuple[ReportFigure, ...]:
    if "calibration" not in tables:
        return ()
    found = tables["calibration"]
    reach = NORMAL * found["std_error"]
    data = found.assign(
        series=found["approach"].map(_SCHOOLS),
        lower=np.clip(found["observed"] - reach, 0, 1),
        upper=np.clip(found["observed"] + reach, 0, 1),
    )
    data = data[["level", "series", "predicted", "observed", "lower", "upper"]]
    parts = figure_parts(list(dict.fromkeys(data["level"])), _MOST_LEVELS, "levels")
    return tuple(_reliability(data[data["level"].isin(levels)], *ends) for *ends, levels in parts)


def _reliability(data: pd.DataFrame, key_end: str, title_end: str) -> ReportFigure:
    return ReportFigure(
        f"calibration{key_end}",
        f"Whether predicted probabilities come true{title_end}",
        "Share of held-out observations that have a level against its mean predicted probability, in bins of equally "
        "many observations, with 95% confidence limits of the difference around the observed share.",
        "Marks on the diagonal: of those predicted to have a level with probability 0.3, three in ten do. Flatter than "
        "the diagonal: predictions too extreme; steeper: too timid.",
        _off_the_diagonal(data),
        held_out_figures.reliability(data),
        data,
    )


def _off_the_diagonal(data: pd.DataFrame) -> str:
    known = data.dropna(subset=["lower", "upper"])
    missed = (known["predicted"] < known["lower"]) | (known["predicted"] > known["upper"])
    words = [
        f"{series}: {int(missed[known['series'] == series].sum())} of {int((known['series'] == series).sum())} limits "
        f"leave the predicted share out, mean distance "
        f"{(mine['observed'] - mine['predicted']).abs().mean():.3f}"
        for series, mine in data.groupby("series", sort=False)
    ]
    return f"{'; '.join(words)}."


def _pit(tables: Tables) -> tuple[ReportFigure, ...]:
    if "held_out_pit" not in tables:
        return ()
    found = tables["held_out_pit"]
    data = found.assign(series=found["approach"].map(_SCHOOLS))[["series", "lower", "upper", "density"]]
    scores = tables["held_out_scores"]
    n_obs = float(scores.loc[scores["fold"] == "all", "rows"].iloc[0])
    low, high = held_out_figures.pit_limits(data["lower"].nunique(), n_obs)
    outside = (data["density"] < low) | (data["density"] > high)
    counts = "; ".join(
        f"{series} {int(outside[data['series'] == series].sum())} of {len(mine)}"
        for series, mine in data.groupby("series", sort=False)
    )
    return (
        ReportFigure(
            "held-out-pit",
            "Where outcomes fall in their predictions",
            "Histogram of the probability integral transform of held-out outcomes, each outcome's weight spread over "
            "the step that it is (Czado, Gneiting & Held 2009). Band: central 95% of a bin of so many independent, "
            "calibrated observations, if each were a single value; the spread ones vary less.",
            "Flat at one: calibrated. A U: predictions too narrow; a hill: too wide; a slope: shifted.",
            f"Bins outside the band: {counts}.",
            held_out_figures.pit_histogram(data, n_obs),
            data,
        ),
    )


def dial_blocks(tables: Tables, shown: Tables, labels: Mapping[str, str]) -> tuple[Block, ...]:
    """The Lasso's penalties as Laplace priors: paths of both, and what each penalty says before the data."""
    if "dial_path" not in tables:
        return ()
    path = tables["dial_path"]
    path = path.assign(panel=[label_of(term, labels) for term in path["term"]], x=path["log_lambda"])
    parts = figure_parts(list(dict.fromkeys(path["panel"])), _MOST_TERMS, "coefficients")
    return (
        *(_paths(path[path["panel"].isin(panels)], *ends) for *ends, panels in parts),
        *table(
            shown,
            "dial",
            "What each penalty says before and after the data",
            "Scale of the Laplace prior that the penalty is; McFadden's R² that the prior implies (prior predictive "
            "median and central 95%) and that the Lasso reaches; effective number of coefficients under the prior and "
            "under the posterior, and the number that the Lasso leaves.",
        ),
        *table(
            shown,
            "dial_path",
            "Coefficients at every penalty",
            "The Lasso's, and posterior medians with 95% equal-tailed credible limits.",
            folded=True,
        ),
    )


def _paths(path: pd.DataFrame, key_end: str, title_end: str) -> ReportFigure:
    lasso = path.assign(series="Lasso", estimate=path["lasso"], lower=np.nan, upper=np.nan)
    posterior = path.assign(series="posterior under the prior of the same penalty", estimate=path["median"])
    data = pd.concat([lasso, posterior], ignore_index=True)
    data = data[["panel", "series", "x", "estimate", "lower", "upper"]]
    return ReportFigure(
        f"dial{key_end}",
        f"Lasso and posterior at the same shrinkage{title_end}",
        "Coefficients in the predictors' own units along the Lasso's penalty λ, strongest on the right: the Lasso's, "
        "and posterior medians with 95% equal-tailed credible bands under the Laplace priors of scale 1/(Nλ) of "
        "standardised coefficients, whose mode is the Lasso.",
        "Where the Lasso is zero the posterior is not: a prior whose mode is sparse has no sparse posterior. Where the "
        "two lie together, the penalty is all that divides the schools.",
        _zero_words(path),
        panel_figures.bands(data, xlabel="log λ", ylabel="coefficient", zero=True),
        data,
    )


def _zero_words(path: pd.DataFrame) -> str:
    zero = path[path["lasso"] == 0]
    clear = int(((zero["lower"] > 0) | (zero["upper"] < 0)).sum())
    return (
        f"{path['lambda'].nunique()} penalties from {path['lambda'].min():.2g} to {path['lambda'].max():.2g}. The "
        f"Lasso is zero {len(zero)} of {len(path)} times; of the credible intervals there, {clear} leave zero out."
    )

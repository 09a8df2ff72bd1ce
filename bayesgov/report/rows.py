"""The report's sections on rows fitted by both schools: from the flow of rows to the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayesgov.report import categories, figures
from bayesgov.report.content import Block, Equation, Paragraph, ReportFigure, Section
from bayesgov.report.pieces import numbered_parts
from bayesgov.report.row_prediction import dial_blocks, held_out_blocks
from bayesgov.report.row_tables import Tables, displayed, label_of, table
from bayesgov.report.row_tests import parallel_blocks, screening_blocks, selection_blocks

_OF_DISTANCE = (
    "is the link's distribution function at threshold k less the linear predictor, with an intercept v for each group "
    "where the model has groups."
)
_EQUATIONS = {
    "cumulative": Equation(
        r"P(y_i \leq k) = F(\theta_k - x_i \beta - v_{g(i)})", f"The probability of level k or below {_OF_DISTANCE}"
    ),
    "adjacent": Equation(
        r"P(y_i = k \mid y_i \in \{k, k+1\}) = F(\theta_k - x_i \beta - v_{g(i)})",
        f"The probability of level k rather than the next {_OF_DISTANCE}",
    ),
    "continuation": Equation(
        r"P(y_i = k \mid y_i \geq k) = F(\theta_k - x_i \beta - v_{g(i)})",
        f"The probability of stopping at level k among those who reach it {_OF_DISTANCE}",
    ),
}
_MOST_CURVES = 8  # predictors in one figure of probabilities
_MOST_PARTS = 12  # panels in the figure of replicated shares


def sections(
    tables: Tables, labels: Mapping[str, str], assumptions: Sequence[str], *, rope: float, family: str
) -> tuple[Section, ...]:
    """Sections for whatever tables there are.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name, as :mod:`bayesgov.survey.analysis` makes them.
    labels : mapping of str to str
        Variable -> label of the codebook.
    assumptions : sequence of str
    rope : float
        Limit of practical equivalence, as a probability.
    family : {"cumulative", "adjacent", "continuation"}
    """
    shown = displayed(tables)
    drafts = (
        ("data", "The rows", _data(tables, shown)),
        ("coefficients", "Coefficients: both schools", _coefficients(tables, shown, rope, family)),
        ("probabilities", "What the coefficients mean for probabilities", _probabilities(tables, shown, labels)),
        ("selection", "Selection of variables", selection_blocks(tables, shown, labels)),
        ("dial", "Lasso and prior: one dial", dial_blocks(tables, shown, labels)),
        ("parallel", "Proportional odds", parallel_blocks(tables, shown)),
        ("screening", "Screening and collinearity", screening_blocks(tables, shown, labels)),
        ("fit", "Fit and prediction", _fit(tables, shown, labels)),
        ("held-out", "Prediction of rows held out", held_out_blocks(tables, shown)),
        ("assumptions", "Assumptions", tuple(Paragraph(text, "assumption") for text in assumptions)),
    )
    return tuple(Section(key, title, blocks) for key, title, blocks in drafts if blocks)


def _data(tables: Tables, shown: Tables) -> tuple[Block, ...]:
    flow = tables["flow"]
    first, last = int(flow["left"].iloc[0]), int(flow["left"].iloc[-1])
    return (
        ReportFigure(
            "row-flow",
            "From the file to the model",
            f"Rows left after each step and rows lost at it; {first:,} rows in the data, {last:,} in the model.",
            "A step that loses many rows is worth a look at who is lost, in the table below.",
            "; ".join(f"{row.reason}: {row.lost:,} lost, {row.left:,} left" for row in flow.itertuples()) + ".",
            categories.row_flow(flow),
            flow,
        ),
        *table(
            shown,
            "codebook",
            "The variables",
            "Outcome and predictors as the model takes them: what each name in the tables stands for, its levels (an "
            "ordered one from the lowest, an unordered one from its reference) or its range, and how many rows of the "
            "data lack it.",
        ),
        *table(
            shown,
            "row_loss",
            "Who is lost",
            "Means of numbers and scores and shares of levels among complete rows and among rows that listwise "
            "deletion loses, where the variable itself is known. A standardised difference beyond 0.1 in size "
            "is usually called noticeable.",
            folded=True,
        ),
        *table(
            shown,
            "missing_codes",
            "Codes that mean missing",
            "How often each code of the codebook occurs.",
            folded=True,
        ),
    )


def _coefficients(tables: Tables, shown: Tables, rope: float, family: str) -> tuple[Block, ...]:
    data = tables["forest"]
    settled = data[(data["lower"] > 0) | (data["upper"] < 0)].groupby("series", sort=False).size()
    counts = ", ".join(f"{int(settled.get(name, 0))} of the {name}" for name in dict.fromkeys(data["series"]))
    blocks: list[Block] = [
        _EQUATIONS[family],
    ]
    for span, part in numbered_parts(list(dict.fromkeys(data["label"])), 24):
        drawn = data[data["label"].isin(part)]
        several = len(part) < data["label"].nunique()
        blocks.append(
            ReportFigure(
                "coefficients" + (f"-{span.split()[0]}" if several else ""),
                "Coefficients by both schools" + (f", {span}" if several else ""),
                "Points are maximum-likelihood estimates with 95% confidence intervals and posterior medians with 95% "
                "equal-tailed credible intervals, in units of the link; a positive coefficient means higher levels.",
                "Where the intervals of the two schools lie apart, the prior decides: its shrinkage is the difference.",
                f"Intervals that leave zero out: {counts}.",
                figures.dot_interval(drawn, xlabel="coefficient (95% interval)"),
                drawn,
            )
        )
    return (
        *blocks,
        *table(
            shown,
            "frequentist_estimates",
            "Maximum likelihood",
            "Estimates with standard errors, 95% Wald confidence limits and p-values against zero (not adjusted).",
        ),
        *table(
            shown,
            "groups",
            "Groups",
            "Standard deviation of the groups' intercepts, on the scale of the link. The likelihood-ratio statistic is "
            "of no variance between groups; its p-value halves that of one degree of freedom, since zero is the edge "
            "of what a variance can be (Self & Liang 1987).",
        ),
        *table(
            shown,
            "posterior_coefficients",
            "Posterior",
            "Posterior medians with standard deviations, 95% equal-tailed credible limits and the posterior "
            "probability of a positive coefficient.",
        ),
        *table(
            shown,
            "posterior_ratios",
            "Coefficients as ratios, posterior",
            "What the odds or hazard named are multiplied by when a predictor rises by one, or against its reference "
            "level: posterior medians with 95% equal-tailed credible limits.",
            folded=True,
        ),
        *table(
            shown,
            "equivalence",
            "Practical equivalence",
            "Posterior median of the largest change, over the levels, of a level's average probability, and the "
            f"posterior probability that this change is below {rope:g}, the spec's limit of practical equivalence.",
        ),
        *table(
            shown,
            "pooled_missing",
            "What imputation adds to the uncertainty",
            "Standard errors within and between completed data sets and the fraction of missing information.",
            folded=True,
        ),
        *table(
            shown,
            "likelihood_tests",
            "Tests of each term of the formula",
            "Likelihood-ratio and joint Wald tests that a term has no effect, of the ordered model without random "
            "intercepts. Where the two differ much, the likelihood is not symmetric, and the former is to be believed.",
            folded=True,
        ),
        *table(
            shown,
            "profile_intervals",
            "Intervals by profile likelihood",
            "Maximum-likelihood estimates of the ordered model without random intercepts with profile-likelihood "
            "confidence limits, which need no symmetric likelihood.",
            folded=True,
        ),
    )


def _probabilities(tables: Tables, shown: Tables, labels: Mapping[str, str]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for name, school, kind in (
        ("posterior_curves", "posterior", "posterior medians with 95% credible bands"),
        ("probability_curves", "maximum likelihood", "estimates with 95% delta-method confidence bands"),
    ):
        data = tables.get(name)
        if data is None or (name == "probability_curves" and "posterior_curves" in tables):
            continue
        data = data.assign(predictor=[label_of(name, labels) for name in data["predictor"]])
        if data["level"].nunique() > 6:  # more lines than can be told apart; the table has them
            continue
        for span, part in numbered_parts(list(dict.fromkeys(data["predictor"])), _MOST_CURVES):
            drawn = data[data["predictor"].isin(part)]
            blocks.append(
                ReportFigure(
                    f"probabilities-{span.split()[0]}",
                    f"Predicted probabilities, predictors {span}",
                    f"Probability of every level over each predictor, the others at their means: {kind} ({school}).",
                    "Flat lines: the predictor does not matter. Lines that cross: it moves people between levels.",
                    _widest_change(drawn),
                    categories.probability_curves(drawn),
                    drawn,
                )
            )
    return (
        *blocks,
        *table(
            shown,
            "average_probabilities",
            "Average probabilities of the levels",
            "Predicted probability of every level, averaged over the rows, by both schools: estimates with 95% "
            "delta-method confidence limits, posterior medians with 95% equal-tailed credible limits; and the observed "
            "share.",
        ),
        *table(
            shown,
            "probability_curves",
            "Predicted probabilities, maximum likelihood",
            "Probability of every level over each predictor, the others at their means, with 95% delta-method "
            "confidence limits.",
            folded=True,
        ),
        *table(
            shown,
            "posterior_effects",
            "Average marginal effects, posterior",
            "Change of each level's probability, averaged over the rows: posterior median, standard deviation, "
            "credible limits, and Monte Carlo standard error of the median. Effects add up to zero over the levels.",
            folded=True,
        ),
        *table(
            shown,
            "effects",
            "Average marginal effects, maximum likelihood",
            "The same by the delta method, with p-values against zero.",
            folded=True,
        ),
    )


def _widest_change(data: pd.DataFrame) -> str:
    ranges = data.groupby(["predictor", "level"], sort=False)["estimate"].agg(
        lambda values: values.max() - values.min()
    )
    predictor, level = ranges.index[int(ranges.to_numpy().argmax())]
    return f"The largest change is that of level {level} over {predictor}: {ranges.max():.2f}."


def _fit(tables: Tables, shown: Tables, labels: Mapping[str, str]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if "replicated_shares" in tables:
        data = _named_parts(tables["replicated_shares"], labels)
        outside = (data["observed"] < data["lower"]) | (data["observed"] > data["upper"])
        drawn = data[data["part"].isin(_farthest_parts(data))]
        n_parts, n_drawn = data["part"].nunique(), drawn["part"].nunique()
        chosen = f" The {n_drawn - 1} of {n_parts - 1} parts that lie farthest from their bands' middles are drawn."
        blocks.append(
            ReportFigure(
                "replicated",
                "Observed and replicated shares",
                "Shares of the levels in the data and, as bands, the central 95% of the shares in data replicated from "
                "the posterior; in all rows and in the parts that a predictor or the group divides them into."
                + (chosen if n_drawn < n_parts else ""),
                "Squares inside their bands: the model reproduces these shares. About one in twenty may lie outside.",
                f"{int(outside.sum())} of {len(data)} observed shares, those of parts not drawn included, lie outside "
                "their bands.",
                categories.replicated_shares(drawn),
                data,
            )
        )
    return (
        *blocks,
        *table(
            shown,
            "scores",
            "Predictive scores",
            "Scores of the posterior's predictions for observations that it has not seen: totals, means and standard "
            "errors of the totals.",
            digits=5,
        ),
        *table(
            shown,
            "fit_statistics",
            "Fit statistics of maximum likelihood",
            "-2 log-likelihood in the conventions of SPSS, goodness of fit over covariate patterns, and pseudo-R².",
            digits=5,
        ),
        *table(
            shown,
            "power_scaling",
            "Prior sensitivity by power-scaling",
            "Cumulative Jensen-Shannon distance per unit of log2 power of the prior and of the likelihood; a prior "
            "value above 0.05 says that the conclusion leans on the prior.",
            folded=True,
        ),
        *table(
            shown,
            "prior_shares",
            "What the prior expects",
            "Shares of the levels before the data: prior predictive medians and central 95%.",
            folded=True,
        ),
        *table(
            shown,
            "convergence",
            "Convergence of maximum likelihood",
            "Decimals of each estimate that are correct, from the Newton step that would come next.",
            folded=True,
        ),
    )


def _farthest_parts(data: pd.DataFrame) -> list[str]:
    """All rows and the parts whose shares lie farthest from the middle of their bands, in the order of the data."""
    reach = np.maximum(0.5 * (data["upper"] - data["lower"]), np.finfo(float).tiny)
    distance: pd.Series[float] = (
        ((data["observed"] - data["median"]).abs() / reach).groupby(data["part"], sort=False).max()
    )
    farthest = distance.drop("all rows", errors="ignore").nlargest(_MOST_PARTS - 1)
    return [str(part) for part in distance.index if part == "all rows" or part in farthest.index]


def _named_parts(data: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Parts of the data by the predictor's label and the part's own name."""
    names = [
        "all rows" if variable == "all" else f"{labels.get(variable) or variable}: {part}"
        for variable, part in zip(data["variable"], data["part"], strict=True)
    ]
    return data.assign(part=names)


def forest_rows(
    frequentist: pd.DataFrame | None, posterior: pd.DataFrame | None, labels: Mapping[str, str]
) -> pd.DataFrame:
    """Estimates of both schools as rows of one forest: label, series, estimate, lower, upper."""
    parts = []
    for name, frame in (("maximum-likelihood estimates", frequentist), ("posterior medians", posterior)):
        if frame is not None:
            part = frame[["term", "estimate", "lower", "upper"]].replace([np.inf, -np.inf], np.nan)
            part.insert(1, "series", name)
            part.insert(0, "label", [label_of(term, labels) for term in part["term"]])
            parts.append(part.drop(columns="term"))
    return pd.concat(parts, ignore_index=True)

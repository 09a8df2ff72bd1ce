"""The report's sections on rows fitted by both schools: from the flow of rows to the predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayesgov.report import categories, figures, selection
from bayesgov.report.content import Block, Equation, Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.pieces import numbered_parts

_MOST_CURVES = 8  # predictors in one figure of probabilities
_MOST_PARTS = 9  # panels in one figure of replicated shares
_CRAMERS_V = 0.1  # Cohen's small effect for a table whose smaller side is two

type Tables = Mapping[str, pd.DataFrame]


def sections(tables: Tables, labels: Mapping[str, str], assumptions: Sequence[str]) -> tuple[Section, ...]:
    """Sections for whatever tables there are.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name, as :mod:`bayesgov.survey.analysis` makes them.
    labels : mapping of str to str
        Variable -> label of the codebook.
    assumptions : sequence of str
    """
    drafts = (
        ("data", "The rows", _data(tables)),
        ("coefficients", "Coefficients: both schools", _coefficients(tables)),
        ("probabilities", "What the coefficients mean for probabilities", _probabilities(tables)),
        ("selection", "Selection of variables", _selection(tables)),
        ("parallel", "Proportional odds", _parallel(tables)),
        ("screening", "Screening and collinearity", _screening(tables, labels)),
        ("fit", "Fit and prediction", _fit(tables)),
        ("assumptions", "Assumptions", tuple(Paragraph(text, "assumption") for text in assumptions)),
    )
    return tuple(Section(key, title, blocks) for key, title, blocks in drafts if blocks)


def _table(
    tables: Tables, name: str, title: str, caption: str, *, folded: bool = False, digits: int = 3
) -> tuple[ReportTable, ...]:
    """The table if there is one."""
    frame = tables.get(name)
    if frame is None or frame.empty:
        return ()
    return (ReportTable(name.replace("_", "-"), title, caption, frame, digits=digits, folded=folded),)


def _data(tables: Tables) -> tuple[Block, ...]:
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
        *_table(
            tables,
            "row_loss",
            "Who is lost",
            "Means of numbers and scores and shares of levels among complete rows and among rows that listwise "
            "deletion loses, where the variable itself is known. A standardised difference beyond 0.1 in size "
            "is usually called noticeable.",
            folded=True,
        ),
        *_table(
            tables,
            "missing_codes",
            "Codes that mean missing",
            "How often each code of the codebook occurs.",
            folded=True,
        ),
    )


def _coefficients(tables: Tables) -> tuple[Block, ...]:
    data = tables["forest"]
    settled = data[(data["lower"] > 0) | (data["upper"] < 0)].groupby("series", sort=False).size()
    counts = ", ".join(f"{int(settled.get(name, 0))} of the {name}" for name in dict.fromkeys(data["series"]))
    blocks: list[Block] = [
        Equation(
            r"P(y_i \leq k) = F(\theta_k - x_i \beta - v_{g(i)})",
            "The probability of level k or below is the link's distribution function at threshold k less the linear "
            "predictor, with an intercept v for each group where the model has groups.",
        )
    ]
    for span, part in numbered_parts(list(dict.fromkeys(data["label"])), 24):
        shown = data[data["label"].isin(part)]
        several = len(part) < data["label"].nunique()
        blocks.append(
            ReportFigure(
                "coefficients" + (f"-{span.split()[0]}" if several else ""),
                "Coefficients by both schools" + (f", {span}" if several else ""),
                "Points are maximum-likelihood estimates with 95% confidence intervals and posterior medians with 95% "
                "equal-tailed credible intervals, in units of the link; a positive coefficient means higher levels.",
                "Where the intervals of the two schools lie apart, the prior decides: its shrinkage is the difference.",
                f"Intervals that leave zero out: {counts}.",
                figures.dot_interval(shown, xlabel="coefficient (95% interval)"),
                shown,
            )
        )
    return (
        *blocks,
        *_table(
            tables,
            "frequentist_estimates",
            "Maximum likelihood",
            "Estimates with standard errors, Wald confidence limits and p-values against zero (not adjusted).",
        ),
        *_table(
            tables,
            "posterior_coefficients",
            "Posterior",
            "Posterior medians with standard deviations and equal-tailed credible limits, probabilities of direction, "
            "ratios, and the probability that the change of every level's average probability, for the change of the "
            "predictor named, is below the limit of practical equivalence.",
        ),
        *_table(
            tables,
            "pooled_missing",
            "What imputation adds to the uncertainty",
            "Standard errors within and between completed data sets and the fraction of missing information.",
            folded=True,
        ),
        *_table(
            tables,
            "likelihood_tests",
            "Intervals and tests by likelihood",
            "Profile-likelihood confidence limits and likelihood-ratio tests, which need no symmetric likelihood.",
            folded=True,
        ),
    )


def _probabilities(tables: Tables) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for name, school, kind in (
        ("posterior_curves", "posterior", "posterior medians with 95% credible bands"),
        ("probability_curves", "maximum likelihood", "estimates with 95% delta-method confidence bands"),
    ):
        data = tables.get(name)
        if data is None or (name == "probability_curves" and "posterior_curves" in tables):
            continue
        if data["level"].nunique() > 6:  # more lines than can be told apart; the table has them
            continue
        for span, part in numbered_parts(list(dict.fromkeys(data["predictor"])), _MOST_CURVES):
            shown = data[data["predictor"].isin(part)]
            blocks.append(
                ReportFigure(
                    f"probabilities-{span.split()[0]}",
                    f"Predicted probabilities, predictors {span}",
                    f"Probability of every level over each predictor, the others at their means: {kind} ({school}).",
                    "Flat lines: the predictor does not matter. Lines that cross: it moves people between levels.",
                    _widest_change(shown),
                    categories.probability_curves(shown),
                    shown,
                )
            )
    return (
        *blocks,
        *_table(
            tables,
            "posterior_effects",
            "Average marginal effects, posterior",
            "Change of each level's probability, averaged over the rows: posterior median, standard deviation, "
            "credible limits, and Monte Carlo standard error of the median. Effects add up to zero over the levels.",
            folded=True,
        ),
        *_table(
            tables,
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


def _selection(tables: Tables) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if "lasso_errors" in tables:
        errors, chosen = tables["lasso_errors"], tables["lasso_chosen"]
        sizes = ", ".join(f"{row.criterion}, {row.rule}: {row.n_variables}" for row in chosen.itertuples())
        blocks.append(
            ReportFigure(
                "lasso-error",
                "λ and model error",
                "Prediction error against log λ, with one standard error either side where there are folds; the "
                "number of variables on top. Dashed: λ of least error (λ.min). Dotted: the largest λ within one "
                "standard error of it (λ.1se).",
                "A clear dip between the ends means that some shrinkage helps; a least error at the smallest λ, that "
                "none does.",
                f"Variables chosen: {sizes}.",
                selection.lasso_error(errors, chosen),
                errors,
            )
        )
        paths = tables["lasso_path"].assign(coefficient=tables["lasso_path"]["standardised"])
        by_folds = chosen[~chosen["criterion"].str.contains("generalised")]
        blocks.append(
            ReportFigure(
                "lasso-paths",
                "λ and coefficients",
                "Coefficients per standard deviation of their predictor along the path of penalties, each named where "
                "the penalty is smallest; vertical lines as in the figure above.",
                "Coefficients that leave zero early and stay away are the Lasso's choice whatever λ is.",
                f"{tables['lasso_path']['term'].nunique()} coefficients of {paths['model'].nunique()} models.",
                selection.coefficient_paths(paths, by_folds, ylabel="coefficient per sd"),
                paths,
            )
        )
    if "selection_curves" in tables:
        curves, chosen = tables["selection_curves"], tables["selection_chosen"]
        words = ", ".join(f"{row.procedure}, {row.rule}: {row.size}" for row in chosen.itertuples())
        blocks.append(
            ReportFigure(
                "selection",
                "Lasso and projection of the posterior",
                "Above: prediction error or expected log predictive density against the number of variables, with one "
                "standard error either side. Below: the order in which variables enter.",
                "Both schools agree where the curves level off at the same size and the lines below do not cross.",
                f"Sizes chosen: {words}.",
                selection.selection_paths(curves, chosen, tables["selection_order"]),
                curves,
            )
        )
    return (
        *blocks,
        *_table(
            tables,
            "projection",
            "Projection predictive selection",
            "Kullback-Leibler divergence from the full model, expected log predictive density (elpd) and ranked "
            "probability score by leave-one-out, and their differences from the full model, by number of variables.",
            folded=True,
        ),
        *_table(
            tables,
            "lasso_selected",
            "The Lasso's choice",
            "Coefficients at the chosen penalties, in the predictors' own units.",
            folded=True,
        ),
    )


def _parallel(tables: Tables) -> tuple[Block, ...]:
    if "parallel_lines" not in tables:
        return ()
    change = tables["parallel_change"].iloc[0]
    return (
        Paragraph(
            "A small p-value says that the slopes differ between thresholds, not that the difference matters: giving "
            f"up parallel lines changes a predicted probability by {change['largest_change']:.3f} at most and by "
            f"{change['mean_change']:.3f} on average."
        ),
        *_table(
            tables,
            "parallel_lines",
            "Tests of parallel lines",
            "Likelihood-ratio tests of all slopes and of one factor at a time, and the score test of all.",
        ),
        *_table(
            tables,
            "brant",
            "Brant's test",
            "Wald tests that the slopes of the binary models are the same, with their joint covariance.",
        ),
        *_table(
            tables,
            "departures",
            "Departures from proportional odds, posterior",
            "Shrunken departure of each slope at each threshold: posterior medians and 95% credible limits.",
        ),
        *_table(
            tables,
            "models",
            "Models beside proportional odds",
            "Log-likelihoods of the same rows; smaller AIC and BIC are better. The unordered multinomial logit is what "
            "the survey paper turns to where parallel lines fail.",
            digits=6,
        ),
        *_table(
            tables,
            "binary_logits",
            "The binary models behind the ordinal one",
            "One model for each threshold (the survey paper's equations 9–12).",
            folded=True,
        ),
    )


def _screening(tables: Tables, labels: Mapping[str, str]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if "screening" in tables:
        table = tables["screening"]
        data = pd.DataFrame(
            {
                "label": [labels.get(item) or item for item in table["item"]],
                "series": "Cramér's V",
                "estimate": table["cramers_v"],
                "lower": table["v_lower"],
                "upper": table["v_upper"],
            }
        ).dropna()
        if not data.empty:
            passed = int((table["p_holm"] < 0.05).sum())
            blocks.append(
                ReportFigure(
                    "screening",
                    "Each predictor by itself against the outcome",
                    "Cramér's V with 95% confidence intervals by inversion of the noncentral chi-square distribution; "
                    f"the dashed line marks {_CRAMERS_V}, Cohen's small effect.",
                    "With many rows a p-value below 0.05 is no news; how far V is from zero is.",
                    f"{passed} of {len(table)} predictors have a Holm-adjusted p-value below 0.05.",
                    figures.dot_interval(data, xlabel="Cramér's V (95% confidence interval)", reference=_CRAMERS_V),
                    data,
                )
            )
    return (
        *blocks,
        *_table(
            tables,
            "screening",
            "Chi-square screening",
            "Each predictor as unordered categories against the outcome; p-values raw, Holm and Benjamini-Hochberg.",
            folded=True,
        ),
        *_table(
            tables,
            "vif",
            "Variance inflation",
            "Variance inflation factors and their reciprocals, the tolerances, of the design matrix's columns.",
        ),
        *_table(tables, "gvif", "Generalised variance inflation", "By factor (Fox & Monette 1992).", folded=True),
        *_table(
            tables,
            "condition",
            "Condition indices",
            "Condition indices with the share of each coefficient's variance that goes with them.",
            folded=True,
        ),
        *_table(
            tables,
            "correlations",
            "Correlations of the predictors",
            "Rank correlations, and Pearson's after the logarithm that the survey paper takes; ** p < 0.01, "
            "* p < 0.05.",
            folded=True,
        ),
    )


def _fit(tables: Tables) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if "replicated_shares" in tables:
        every = tables["replicated_shares"]
        parts = list(dict.fromkeys(every["part"]))[:_MOST_PARTS]
        data = every[every["part"].isin(parts)]
        outside = (data["observed"] < data["lower"]) | (data["observed"] > data["upper"])
        blocks.append(
            ReportFigure(
                "replicated",
                "Observed and replicated shares",
                "Shares of the levels in the data and, as bands, the central 95% of the shares in data replicated from "
                "the posterior.",
                "Squares inside their bands: the model reproduces these shares. About one in twenty may lie outside.",
                f"{int(outside.sum())} of {len(data)} observed shares lie outside their bands.",
                categories.replicated_shares(data),
                data,
            )
        )
    return (
        *blocks,
        *_table(
            tables,
            "scores",
            "Predictive scores",
            "Leave-one-out scores of the posterior: log predictive density, ranked probability score and Brier score.",
            digits=5,
        ),
        *_table(
            tables,
            "fit_statistics",
            "Fit statistics of maximum likelihood",
            "-2 log-likelihood in the conventions of SPSS, goodness of fit over covariate patterns, and pseudo-R².",
            digits=5,
        ),
        *_table(
            tables,
            "power_scaling",
            "Prior sensitivity by power-scaling",
            "Cumulative Jensen-Shannon distance per unit of log2 power of the prior and of the likelihood; a prior "
            "value above 0.05 says that the conclusion leans on the prior.",
            folded=True,
        ),
        *_table(
            tables,
            "prior_shares",
            "What the prior expects",
            "Shares of the levels before the data: prior predictive medians and central 95%.",
            folded=True,
        ),
        *_table(
            tables,
            "convergence",
            "Convergence of maximum likelihood",
            "Decimals of each estimate that are correct, from the Newton step that would come next.",
            folded=True,
        ),
    )


def forest_rows(
    frequentist: pd.DataFrame | None, posterior: pd.DataFrame | None, labels: Mapping[str, str]
) -> pd.DataFrame:
    """Estimates of both schools as rows of one forest: label, series, estimate, lower, upper."""
    parts = []
    for name, frame in (("maximum-likelihood estimates", frequentist), ("posterior medians", posterior)):
        if frame is not None:
            part = frame[["term", "estimate", "lower", "upper"]].replace([np.inf, -np.inf], np.nan)
            part.insert(1, "series", name)
            part.insert(0, "label", [_label(term, labels) for term in part["term"]])
            parts.append(part.drop(columns="term"))
    return pd.concat(parts, ignore_index=True)


def _label(term: str, labels: Mapping[str, str]) -> str:
    """ "item_1" or "temp[warm]" with the codebook's label for the variable."""
    variable, bracket, level = term.partition("[")
    label = labels.get(variable)
    return f"{label}: {level.rstrip(']')}" if label and bracket else label or term

"""The report's sections on selection, proportional odds and screening."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pandas as pd

from bayesgov.report import figures, selection
from bayesgov.report.content import Block, Paragraph, ReportFigure
from bayesgov.report.row_tables import Tables, label_of, table

_LONGEST = 30  # characters of a label beside a path
_CRAMERS_V = 0.1  # Cohen's small effect for a table whose smaller side is two


def selection_blocks(tables: Tables, shown: Tables, labels: Mapping[str, str]) -> tuple[Block, ...]:
    """The Lasso, and the projection of the posterior beside it."""
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
        paths["term"] = [_short(label_of(term, labels)) for term in paths["term"]]
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
        order = tables["selection_order"]
        order = order.assign(term=[label_of(term, labels) for term in order["term"]])
        words = ", ".join(f"{row.procedure}, {row.rule}: {row.size}" for row in chosen.itertuples())
        blocks.append(
            ReportFigure(
                "selection",
                "Lasso and projection of the posterior",
                "Above: prediction error or expected log predictive density against the number of variables, with one "
                "standard error either side. Below: the order in which variables enter.",
                "Both schools agree where the curves level off at the same size and the lines below do not cross.",
                f"Sizes chosen: {words}.",
                selection.selection_paths(curves, chosen, order),
                curves,
            )
        )
    return (
        *blocks,
        *table(
            shown,
            "projection",
            "Projection predictive selection",
            "Kullback-Leibler divergence from the full model, expected log predictive density (elpd) and ranked "
            "probability score by leave-one-out, and their differences from the full model, by number of variables.",
            folded=True,
        ),
        *table(
            shown,
            "selection_frequency",
            "How stable the Lasso's choice is",
            "Share of bootstrap samples in which each coefficient of a path is not zero, and in which it is "
            "positive, at the penalties that the folds chose; whole clusters or groups are drawn where there are any.",
            folded=True,
        ),
        *table(
            shown,
            "lasso_selected",
            "The Lasso's choice",
            "Coefficients at the chosen penalties, in the predictors' own units.",
            folded=True,
        ),
    )


def parallel_blocks(tables: Tables, shown: Tables) -> tuple[Block, ...]:
    """Tests of parallel lines, departures from them and the models that one turns to."""
    if "parallel_lines" not in tables:
        return ()
    change = tables["parallel_change"].iloc[0]
    return (
        Paragraph(
            "A small p-value says that the slopes differ between thresholds, not that the difference matters: giving "
            f"up parallel lines changes a predicted probability by {change['largest_change']:.3f} at most and by "
            f"{change['mean_change']:.3f} on average."
        ),
        *table(
            shown,
            "parallel_lines",
            "Tests of parallel lines",
            "Likelihood-ratio tests of all slopes and of one factor at a time, and the score test of all.",
        ),
        *table(
            shown,
            "brant",
            "Brant's test",
            "Wald tests that the slopes of the binary models are the same, with their joint covariance.",
        ),
        *table(
            shown,
            "departures",
            "Departures from proportional odds, posterior",
            "Shrunken departure of each slope at each threshold: posterior medians and 95% credible limits.",
        ),
        *table(
            shown,
            "models",
            "Models beside proportional odds",
            "Log-likelihoods of the same rows; smaller AIC and BIC are better. The unordered multinomial logit is what "
            "the survey paper turns to where parallel lines fail.",
            digits=6,
        ),
        *table(
            shown,
            "binary_logits",
            "The binary models behind the ordinal one",
            "One model for each threshold (the survey paper's equations 9–12).",
            folded=True,
        ),
    )


def screening_blocks(tables: Tables, shown: Tables, labels: Mapping[str, str]) -> tuple[Block, ...]:
    """Each predictor by itself against the outcome, and the predictors against one another."""
    blocks: list[Block] = []
    if "screening" in tables:
        found = tables["screening"]
        data = pd.DataFrame(
            {
                "label": [labels.get(item) or item for item in found["item"]],
                "series": "Cramér's V",
                "estimate": found["cramers_v"],
                "lower": found["v_lower"],
                "upper": found["v_upper"],
            }
        ).dropna()
        if not data.empty:
            passed = int((found["p_holm"] < 0.05).sum())
            blocks.append(
                ReportFigure(
                    "screening",
                    "Each predictor by itself against the outcome",
                    "Cramér's V with 95% confidence intervals by inversion of the noncentral chi-square distribution; "
                    f"the dashed line marks {_CRAMERS_V}, Cohen's small effect.",
                    "With many rows a p-value below 0.05 is no news; how far V is from zero is.",
                    f"{passed} of {len(found)} predictors have a Holm-adjusted p-value below 0.05.",
                    figures.dot_interval(data, xlabel="Cramér's V (95% confidence interval)", reference=_CRAMERS_V),
                    data,
                )
            )
    return (
        *blocks,
        *table(
            shown,
            "screening",
            "Chi-square screening",
            "Each predictor as unordered categories against the outcome; p-values raw, Holm and Benjamini-Hochberg.",
            folded=True,
        ),
        *table(
            shown,
            "vif",
            "Variance inflation",
            "Variance inflation factors and their reciprocals, the tolerances, of the design matrix's columns.",
        ),
        *table(shown, "gvif", "Generalised variance inflation", "By factor (Fox & Monette 1992).", folded=True),
        *table(
            shown,
            "condition",
            "Condition indices",
            "Condition indices with the share of each coefficient's variance that goes with them.",
            folded=True,
        ),
        *table(
            shown,
            "correlations",
            "Correlations of the predictors",
            "Rank correlations, and Pearson's after the logarithm that the survey paper takes; ** p < 0.01, "
            "* p < 0.05.",
            folded=True,
        ),
    )


def _short(label: str) -> str:
    """A label that leaves a figure room for its lines: the variable cut, its level kept."""
    variable, colon, level = label.rpartition(": ")
    if not colon:
        return textwrap.shorten(label, _LONGEST, placeholder=" …")
    return f"{textwrap.shorten(variable, max(_LONGEST - len(level), 12), placeholder=' …')}: {level}"

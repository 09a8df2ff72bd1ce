"""The report's section on contingency tables of an ordinal outcome."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesgov.fits import Fit
from bayesgov.published.audit import AuditReport
from bayesgov.report import figures
from bayesgov.report.content import Equation, Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.densities import density_curves
from bayesgov.report.pieces import assumptions, group_of, interval_rows, numbered_parts, spread_words, top_level_draws
from bayesgov.spec import ContingencySpec
from bayesgov.study import Study

_ITEMS_IN_A_FIGURE = 8  # as many small tables as a printed page holds


def sections(
    study: Study,
    spec: ContingencySpec,
    fits: Mapping[str, Fit],
    tables: Mapping[str, pd.DataFrame],
    assumed: tuple[str, ...],
    audit: AuditReport,
) -> tuple[Section, ...]:
    """Association, option effects, proportional odds and what the conclusions depend on."""
    return (
        Section(
            "association",
            f"Table {spec.table}: is each item associated with the outcome?",
            (
                *_profiles(study, spec),
                *_printed_chi_square(study, spec, audit),
                _association_figure(spec, tables["association"]),
                _association_table(spec, tables["association"]),
            ),
        ),
        Section(
            "option-effects",
            f"Table {spec.table}: option effects under both schools",
            (
                Equation(
                    r"\log\,\frac{P(y \leq k)}{P(y > k)} = c_{k} - \beta_{o},\qquad \sum_o \beta_o = 0",
                    "The log odds of a grade at or below k are the cutpoint c of k minus the effect beta of the chosen "
                    "option; the effects of an item's options sum to zero.",
                ),
                *_effect_figures(spec, fits, tables["option_effects"]),
                ReportTable(
                    "option-effects",
                    "Option effects, every fit",
                    f"Effects in logits, positive towards {spec.outcome[-1]}, the highest level. Confidence intervals: "
                    "Wald and profile likelihood; credible intervals: equal-tailed. All 95%.",
                    tables["option_effects"],
                    folded=True,
                ),
                *_proportionality(spec, tables["proportionality"]),
            ),
        ),
        Section(
            "contingency-dependence",
            f"Table {spec.table}: how far do the conclusions depend on prior, pooling and the missing joint table?",
            (
                Paragraph(
                    f"The {len(spec.items)} tables count the same respondents and the joint table is not printed, so "
                    "their product is a composite likelihood. Weight 1 takes the tables as independent samples; weight "
                    f"1/{len(spec.items)} is the other extreme, in which all tables together carry the information of "
                    "one."
                ),
                _weight_figure(spec, fits),
                ReportTable(
                    "composite-weight",
                    "Conclusions by composite weight",
                    "Shifts in posterior standard deviations and the largest change of a probability, against weight "
                    "1.",
                    tables["weight_sensitivity"],
                ),
                ReportTable(
                    "prior-comparison",
                    "Conclusions by prior",
                    f"Items relevant: posterior probability of V > {spec.relevant_v:g} above 0.95. Signs settled: "
                    "option effects whose sign has a probability above 0.975.",
                    tables["prior_comparison"],
                ),
                ReportTable(
                    "apart-together",
                    "Items fitted apart against together",
                    "Apart: normal prior, the posterior is a product over items. Together: items share the "
                    f"hyperparameters of the {_together(spec)} prior.",
                    tables["apart_together"],
                ),
                _prior_posterior(spec, fits),
                ReportTable(
                    "contingency-priors",
                    "What each prior implies",
                    "Central 95% and median of the prior draws, and of the posterior draws, of all items' option "
                    "effects (logits) and of Cramér's V; mean probability over items that V exceeds "
                    f"{spec.relevant_v:g}, before and after the counts.",
                    tables["priors"],
                ),
                ReportTable(
                    "contingency-power-scaling",
                    "Prior sensitivity by power-scaling, option effects",
                    "Cumulative Jensen-Shannon distance per unit of log2 power of the prior and of the likelihood; "
                    "a prior value above 0.05 says that the prior moves the effect.",
                    tables["prior_sensitivity"],
                    folded=True,
                ),
                *assumptions(assumed),
            ),
        ),
    )


def _profiles(study: Study, spec: ContingencySpec) -> tuple[ReportFigure, ...]:
    """Shares of the outcome grades within each option, from the printed counts."""
    labels = {group.id: group.label for group in study.groups}
    best = labels.get(spec.outcome[-1], spec.outcome[-1])
    options = {item.id: item.options for item in study.items}
    rows = []
    for name in spec.items:
        for position, option in enumerate(spec.options):
            counts = [float(study.number(f"{spec.table}/{name}.{option}/{grade}").value) for grade in spec.outcome]
            printed = options.get(name, ())
            words = printed[position] if len(printed) == len(spec.options) else option
            rows += [
                {
                    "item": _titled(study, name),
                    "option": words,
                    "grade": labels.get(grade, grade),
                    "share": count / sum(counts),
                    "count": int(count),
                }
                for grade, count in zip(reversed(spec.outcome), reversed(counts), strict=True)
            ]
    data = pd.DataFrame(rows)
    names = list(dict.fromkeys(data["item"]))
    result = []
    for numbers, shown in numbered_parts(names, _ITEMS_IN_A_FIGURE):
        part = data[data["item"].isin(shown)]
        result.append(
            ReportFigure(
                f"profiles-{numbers.replace(' to ', '-')}",
                f"Outcome grades by option, items {numbers}",
                f"Share of each outcome grade among the respondents of an option, from the printed counts of table "
                f"{spec.table}; per cent.",
                "Bars of one item that look alike mean no association; bars that differ mean an association. Nothing "
                "is estimated here.",
                f"Stacked bars of {len(spec.outcome)} grades for {len(spec.options)} options of items "
                f"{numbers}. The share of the best grade runs from {' to '.join(_extremes(part, best))}.",
                figures.profiles(part),
                part,
            )
        )
    return tuple(result)


def _titled(study: Study, name: str) -> str:
    """Id and label of an item; the id alone where the codebook has no label for it."""
    label = study.label(name)
    return name if label == name else f"{name}. {label}"


def _together(spec: ContingencySpec) -> str:
    """The first prior under which items share hyperparameters."""
    return next((prior for prior in spec.priors if prior != "normal"), "normal")


def _extremes(data: pd.DataFrame, grade: str) -> tuple[str, str]:
    """Lowest and highest share of a grade, with item and option."""
    ordered = data[data["grade"] == grade].sort_values("share")
    words = [f"{100 * row['share']:.0f}% ({row['item']}: {row['option']})" for row in ordered.to_dict("records")]
    return words[0], words[-1]


def _printed_chi_square(study: Study, spec: ContingencySpec, audit: AuditReport) -> tuple[ReportFigure, ...]:
    found = {row.id: row for row in audit.rows if row.kind == "chi_square_from_counts"}
    rows = [
        {
            "label": _titled(study, name),
            "printed": float(study.number(f"{spec.table}/{name}/chi2").value),
            "low": row.low if row.low is not None else np.nan,
            "high": row.high if row.high is not None else np.nan,
            "verdict": row.verdict,
        }
        for name in spec.items
        for row in found.values()
        if f"{spec.table}/{name}/chi2" in row.source
    ]
    if not rows:
        return ()
    data = pd.DataFrame(rows)
    flagged = int((data["verdict"] != "consistent").sum())
    return (
        ReportFigure(
            "chi-square-printed",
            "Chi-square as printed and as the printed counts give it",
            f"Table {spec.table}: the printed statistic beside the one recomputed from the item's own counts, "
            "logarithmic scale.",
            "Good: the two marks of a row coincide. A distance between them says that the statistic and the counts "
            "cannot both be as printed; it does not say which.",
            f"{flagged} of {len(data)} printed statistics differ from the recomputed ones.",
            figures.printed_recomputed(data, xlabel="chi-square (logarithmic scale)"),
            data,
        ),
    )


def _association_figure(spec: ContingencySpec, table: pd.DataFrame) -> ReportFigure:
    series = {
        "95% confidence (noncentral chi-square)": ("cramers_v", "v_confidence_lower", "v_confidence_upper"),
        "95% credible, model-free (Dirichlet)": ("v_dirichlet", "v_dirichlet_lower", "v_dirichlet_upper"),
        f"95% credible, proportional odds ({spec.priors[0]})": ("v_model", "v_model_lower", "v_model_upper"),
    }
    data = interval_rows(table, series)
    above = int((table["probability_relevant_dirichlet"] > 0.95).sum())
    return ReportFigure(
        "cramers-v",
        "Strength of association, both schools",
        f"Cramér's V of each item with the outcome, from the counts of table {spec.table}. Dashed line: V = "
        f"{spec.relevant_v:g}, the study spec's limit of a relevant association.",
        "The more respondents, the smaller the p-value of a trifle; what matters is how far V lies from zero and from "
        "the dashed line. Where the proportional-odds interval lies left of the model-free one, effects differ between "
        "cutpoints.",
        f"{above} of {len(table)} items have V above {spec.relevant_v:g} with a posterior probability above 0.95; V "
        f"runs from {table['cramers_v'].min():.2f} to {table['cramers_v'].max():.2f}.",
        figures.dot_interval(data, xlabel="Cramér's V", reference=spec.relevant_v),
        data,
    )


def _association_table(spec: ContingencySpec, table: pd.DataFrame) -> ReportTable:
    return ReportTable(
        "association",
        "Association of each item with the outcome",
        "V with 95% limits (noncentral chi-square inversion), bias-corrected V, p-values raw and adjusted over the "
        "items (Holm; Benjamini-Hochberg); posterior median and limits of V, probability that V exceeds "
        f"{spec.relevant_v:g}; log10 Bayes factor of dependence against independence under two sampling schemes.",
        table,
    )


def _effect_figures(spec: ContingencySpec, fits: Mapping[str, Fit], table: pd.DataFrame) -> tuple[ReportFigure, ...]:
    shown = {"contingency-maximum-likelihood": "maximum likelihood, 95% confidence"} | {
        f"contingency-{prior}": f"{prior} prior, 95% credible" for prior in spec.priors
    }
    data = table[table["fit"].isin(shown)].assign(
        series=lambda frame: frame["fit"].map(shown),
        term=lambda frame: "item " + frame["item"],
        label=lambda frame: "option " + frame["option"],
    )[["term", "label", "series", "estimate", "lower", "upper"]]
    terms = list(dict.fromkeys(data["term"]))
    spread = data.groupby(["term", "label"])["estimate"].agg(np.ptp).max()
    result = []
    for numbers, items in numbered_parts(terms, _ITEMS_IN_A_FIGURE):
        part = data[data["term"].isin(items)]
        result.append(
            ReportFigure(
                f"option-effects-{numbers.replace(' to ', '-')}",
                f"Option effects of items {numbers}, both schools",
                "Effect of each option on the log odds of a higher outcome level (zero-sum within an item), table "
                f"{spec.table}; "
                "maximum likelihood beside the posterior under each prior.",
                "Marks of a row that coincide mean that the prior does not matter; a posterior nearer to zero than the "
                "maximum-likelihood estimate is shrinkage.",
                f"{len(part)} intervals. Over all items the {len(shown)} estimates of an effect differ by at most "
                f"{spread:.2f} logits.",
                figures.caterpillar(part, xlabel="effect in logits"),
                part,
            )
        )
    return tuple(result)


def _proportionality(spec: ContingencySpec, table: pd.DataFrame) -> tuple[ReportTable, Paragraph]:
    rejected = int((table["p_holm"] < 0.05).sum())
    departed = int((table["probability_departure"] > 0.95).sum())
    return (
        ReportTable(
            "proportional-odds",
            "Parallel lines, item by item",
            "Likelihood-ratio test of proportional odds (p raw and Holm-adjusted), what the departure amounts to in "
            "cell probabilities, and the model-free posterior of the largest departure in logits with its probability "
            f"of exceeding {spec.relevant_departure:g}.",
            table,
        ),
        Paragraph(
            f"Proportional odds is rejected for {rejected} of {len(table)} items after Holm adjustment; for {departed} "
            f"the posterior probability of a departure above {spec.relevant_departure:g} logits exceeds 0.95. These "
            "are tests item by item; a test of one model with all items would need their joint table."
        ),
    )


def _weight_figure(spec: ContingencySpec, fits: Mapping[str, Fit]) -> ReportFigure:
    quoted = f"contingency-{spec.priors[0]}"
    rows = []
    for label, fit in fits.items():
        if label != quoted and not label.startswith(f"{quoted}-weight-"):
            continue
        draws = (
            group_of(fit, "posterior")["cramers_v"]
            .stack(sample=("chain", "draw"))
            .transpose("item", "sample")
            .to_numpy()
        )
        for name, values in zip(spec.items, draws, strict=True):
            lower, estimate, upper = np.percentile(values, [2.5, 50, 97.5])
            weight = fit.tree.attrs["composite_weight"]
            rows.append(
                {
                    "label": f"item {name}",
                    "series": f"weight {weight:g}",
                    "estimate": estimate,
                    "lower": lower,
                    "upper": upper,
                }
            )
    order = {f"item {name}": place for place, name in enumerate(spec.items)}
    data = pd.DataFrame(rows).sort_values("label", key=lambda column: column.map(order), kind="stable")
    n_weights = data["series"].nunique()
    return ReportFigure(
        "composite-weight",
        f"Association under {n_weights} weight{'s' if n_weights > 1 else ''} of the composite likelihood",
        f"Posterior median and 95% credible interval of Cramér's V implied by the proportional-odds model, "
        f"{spec.priors[0]} prior. Dashed line: V = {spec.relevant_v:g}.",
        "A conclusion that holds at the smallest weight does not rest on counting the same respondents once for every "
        "table.",
        "Mean width of the intervals: "
        + ", ".join(
            f"{width:.3f} at {name}"
            for name, width in (data["upper"] - data["lower"]).groupby(data["series"]).mean().items()
        )
        + ".",
        figures.dot_interval(data, xlabel="Cramér's V", reference=spec.relevant_v),
        data,
    )


def _prior_posterior(spec: ContingencySpec, fits: Mapping[str, Fit]) -> ReportFigure:
    fit = fits[f"contingency-{spec.priors[0]}"]
    v = group_of(fit, "posterior")["cramers_v"].median(("chain", "draw"))
    order = v["item"].to_numpy()[np.argsort(v.to_numpy())]
    chosen = {"weakest": order[0], "middling": order[len(order) // 2], "strongest": order[-1]}
    prior, posterior = top_level_draws(fit, ("tau", "slab_variance", "r2"))
    for words, item in chosen.items():
        name = f"option {spec.options[0]} of item {item} ({words})"
        for target, group in ((prior, "prior"), (posterior, "posterior")):
            effect = group_of(fit, group)["option_effect"]
            target[name] = effect.sel(item=item).isel(option=0).to_numpy()
    curves = density_curves(prior, posterior)
    return ReportFigure(
        "contingency-prior-posterior",
        "Prior and posterior",
        f"Densities under the {spec.priors[0]} prior: its hyperparameters, if it has any, and the effect of the first "
        "option of the items with the smallest, middling and largest association.",
        "A posterior much narrower than its prior was learnt from the counts; one that lies on its prior was not.",
        spread_words(prior, posterior),
        figures.prior_posterior(curves),
        curves,
    )

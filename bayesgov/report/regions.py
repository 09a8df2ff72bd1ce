"""The report's section on a printed table of estimates by region."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesgov.fits import Fit
from bayesgov.report import figures
from bayesgov.report.content import Equation, Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.densities import density_curves
from bayesgov.report.pieces import assumptions, group_of, numbered_parts, spread_words
from bayesgov.spec import RegionsSpec

_TERMS_IN_A_FIGURE = 4
_READINGS = {"estimate": "sign of the estimate kept", "t": "sign of the t-value kept"}


def sections(
    spec: RegionsSpec, fits: Mapping[str, Fit], tables: Mapping[str, pd.DataFrame], assumed: tuple[str, ...]
) -> tuple[Section, ...]:
    """Pooling, heterogeneity, long-run effects and what they depend on."""
    main = spec.sign_readings[0]
    return (
        Section(
            "pooling",
            f"Table {spec.table}: no, partial and complete pooling of the regions",
            (
                Equation(
                    r"b_{jr} \sim N(\theta_{jr}, s_{jr}^2),\quad \theta_{jr} \sim N(\mu_j, \tau_j^2),\quad "
                    r"s_{jr} = |b_{jr} / t_{jr}|",
                    "The printed estimate b of term j in region r is normal around the region's effect theta with "
                    "standard error s, the ratio of estimate and t-value; the region effects of a term are normal "
                    "around its mean mu with standard deviation tau.",
                ),
                *_forests(spec, tables["pooling"], main),
                _mean_effects(tables["mean_effects"], tables["new_region"], main),
                ReportTable(
                    "heterogeneity",
                    "Heterogeneity between regions",
                    "Cochran's Q with its p-value, tau² by REML with Q-profile confidence limits, by "
                    "DerSimonian-Laird and "
                    "by Paule-Mandel, I² and H²; posterior median and 95% equal-tailed credible limits of tau and of "
                    "I².",
                    tables["heterogeneity"],
                ),
                ReportTable(
                    "pooling",
                    "Region effects, every series",
                    "Estimates by region under no, partial and complete pooling. Confidence intervals and credible "
                    "intervals are named in their own column; p-values and probabilities have columns of their own.",
                    tables["pooling"],
                    folded=True,
                ),
                ReportTable(
                    "new-region",
                    "What a new region would show",
                    "Frequentist prediction intervals under two conventions for the degrees of freedom, and the "
                    "posterior predictive.",
                    tables["new_region"],
                    folded=True,
                ),
            ),
        ),
        Section(
            "long-run",
            f"Long-run effect of {_label(tables['mean_effects'], spec.effect)} by region",
            (
                Equation(
                    r"\lambda_r = \frac{\beta_{0r} + \beta_{1r}}{1 - \alpha_r}",
                    "The long-run effect is the sum of the current and the lagged effect over one minus the "
                    "coefficient of the lagged outcome.",
                ),
                _long_run_figure(tables["long_run"], main),
                ReportTable(
                    "long-run",
                    "Long-run effects",
                    "Fieller sets can be a whole line or the complement of an interval: the column set_text says "
                    "which. "
                    "Delta-method intervals are not valid where the denominator may be zero (column valid). Posterior "
                    "rows give medians, never means, and the probability that the lagged outcome's coefficient is 1 "
                    "or more, above 0.95 (near_unit_root), and below 1 in absolute value (stationary). They run over "
                    "all draws, with the ratio's formal value where the coefficient is 1 or more; the columns that "
                    "end in stationary run over the draws below 1 in absolute value, where a long-run effect exists.",
                    tables["long_run"],
                ),
                _correlation_figure(tables["long_run_correlation"], main),
                ReportTable(
                    "long-run-correlation",
                    "Long-run effects under other correlations",
                    "Covariances of the coefficients are not printed. Rows give the long-run effect under assumed "
                    "correlations of the two effects and of their sum with the lagged outcome's coefficient.",
                    tables["long_run_correlation"],
                    folded=True,
                ),
            ),
        ),
        Section(
            "regions-dependence",
            f"Table {spec.table}: how far do the conclusions depend on signs, rounding and priors?",
            (
                *_sign_conflict(tables["sign_conflict"]),
                ReportTable(
                    "rounding",
                    "Rounding of the printed t-values",
                    "Results with t as printed beside results with its rounding carried through.",
                    tables["rounding"],
                    folded=True,
                ),
                _prior_posterior(spec, fits, tables["pooling"], main),
                _prior_scale(tables["prior_scale"], main),
                ReportTable(
                    "regions-power-scaling",
                    "Prior sensitivity by power-scaling",
                    "Cumulative Jensen-Shannon distance per unit of log2 power of the top-level priors and of the "
                    "likelihood, term by term.",
                    tables["prior_sensitivity"],
                ),
                *assumptions(assumed),
            ),
        ),
    )


def _label(table: pd.DataFrame, term: str) -> str:
    """The codebook's label of a term, as it stands within a sentence."""
    label = str(table.loc[table["term"] == term, "term_label"].iloc[0])
    return label if label == term or label[:2].isupper() else label[0].lower() + label[1:]


def _forests(spec: RegionsSpec, pooling: pd.DataFrame, reading: str) -> tuple[ReportFigure, ...]:
    mine = pooling[pooling["reading"] == reading].assign(
        label=lambda frame: frame["region_label"],
        term_id=lambda frame: frame["term"],
        term=lambda frame: frame["term_label"],
    )
    result = []
    for numbers, terms in numbered_parts(spec.terms, _TERMS_IN_A_FIGURE):
        data = mine[mine["term_id"].isin(terms)][["term", "label", "series", "estimate", "lower", "upper", "interval"]]
        alone = data[data["series"] == "no pooling"]
        apart = int(((alone["lower"] > 0) | (alone["upper"] < 0)).sum())
        result.append(
            ReportFigure(
                f"forest-{numbers.replace(' to ', '-')}",
                f"Regions under no, partial and complete pooling: terms {numbers}",
                f"Estimates of table {spec.table} with 95% intervals: each region alone (Wald confidence), partial "
                "pooling by "
                "REML (best linear unbiased prediction) and by the hierarchical model (credible), complete pooling "
                f"(confidence). {_READINGS[reading].capitalize()}. An arrow head marks an interval that leaves the "
                "panel.",
                "Partial pooling between the other two is what borrowing strength means; a region far from the rest "
                "that stays there has the data to do so.",
                f"Of {len(alone)} single-region intervals {apart} exclude zero.",
                figures.caterpillar(data, xlabel="coefficient, 95% interval", band="complete pooling"),
                data,
            )
        )
    return tuple(result)


def _mean_effects(means: pd.DataFrame, new_region: pd.DataFrame, reading: str) -> ReportFigure:
    shown = {
        "complete pooling": "complete pooling",
        "REML, truncated Knapp-Hartung": "REML",
        "hierarchical": "hierarchical",
    }
    mean = means[(means["reading"] == reading) & means["series"].isin(shown)]
    predictive = new_region[(new_region["reading"] == reading) & (new_region["approach"] == "bayesian")]
    data = pd.concat([mean.assign(label=mean["series"].map(shown)), predictive.assign(label="a new region")]).assign(
        series=lambda frame: frame["approach"].map(
            {"frequentist": "95% confidence", "bayesian": "95% credible or posterior predictive"}
        ),
        term=lambda frame: frame["term_label"],
    )[["term", "label", "series", "estimate", "lower", "upper"]]
    excluding = data[(data["lower"] > 0) | (data["upper"] < 0)]
    return ReportFigure(
        "mean-effects",
        "Mean over regions, and a new region",
        "Mean effect of each term over the regions by complete pooling, by REML with the truncated Knapp-Hartung "
        "interval and "
        "by the hierarchical model, and the posterior predictive for a region not in the table. "
        f"{_READINGS[reading].capitalize()}.",
        "A prediction interval much wider than the mean's interval means that regions may differ although their mean "
        "is known.",
        f"{len(excluding)} of {len(data)} intervals exclude zero"
        + (f": {', '.join(excluding['term'] + ' (' + excluding['label'] + ')')}." if len(excluding) else "."),
        figures.caterpillar(data, xlabel="coefficient, 95% interval"),
        data,
    )


def _long_run_figure(long_run: pd.DataFrame, reading: str) -> ReportFigure:
    data = long_run[long_run["reading"] == reading].assign(label=lambda frame: frame["region_label"])[
        ["label", "series", "estimate", "lower", "upper", "set_kind", "interval"]
    ]
    fieller = long_run[(long_run["reading"] == reading) & (long_run["series"] == "Fieller")]
    bayesian = long_run[(long_run["reading"] == reading) & (long_run["approach"] == "bayesian")]
    unbounded = int((fieller["set_kind"] != "interval").sum())
    return ReportFigure(
        "long-run",
        "Long-run effect by region",
        "Fieller's 95% confidence set and the delta-method 95% confidence interval, and the posterior median with 95% "
        "credible "
        f"interval without and with pooling. {_READINGS[reading].capitalize()}. {unbounded} of {len(fieller)} Fieller "
        "sets are "
        "unbounded: the whole line, or everything outside a gap. An arrow head marks an interval that leaves the "
        "panel.",
        "Where the lagged outcome's coefficient may be 1, the ratio has no finite moments: medians and Fieller sets "
        "are "
        "meaningful there, delta-method intervals are not.",
        f"Posterior medians run from {bayesian['estimate'].min():.2f} to {bayesian['estimate'].max():.2f}; "
        f"{int(((bayesian['lower'] <= 0) & (bayesian['upper'] >= 0)).sum())} of {len(bayesian)} credible intervals "
        "include zero.",
        figures.dot_interval(data, xlabel="long-run effect, 95% interval"),
        data,
    )


def _correlation_figure(table: pd.DataFrame, reading: str) -> ReportFigure:
    mine = table[
        (table["reading"] == reading)
        & (table["series"] != "no pooling")
        & table["correlation_alpha"].isin([table["correlation_alpha"].min(), 0.0, table["correlation_alpha"].max()])
    ]
    data = pd.DataFrame(
        {
            "panel": mine["region_label"],
            "series": mine["correlation_alpha"].map(lambda value: f"correlation with alpha {value:g}"),
            "dial": mine["correlation_effects"],
            "estimate": mine["probability_positive"],
            "lower": mine["probability_positive"],
            "upper": mine["probability_positive"],
        }
    )
    return ReportFigure(
        "long-run-correlation",
        "Probability of a positive long-run effect under assumed correlations",
        "Posterior probability that the long-run effect is above zero, against the assumed correlation of the current "
        "and "
        "the lagged effect, for three assumed correlations of their sum with the lagged outcome's coefficient. "
        f"Hierarchical model; {_READINGS[reading]}. The vertical line is the main analysis.",
        "Flat lines mean that the missing covariances do not matter for the sign.",
        f"The probability runs from {data['estimate'].min():.2f} to {data['estimate'].max():.2f} over all regions and "
        "correlations.",
        figures.sensitivity(
            data, xlabel="correlation of current and lagged effect", ylabel="Pr(long-run effect > 0)", reference=0.0
        ),
        data,
    )


def _sign_conflict(table: pd.DataFrame) -> tuple[ReportTable | Paragraph, ...]:
    if table.empty:
        return (Paragraph("No estimate has a sign other than its t-value's."),)
    cells = table[["term", "region", "printed_estimate", "printed_t"]].drop_duplicates()
    words = "; ".join(
        f"{row.term}, {row.region}: estimate {row.printed_estimate:g} with t = {row.printed_t:g}"
        for row in cells.itertuples()
    )
    return (
        Paragraph(
            f"Estimate and t-value have opposite signs in {len(cells)} cell(s) ({words}); both readings are analysed."
        ),
        ReportTable(
            "sign-conflict",
            "The sign conflict, both ways",
            "Results for the terms concerned with the sign of the estimate kept and with the sign of the t-value kept.",
            table,
        ),
    )


def _prior_posterior(spec: RegionsSpec, fits: Mapping[str, Fit], pooling: pd.DataFrame, reading: str) -> ReportFigure:
    fit = fits[f"regions-hierarchical-{reading}"]
    labels = dict(zip(pooling["term"], pooling["term_label"], strict=True))
    prior: dict[str, np.ndarray] = {}
    posterior: dict[str, np.ndarray] = {}
    for variable, words in (("mu", "mean over regions"), ("tau", "between-region sd")):
        for term in (spec.effect, spec.effect_lag, spec.lagged_outcome):
            for target, group in ((prior, "prior"), (posterior, "posterior")):
                target[f"{labels[term]}: {words}"] = group_of(fit, group)[variable].sel(term=term).to_numpy()
    curves = density_curves(prior, posterior)
    return ReportFigure(
        "regions-prior-posterior",
        "Prior and posterior",
        "Densities of the mean over regions and the between-region standard deviation of the terms that enter the "
        "long-run "
        f"effect. {_READINGS[reading].capitalize()}.",
        f"{len(spec.regions)} regions inform one standard deviation: where its posterior leans on its prior, they say "
        "little of how much regions differ, and the sensitivity table says how much it matters.",
        spread_words(prior, posterior),
        figures.prior_posterior(curves),
        curves,
    )


def _prior_scale(table: pd.DataFrame, reading: str) -> ReportFigure:
    mine = table[(table["reading"] == reading) & (table["quantity"] == "mu")]
    data = pd.DataFrame(
        {
            "panel": mine["term_label"],
            "series": "mean over regions",
            "dial": mine["factor"],
            "estimate": mine["estimate"],
            "lower": mine["lower"],
            "upper": mine["upper"],
        }
    ).sort_values("dial", kind="stable")
    return ReportFigure(
        "prior-scale",
        "Mean over regions under wider and narrower heterogeneity priors",
        "Posterior median and 95% credible interval of each term's mean when the scale of the between-region prior is "
        "halved "
        "and doubled; refitted. The vertical line is the main analysis.",
        "Flat lines mean that the conclusion does not rest on the heterogeneity prior.",
        f"Medians and intervals of {data['panel'].nunique()} terms at prior scale factors "
        + ", ".join(f"{factor:g}" for factor in sorted(data["dial"].unique()))
        + ".",
        figures.sensitivity(
            data, xlabel="factor on the prior scale", ylabel="mean over regions", reference=1.0, log=True
        ),
        data,
    )

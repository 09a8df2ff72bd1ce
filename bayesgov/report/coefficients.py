"""The report's section on a printed table of coefficients."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bayesgov.fits import Fit
from bayesgov.report import figures
from bayesgov.report.content import Equation, Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.densities import density_curves
from bayesgov.report.pieces import NORMAL, assumptions, group_of, spread_words, titled, top_level_draws
from bayesgov.spec import CoefficientsSpec

_READINGS = {
    "printed": "standard error as printed",
    "interval": "as the interval implies",
    "wald": "as the Wald statistic implies",
}


def sections(
    spec: CoefficientsSpec, fits: Mapping[str, Fit], tables: Mapping[str, pd.DataFrame], assumed: tuple[str, ...]
) -> tuple[Section, ...]:
    """Published against shrunken effects under every reading of the standard error."""
    effects = tables["effects"]
    return (
        Section(
            "coefficients",
            f"Table {spec.table}: published against shrunken effects",
            (
                Equation(
                    r"b_j \sim N(\beta_j, s_j^2),\quad \beta_j \sim N(0, \tau^2 \tilde{\lambda}_j^2),\quad "
                    r"\tilde{\lambda}_j^2 = \frac{c^2 \lambda_j^2}{c^2 + \tau^2 \lambda_j^2}",
                    "Each printed estimate b is normal around its effect beta with its standard error s; the effects "
                    "have a regularised horseshoe prior with global scale tau, local scales lambda and slab c.",
                ),
                *_agreement(spec, tables["readings"]),
                _shrinkage_figure(spec, effects),
                ReportTable(
                    "coefficients",
                    "Effects under each reading",
                    "Estimate, standard error, z and p-values (raw, Holm, Benjamini-Hochberg), soft-thresholded and "
                    "James-Stein estimates; posterior median, standard deviation, 95% equal-tailed credible limits, "
                    "share of the estimate taken away by the prior, and probability that the effect is above zero.",
                    effects,
                ),
                ReportTable(
                    "standard-errors",
                    "The standard error under each reading",
                    "Rows that a reading cannot use are excluded under it, with the reason.",
                    tables["readings"],
                    folded=True,
                ),
                _prior_posterior(spec, fits),
                ReportTable(
                    "coefficients-power-scaling",
                    "Prior sensitivity by power-scaling, effects",
                    "Cumulative Jensen-Shannon distance per unit of log2 power of the prior and of the likelihood.",
                    tables["prior_sensitivity"],
                    folded=True,
                ),
                *assumptions(assumed),
            ),
        ),
    )


def _agreement(spec: CoefficientsSpec, readings: pd.DataFrame) -> tuple[Paragraph, ...]:
    """How far the readings of the standard error are apart."""
    if len(spec.readings) == 1:
        return ()
    wide = readings.pivot(index="row", columns="reading", values="std_error").dropna()
    ratio = wide.max(axis=1) / wide.min(axis=1)
    return (
        Paragraph(
            f"The table says each standard error in {len(spec.readings)} ways ("
            + "; ".join(_READINGS[reading] for reading in spec.readings)
            + f"), and each is carried through as a reading of its own. In the {len(wide)} of {len(spec.rows)} rows "
            f"that every reading can use, the largest is {ratio.min():.2f} to {ratio.max():.2f} times the smallest."
            if len(wide)
            else "No row of the table can be used under every reading of its standard error."
        ),
    )


def _shrinkage_figure(spec: CoefficientsSpec, effects: pd.DataFrame) -> ReportFigure:
    # the printed standard error carries the published interval; 1.96 of them either side is what the z-test uses
    reach = NORMAL * effects["std_error"]
    data = pd.DataFrame(
        {
            "label": titled(effects["row"], effects["label"]),
            "reading": effects["reading"].map(_READINGS),
            "published": effects["estimate"],
            "published_lower": effects["estimate"] - reach,
            "published_upper": effects["estimate"] + reach,
            "shrunken": effects["shrunken"],
            "shrunken_lower": effects["lower"],
            "shrunken_upper": effects["upper"],
        }
    )
    settled = effects[effects["probability_positive"] > 0.975].groupby("reading").size()
    counts = ", ".join(f"{int(settled.get(reading, 0))} {_READINGS[reading]}" for reading in spec.readings)
    return ReportFigure(
        "shrinkage",
        "Published against shrunken effects",
        f"Table {spec.table}: printed estimates with 95% Wald confidence intervals from each reading of the standard "
        "error, "
        "and posterior medians with 95% credible intervals under a regularised horseshoe prior, in the table's unit.",
        "A short arrow means that the estimate is known well enough to resist shrinkage; a long one that the prior "
        "takes most of it away. A row is missing where its reading cannot be computed.",
        f"Effects whose probability of being above zero exceeds 0.975: {counts}.",
        figures.shrinkage(data, xlabel="coefficient"),
        data,
    )


def _prior_posterior(spec: CoefficientsSpec, fits: Mapping[str, Fit]) -> ReportFigure:
    fit = fits[f"coefficients-horseshoe-{spec.readings[0]}"]
    prior, posterior = top_level_draws(fit, ("tau", "slab_variance"))
    rows = group_of(fit, "posterior")["row"].to_numpy()  # those that the reading can use
    for row in dict.fromkeys((rows[0], rows[len(rows) // 2], rows[-1])):
        for target, group in ((prior, "prior"), (posterior, "posterior")):
            target[f"effect of row {row}"] = group_of(fit, group)["beta"].sel(row=row).to_numpy()
    curves = density_curves(prior, posterior)
    return ReportFigure(
        "coefficients-prior-posterior",
        "Prior and posterior",
        "Densities of the horseshoe's global scale and slab variance, and of effects (first, middle and last "
        "row), "
        f"{_READINGS[spec.readings[0]]}.",
        "A posterior much narrower than its prior was learnt from the table; one that lies on its prior was not.",
        spread_words(prior, posterior),
        figures.prior_posterior(curves),
        curves,
    )

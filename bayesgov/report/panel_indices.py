"""The report's sections on a panel's indices: their weights, their variation, and the factor behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayesgov.panel.spec import LEVELS, DynamicPanelSpec
from bayesgov.panel.variation import EVERY_YEAR
from bayesgov.report import figures, panel_figures
from bayesgov.report.content import Block, Equation, Paragraph, ReportFigure
from bayesgov.report.panel_tables import named_regions
from bayesgov.report.pieces import figure_parts
from bayesgov.report.row_tables import Tables, table

_REGIONS_IN_A_FIGURE = 12
_TERMS_IN_A_FIGURE = 4
_COMPOSITE = Equation(
    r"F = \sum_{k} \frac{\lambda_k}{\sum_l \lambda_l}\, z v_k",
    "The index is the mean of the scores of the components that are kept, weighted by the variance that each explains; "
    "z are the standardised indicators, v and lambda the vectors and values of their correlation matrix.",
)
_BOOTSTRAPS = {
    "frequentist": "cluster bootstrap (95% confidence)",
    "bayesian": "Bayesian bootstrap (95% credible)",
}


def composite_blocks(tables: Tables, shown: Tables, spec: DynamicPanelSpec) -> tuple[Block, ...]:
    """How indicators became indices."""
    if "index_weights" not in tables:
        return ()
    return (
        _COMPOSITE,
        _weights_figure(tables["index_weights"], spec),
        *table(
            shown,
            "index_adequacy",
            "Whether the indicators belong together",
            "Kaiser-Meyer-Olkin measure of sampling adequacy (above 0.6 is usually asked for; 0.5 for two indicators, "
            "whatever they are) and Bartlett's test that the indicators are not correlated.",
        ),
        *table(
            shown,
            "index_components",
            "Components",
            "Eigenvalues of the correlation matrix with their shares of the variance; kept: whether the component "
            "enters the index.",
            folded=True,
        ),
        *table(
            shown,
            "index_weights",
            "Weights of the indicators",
            "Weight of each standardised indicator in each index; indicators of which less is better are reversed "
            "before.",
            folded=True,
        ),
    )


def _weights_figure(weights: pd.DataFrame, spec: DynamicPanelSpec) -> ReportFigure:
    dimensions = spec.indices.dimensions if spec.indices else {}
    home = {indicator: name for name, indicators in dimensions.items() for indicator in indicators}
    index, _, area = (weights["index"].str.partition(", ")[column] for column in (0, 1, 2))
    kind = index.map(
        lambda name: "in its first-level index" if name in dimensions else "in the index of all indicators"
    )
    data = pd.DataFrame(
        {
            "label": weights["indicator"],
            "group": weights["indicator"].map(home).fillna(""),
            "index": weights["index"],
            "series": kind + area.map(lambda name: f", {name}" if name else ""),
            "estimate": weights["weight"],
            "lower": np.nan,
            "upper": np.nan,
        }
    )
    order = {indicator: rank for rank, indicator in enumerate(home)}
    data = data.sort_values("label", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
    whole = data[data["series"].str.startswith("in the index of all indicators")].sort_values("estimate")
    against = weights.loc[weights["weight"] < 0, "indicator"].unique()
    return ReportFigure(
        "index-weights",
        "Weights of the indicators",
        "Weight of each standardised indicator in the index of all indicators and in the first-level index that it "
        "belongs to; what an index rises by when the indicator rises by one standard deviation.",
        "Weights of one size: the index is near a plain mean. A weight below zero works against the direction that "
        "was declared for its indicator.",
        f"In the index of all indicators weights run from {whole['estimate'].iloc[0]:.2f} ({whole['label'].iloc[0]}) "
        f"to {whole['estimate'].iloc[-1]:.2f} ({whole['label'].iloc[-1]}); "
        + (f"below zero somewhere: {', '.join(against)}." if len(against) else "none is below zero."),
        figures.dot_interval(data, xlabel="weight of the standardised indicator"),
        data,
    )


def variation_blocks(tables: Tables, shown: Tables, spec: DynamicPanelSpec) -> tuple[Block, ...]:
    """Dispersion between the units of a region, year by year, and its trend."""
    blocks: list[Block] = []
    if "variation" in tables:
        rescaled = spec.indices is not None and spec.outcome in LEVELS
        of = f"{spec.outcome}, rescaled to positive values," if rescaled else spec.outcome
        blocks += _variation_figures(tables["variation"], of)
    measure = "coefficient of variation" if "variation" in tables else "standard deviation"
    trend = f"Yearly change of the logarithm of the {measure}; below zero the units of a region converge."
    return (
        *blocks,
        *table(
            shown,
            "convergence_confidence",
            "Sigma-convergence, frequentist",
            f"{trend} 95% limits and p-values of the cluster bootstrap; Pitman and Morgan's test compares the "
            "variances of the first and the last year (t above zero: the first is larger).",
        ),
        *table(
            shown,
            "convergence_credible",
            "Sigma-convergence, Bayesian",
            f"{trend} 95% limits and the probability of convergence by the Bayesian bootstrap.",
        ),
        *table(
            shown,
            "variation",
            "Coefficients of variation by region and year",
            "Standard deviation over mean of a region's units, with standard errors and 95% limits of both bootstraps.",
            folded=True,
        ),
    )


def _variation_figures(variation: pd.DataFrame, of: str) -> list[ReportFigure]:
    yearly = variation[(variation["time"].astype(str) != EVERY_YEAR) & variation["estimate"].notna()]
    data = pd.DataFrame(
        {
            "panel": named_regions(yearly["region"]),
            "series": yearly["approach"].map(_BOOTSTRAPS),
            "x": yearly["time"].astype(int),
            **{name: yearly[name] for name in ("estimate", "lower", "upper")},
        }
    )
    regions = list(dict.fromkeys(data["panel"]))
    result = []
    for key, words, part in figure_parts(regions, _REGIONS_IN_A_FIGURE, "regions"):
        drawn = data[data["panel"].isin(part)]
        result.append(
            ReportFigure(
                f"variation{key}",
                f"Coefficient of variation over the years{words}",
                f"Coefficient of variation of {of} between the units of each region, standard deviation over mean, "
                "with 95% bands that resample whole units: cluster bootstrap (confidence) and Bayesian bootstrap "
                "(credible).",
                "A falling line: the units of a region come to resemble one another. Bands are wide where a region has "
                "few units.",
                _trend_words(drawn),
                panel_figures.bands(drawn, xlabel="year", ylabel="coefficient of variation", zero=False),
                drawn,
            )
        )
    return result


def _trend_words(data: pd.DataFrame) -> str:
    own = data[data["series"] == data["series"].iloc[0]].sort_values("x")
    ends = own.groupby("panel", sort=False)["estimate"].agg(["first", "last"])
    words = "; ".join(f"{region} {row['first']:.3f} to {row['last']:.3f}" for region, row in ends.iterrows())
    return f"From {own['x'].min()} to {own['x'].max()}: {words}."


def latent_blocks(tables: Tables, shown: Tables) -> tuple[Block, ...]:
    """The composite beside the factor that its indicators share."""
    if "attenuation" not in tables:
        return ()
    found = tables["attenuation"]
    found = found.assign(region=found["region"].replace({"mean": "mean over regions"}))
    sides = [
        found[["region", "term"]].assign(
            series=name, **{end: found[f"{side}_{end}"] for end in ("estimate", "lower", "upper")}
        )
        for side, name in (("composite", "composite"), ("latent", "latent factor"))
    ]
    data = pd.concat(sides, ignore_index=True)
    data["label"] = named_regions(data["region"])
    terms = list(dict.fromkeys(data["term"]))
    blocks: list[Block] = [
        Paragraph(
            "A composite holds its indicators' noise beside what they share. Noise in the lagged outcome draws its "
            "coefficient towards zero; the latent factor stands for what the indicators share, and carries its "
            "uncertainty into the coefficients."
        )
    ]
    for key, words, part in figure_parts(terms, _TERMS_IN_A_FIGURE, "terms"):
        drawn = data.loc[data["term"].isin(part), ["term", "label", "series", "estimate", "lower", "upper"]]
        own = found[found["term"].isin(part)].groupby("term", sort=False)["ratio"].median().dropna()
        blocks.append(
            ReportFigure(
                f"attenuation{key}",
                f"Composite and latent factor{words}",
                "Posterior medians with 95% credible intervals of the model of the composite and of the model whose "
                "outcome is the indicators' common factor, in the composite's units.",
                "Composite estimates nearer to zero are what measurement error does; wider intervals of the latent "
                "factor are the uncertainty that a composite hides.",
                "Median over regions of composite over latent factor, where the latter's interval leaves zero out: "
                + (", ".join(f"{term} {value:.2f}" for term, value in own.items()) or "nowhere")
                + ".",
                figures.caterpillar(drawn, xlabel="coefficient (95% credible interval)"),
                drawn,
            )
        )
    return (
        *blocks,
        *table(
            shown,
            "attenuation",
            "Attenuation",
            "Posterior medians with 95% credible limits under both outcomes and their ratio, composite over latent; no "
            "ratio to a latent coefficient whose interval holds zero.",
            folded=True,
        ),
        *table(
            shown,
            "latent_items",
            "Indicators of the latent factor",
            "Posterior medians with 95% credible limits of each indicator's loading, of the standard deviations of its "
            "noise that lasts and that comes anew each year, and of the factor's share of its variance within "
            "units and of that of its yearly changes.",
        ),
    )

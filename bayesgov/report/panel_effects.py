"""The report's sections on a panel's effects: region by region, in the long run, over time."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.report import figures, panel_figures
from bayesgov.report.content import Block, Equation, Paragraph, ReportFigure
from bayesgov.report.panel_tables import ALL_UNITS, COMPLETE, PARTIAL, named_regions, ordered_marks
from bayesgov.report.pieces import figure_parts
from bayesgov.report.row_tables import Tables, table

_SERIES = {
    "system GMM": "system GMM of each region alone and of all units (confidence)",
    "difference GMM": "difference GMM of each region alone and of all units (confidence)",
    "no pooling": "posterior medians of each region by itself (no pooling; credible)",
    PARTIAL: "posterior medians of the regions as draws from one distribution (partial pooling; credible)",
    COMPLETE: "vertical line and band, the posterior of one coefficient for all (complete pooling; credible)",
}
_TERMS_IN_A_FIGURE = 4
_TERMS_IN_A_FOREST = 24
_REGIONS_IN_A_FIGURE = 12

_EQUATION = Equation(
    r"y_{it} = \sum_{l=1}^{p} \alpha_{rl}\, y_{i,t-l} + \sum_{j} \sum_{l=0}^{q_j} \beta_{rjl}\, x_{ij,t-l} + \nu_r + "
    r"\lambda_t + \eta_i + \varepsilon_{it}",
    "The outcome of unit i of region r in period t is a sum of its own lags, of the predictors with their lags, of the "
    "region's intercept, and of period, unit and residual effects.",
)
_POOLING = Equation(
    r"(\alpha_r, \beta_r, \nu_r) \sim N(\mu, \Omega)",
    "Partial pooling: the coefficients of the regions are draws from one normal distribution, whose standard "
    "deviations the data choose.",
)
_CONDITIONAL = Equation(
    r"\eta_i = \delta' w_i + u_i, \quad u_i \sim N(0, \tau^2)",
    "Unit effects depend on w, the unit's first values and its means, so that the first outcome may be taken as given.",
)
_LONG_RUN = Equation(
    r"\theta_{rj} = \frac{\sum_{l} \beta_{rjl}}{1 - \sum_{l} \alpha_{rl}}",
    "The long-run effect is the sum of a predictor's coefficients over one minus the sum of those of the lagged "
    "outcome.",
)
_IMPULSE = Equation(
    r"\psi_h = \beta_h + \sum_{l=1}^{\min(h, p)} \alpha_l\, \psi_{h-l}",
    "The response h periods after an impulse: the predictor's coefficient at that lag, if it has one, and what the "
    "outcome's own lags hand on.",
)


def effect_blocks(tables: Tables, shown: Tables, spec: DynamicPanelSpec) -> tuple[Block, ...]:
    """Coefficients by region and school."""
    if "regions" not in tables:
        return ()
    equations = [_EQUATION]
    if spec.pooling == "partial" and spec.region:
        equations.append(_POOLING)
    if spec.initial == "conditional":
        equations.append(_CONDITIONAL)
    return (
        *equations,
        *_forests(tables["regions"], [entry.name for entry in spec.regressors()]),
        *table(
            shown,
            "mean_effects",
            "Means over regions and differences between them",
            "Partial pooling: posterior median and 95% credible limits of each coefficient's mean over regions and of "
            "its standard deviation between regions.",
        ),
        *table(
            shown,
            "regions_frequentist",
            "GMM by region",
            f"Estimates with standard errors, 95% confidence limits and p-values against zero (not adjusted); "
            f'"{ALL_UNITS}" is one regression of all units.',
            folded=True,
        ),
        *table(
            shown,
            "regions_posterior",
            "Posterior by region",
            "Posterior medians with standard deviations, 95% equal-tailed credible limits and the probability of a "
            "positive coefficient, under each kind of pooling.",
            folded=True,
        ),
    )


def _forests(regions: pd.DataFrame, terms: Sequence[str]) -> tuple[ReportFigure, ...]:
    data = regions[regions["term"].isin(terms) & regions["estimate"].notna()]
    if data["region"].nunique() == 1:
        return tuple(_one_forest(data, terms, *part) for part in figure_parts(terms, _TERMS_IN_A_FOREST, "terms"))
    alone = data[data["region"] != ALL_UNITS]
    data = data.assign(label=named_regions(data["region"]))
    marks = ordered_marks(data[data["series"] != COMPLETE], _SERIES)
    data = pd.concat([marks, data[data["series"] == COMPLETE]], ignore_index=True)
    series = set(data["series"])
    words = "; ".join(text for name, text in _SERIES.items() if name in series)
    band = COMPLETE if COMPLETE in series else None
    result = []
    for key, ending, part in figure_parts(terms, _TERMS_IN_A_FIGURE, "terms"):
        drawn = data[data["term"].isin(part)].sort_values(
            "term", key=lambda names: names.map(terms.index), kind="stable"
        )
        drawn = drawn[["term", "label", "series", "estimate", "lower", "upper", "interval"]]
        result.append(
            ReportFigure(
                f"regions{key}",
                f"Regions by both schools{ending}",
                f"Estimates by region with 95% intervals: {words}. "
                "L1. marks a lag of one period; an arrow head marks an interval that leaves the panel.",
                "Partial pooling draws what a region alone says too little about towards the others; where it stays "
                "away from them, the region has the data to do so.",
                _settled_words(alone[alone["term"].isin(part)]),
                figures.caterpillar(drawn, xlabel="coefficient (95% interval)", band=band),
                drawn,
            )
        )
    return tuple(result)


def _one_forest(data: pd.DataFrame, terms: Sequence[str], key: str, ending: str, part: Sequence[str]) -> ReportFigure:
    drawn = data[data["term"].isin(part)].assign(label=lambda frame: frame["term"])
    drawn = drawn.sort_values("term", key=lambda names: names.map(terms.index), kind="stable")
    drawn = drawn[["label", "series", "estimate", "lower", "upper", "interval"]]
    return ReportFigure(
        f"coefficients{key}",
        f"Coefficients by both schools{ending}",
        "GMM estimates with 95% confidence intervals and posterior medians with 95% equal-tailed credible intervals. "
        "L1. marks a lag of one period.",
        "Where the intervals lie apart, the schools differ in what they take as given: GMM the instruments, the "
        "posterior the distribution of the unit effects.",
        _settled_words(drawn),
        figures.dot_interval(drawn, xlabel="coefficient (95% interval)"),
        drawn,
    )


def _settled_words(data: pd.DataFrame) -> str:
    settled = (data["lower"] > 0) | (data["upper"] < 0)
    counts = settled.groupby(data["series"], sort=False).agg(["sum", "size"])
    words = ", ".join(f"{row['sum']} of {row['size']} ({name})" for name, row in counts.iterrows())
    return f"Intervals that leave zero out: {words}."


def long_run_blocks(tables: Tables, shown: Tables) -> tuple[Block, ...]:
    """Long-run effects and persistence of both schools."""
    marks = long_run_rows(tables)
    if marks.empty and "persistence" not in shown:
        return ()
    blocks: list[Block] = [_LONG_RUN]
    variables = list(dict.fromkeys(marks["term"]))
    for key, ending, part in figure_parts(variables, _TERMS_IN_A_FIGURE, "variables"):
        blocks.append(_long_run_figure(marks[marks["term"].isin(part)], key, ending))
    return (
        *blocks,
        *table(
            shown,
            "long_run_gmm",
            "Long-run effects, GMM",
            "Estimates with 95% delta-method confidence limits and Fieller's 95% confidence set, which may be "
            "unbounded where the denominator may be zero; the delta method holds only where g is below 0.05.",
        ),
        *table(
            shown,
            "long_run_posterior",
            "Long-run effects, posterior",
            "Posterior medians with 95% equal-tailed credible limits and the probability of a positive effect, over "
            "the draws below a unit root, where a long run exists.",
        ),
        *table(
            shown,
            "persistence",
            "Persistence and half-life, posterior",
            "The largest root of the outcome's lags (their coefficient, where there is one lag) and the periods until "
            "half of a shock is gone; infinite from a unit root on.",
        ),
        *table(
            shown,
            "half_life_gmm",
            "Half-life, GMM",
            "The coefficient of the lagged outcome and its half-life; 95% limits are those of the coefficient's Wald "
            "interval, transformed.",
        ),
    )


def long_run_rows(tables: Tables) -> pd.DataFrame:
    """Marks of the long-run figure: term, label, series, estimate, lower, upper, set_kind."""
    parts = []
    if "long_run_gmm" in tables:
        found = tables["long_run_gmm"]
        bounded = found["fieller_kind"] == "interval"
        shared = {"term": found["variable"], "label": found["region"], "estimate": found["estimate"].where(bounded)}
        delta = pd.DataFrame({**shared, "lower": found["lower"], "upper": found["upper"], "set_kind": "interval"})
        fieller = pd.DataFrame(
            {
                **shared,
                "lower": found["fieller_lower"],
                "upper": found["fieller_upper"],
                "set_kind": found["fieller_kind"],
            }
        )
        parts += [delta[bounded].assign(series="GMM, delta method"), fieller.assign(series="GMM, Fieller's set")]
    if "long_run_posterior" in tables:
        found = tables["long_run_posterior"]
        own = found[["variable", "region", "median", "lower", "upper"]].assign(set_kind="interval", series="posterior")
        parts.append(own.rename(columns={"variable": "term", "region": "label", "median": "estimate"}))
    columns = ["term", "label", "series", "estimate", "lower", "upper", "set_kind"]
    rows = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    rows["label"] = named_regions(rows["label"])
    return ordered_marks(
        rows.dropna(subset=["lower", "upper"]), ("GMM, delta method", "GMM, Fieller's set", "posterior")
    )


def _long_run_figure(data: pd.DataFrame, key: str, ending: str) -> ReportFigure:
    known = data.dropna(subset=["lower"])
    fieller = known[known["series"] == "GMM, Fieller's set"]
    unbounded = int((fieller["set_kind"] != "interval").sum())
    posterior = known[known["series"] == "posterior"]
    words = [f"{unbounded} of {len(fieller)} Fieller sets are unbounded."] if len(fieller) else []
    if len(posterior):
        low, high = posterior["estimate"].min(), posterior["estimate"].max()
        zero = int(((posterior["lower"] <= 0) & (posterior["upper"] >= 0)).sum())
        words.append(
            f"Posterior medians run from {low:.2f} to {high:.2f}; {zero} of {len(posterior)} credible intervals "
            "include zero."
        )
    return ReportFigure(
        f"long-run{key}",
        f"Long-run effects{ending}",
        "Long-run effects by region: GMM with 95% delta-method intervals and Fieller's 95% confidence sets, and "
        "posterior medians with 95% credible intervals. Two lines that run out of the panel with a gap between them "
        "are a set that holds everything but the gap. Where Fieller's set is unbounded, GMM's point estimate and its "
        "delta-method interval say nothing and are left to the table.",
        "Where the lagged outcome's coefficient may be 1, a ratio has no finite moments: medians and Fieller's sets "
        "keep their meaning there, delta-method intervals do not.",
        " ".join(words),
        figures.caterpillar(data, xlabel="long-run effect (95% interval)"),
        data,
    )


def impulse_blocks(tables: Tables, shown: Tables) -> tuple[Block, ...]:
    """Impulse responses by region, one figure for each variable."""
    if "impulse_responses" not in tables:
        return ()
    found = tables["impulse_responses"].rename(columns={"region": "panel", "horizon": "x", "median": "estimate"})
    found = found.assign(series="posterior", panel=named_regions(found["panel"]))
    blocks: list[Block] = [
        Paragraph(
            "What a predictor's rise by one unit for one period does to the outcome, then and later, everything else "
            "as it is."
        ),
        _IMPULSE,
    ]
    for number, (variable, mine) in enumerate(found.groupby("variable", sort=False), start=1):
        regions = list(dict.fromkeys(mine["panel"]))
        for key, ending, part in figure_parts(regions, _REGIONS_IN_A_FIGURE, "regions"):
            data = mine.loc[
                mine["panel"].isin(part), ["variable", "panel", "series", "x", "estimate", "lower", "upper"]
            ]
            blocks.append(_impulse_figure(f"{variable}{ending}", f"impulse-responses-{number}{key}", data))
    return (
        *blocks,
        *table(
            shown,
            "impulse_responses",
            "Impulse responses",
            "Posterior medians with 95% equal-tailed credible limits, by region, variable and periods since the "
            "impulse.",
            folded=True,
        ),
    )


def _impulse_figure(to: str, key: str, data: pd.DataFrame) -> ReportFigure:
    last = data[data["x"] == data["x"].max()]
    first = data[data["x"] == 0]
    gone = int(((last["lower"] <= 0) & (last["upper"] >= 0)).sum())
    return ReportFigure(
        key,
        f"Impulse responses to {to}",
        "Posterior median of the response and its 95% credible band by periods since the impulse, for each region; a "
        "band that leaves the panel is cut there.",
        "Responses that stay away from zero say that persistence carries an effect on; a widening band, that the "
        "panel cannot tell how long.",
        f"At once the medians run from {first['estimate'].min():.3g} to {first['estimate'].max():.3g}, after "
        f"{data['x'].max():.0f} periods from {last['estimate'].min():.3g} to {last['estimate'].max():.3g}; by then "
        f"{gone} of {len(last)} bands include zero.",
        panel_figures.bands(data, xlabel="periods since the impulse", ylabel="response", zero=True),
        data,
    )

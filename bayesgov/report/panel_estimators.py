"""The report's sections on GMM: its tests, its neighbours, its instruments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.report import panel_figures
from bayesgov.report.content import Block, ReportFigure
from bayesgov.report.panel_methods import STEPS
from bayesgov.report.panel_tables import ALL_UNITS, multiverse_rows, named_regions, ordered_marks
from bayesgov.report.pieces import NORMAL, figure_parts
from bayesgov.report.row_tables import Tables, table

_NEIGHBOURS = ("within", "bias-corrected", "GMM", "anderson-hsiao", "pooled")
_REGIONS_IN_A_FIGURE, _MOST_TERMS = 8, 3


def gmm_blocks(tables: Tables, shown: Tables, spec: DynamicPanelSpec) -> tuple[Block, ...]:
    """GMM as a paper prints it, and the bracket in which its persistence should lie."""
    kind = "System" if spec.gmm.system else "Difference"
    return (
        *table(
            shown,
            "gmm",
            f"{kind} GMM by region",
            f"{STEPS[spec.gmm.steps].capitalize()} estimates with standard errors in parentheses"
            f"{_correction(spec)}; L1. marks a lag of one period. At the foot p-values of the tests that the "
            "instruments are valid together and that first-differenced errors are not autocorrelated (the first order "
            "should be, the second should not), and the numbers of instruments, units and observations.",
        ),
        *table(
            shown,
            "gmm_rows",
            f"{kind} GMM, every digit",
            "The same, one row an estimate.",
            folded="gmm" in shown,
        ),
        *_bracket(tables, spec),
        *table(
            shown,
            "gmm_tests",
            "Every test of GMM",
            "Statistics with their degrees of freedom (none where the reference distribution is the standard normal). "
            "Sargan's test assumes errors of one variance, Hansen's does not; differences in Hansen's statistic test "
            "one group of instruments given the others.",
            folded=True,
        ),
        *table(
            shown,
            "linear",
            "Estimators beside GMM",
            "Pooled least squares, the within estimator, Anderson and Hsiao's instrumental variables and the "
            "bias-corrected within estimator, with standard errors clustered by unit; the region "
            f'"{ALL_UNITS}" holds every unit.',
            folded=True,
        ),
    )


def _correction(spec: DynamicPanelSpec) -> str:
    if spec.gmm.steps == "one":
        return " (clustered by unit)" if spec.gmm.robust else " that assume errors of one variance"
    return " (Windmeijer's correction)" if spec.gmm.robust else " that take the estimated weights as known"


def _bracket(tables: Tables, spec: DynamicPanelSpec) -> tuple[ReportFigure, ...]:
    if "linear" not in tables:
        return ()
    lag = f"L1.{spec.outcome}"
    parts = [tables["linear"].rename(columns={"estimator": "series"})]
    if "gmm" in tables:
        parts.append(tables["gmm"].assign(series="GMM"))
    joined = pd.concat(parts, ignore_index=True)
    marks = joined[(joined["term"] == lag) & joined["estimate"].notna()]
    ends = marks.pivot(index="region", columns="series", values="estimate").reindex(columns=["within", "pooled"])
    ends = ends.dropna().rename(columns={"within": "low", "pooled": "high"}).reset_index()
    if ends.empty:
        return ()
    reach = np.where(marks["series"].isin(("within", "pooled")), np.nan, NORMAL * marks["std_error"])
    data = marks.assign(
        label=named_regions(marks["region"]), lower=marks["estimate"] - reach, upper=marks["estimate"] + reach
    )
    data = ordered_marks(data[["term", "label", "series", "estimate", "lower", "upper"]], _NEIGHBOURS)
    ends["label"] = named_regions(ends["region"])
    return (_bracket_figure(data, ends),)


def _bracket_figure(data: pd.DataFrame, ends: pd.DataFrame) -> ReportFigure:
    gmm = data[(data["series"] == "GMM") & data["estimate"].notna()].merge(ends, on="label")
    inside = int(gmm["estimate"].between(gmm["low"], gmm["high"]).sum())
    words = "; ".join(
        f"{row.label}: within {row.low:.2f}, pooled {row.high:.2f}" for row in ends.itertuples(index=False)
    )
    return ReportFigure(
        "bracket",
        "Persistence between the within and the pooled estimate",
        "Coefficient of the outcome's first lag by estimator and region. Bars run from the within estimate, which is "
        "biased downwards in short panels, to the pooled one, which unit effects bias upwards; lines are 95% Wald "
        "confidence intervals of the others. An arrow head marks an interval that leaves the panel.",
        "A consistent estimate should lie in the bar. One that lies outside speaks of weak or invalid instruments, or "
        "of a wrong equation.",
        f"GMM lies inside the bar for {inside} of {len(gmm)} estimates. {words}.",
        panel_figures.bracket(
            data,
            ends,
            xlabel="coefficient of the outcome's first lag (95% confidence interval)",
            loose="anderson-hsiao",
        ),
        data,
    )


def multiverse_blocks(tables: Tables, shown: Tables, spec: DynamicPanelSpec) -> tuple[Block, ...]:
    """Estimates of persistence and of the first predictor's effects under every set of instruments."""
    if "multiverse" not in tables or not tables["multiverse"]["estimate"].notna().any():
        return ()
    found = tables["multiverse"]
    main = [entry.name for entry in spec.regressors() if entry.variable in (spec.outcome, *spec.predictors[:1])]
    found = found.assign(region=named_regions(found["region"]))
    marks = multiverse_rows(found, [term for term in main if (found["term"] == term).any()][:_MOST_TERMS])
    regions = list(dict.fromkeys(marks["region"]))
    lost = [region for region in dict.fromkeys(found["region"]) if region not in regions]
    figures = []
    for *endings, part in figure_parts(regions, _REGIONS_IN_A_FIGURE, "regions"):
        figures.append(_multiverse_figure(marks[marks["region"].isin(part)], spec, endings, lost, found["depth"]))
    return (
        *figures,
        *table(
            shown,
            "multiverse",
            "Every set of instruments",
            "Estimates with standard errors and the tests that go with them, by equation, collapsing, depth of the lag "
            "window and region; many: more instruments than units.",
            folded=True,
        ),
    )


def _multiverse_figure(
    marks: pd.DataFrame, spec: DynamicPanelSpec, endings: Sequence[str], lost: Sequence[str], depths: pd.Series
) -> ReportFigure:
    windows = [f"{depth} lag{'s' if depth != '1' else ''}" for depth in dict.fromkeys(depths.astype(str))]
    sets = marks[marks["quantity"] == "Hansen, p"]
    none = f" No set of instruments gives an estimate for {', '.join(lost)}." if lost else ""
    return ReportFigure(
        f"multiverse{endings[0]}",
        f"The multiverse of instruments{endings[1]}",
        "Estimates with 95% confidence intervals, and Hansen's p-value (dashed line: 0.05), under every set of "
        "instruments: difference or system GMM, one column for each lag and period or collapsed, and within each of "
        f"these groups, from left to right, lag windows of {', '.join(windows)}.{none} "
        "A triangle at the edge marks an estimate that leaves the panel; long intervals are cut there.",
        "A conclusion that holds across a row does not hang on the instruments. Hollow marks are not to be trusted: "
        "with more instruments than units GMM approaches least squares and Hansen's p-value approaches 1.",
        _range_words(marks, f"L1.{spec.outcome}")
        + f" {int(sets['many'].sum())} of {len(sets)} sets have more instruments than units.",
        panel_figures.multiverse(marks),
        marks,
    )


def _range_words(marks: pd.DataFrame, lag: str) -> str:
    own = marks[marks["quantity"] == lag]
    spans = own.groupby("region", sort=False)["estimate"].agg(["min", "max"])
    words = "; ".join(f"{region} from {row['min']:.2f} to {row['max']:.2f}" for region, row in spans.iterrows())
    return f"Estimates of the outcome's first lag over the sets: {words}." if words else ""

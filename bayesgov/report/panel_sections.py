"""The report's sections on a panel fitted by both schools: from the flow of rows to the priors."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.report import categories, figures
from bayesgov.report.content import Block, Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.panel_effects import effect_blocks, impulse_blocks, long_run_blocks
from bayesgov.report.panel_estimators import gmm_blocks, multiverse_blocks
from bayesgov.report.panel_indices import composite_blocks, latent_blocks, variation_blocks
from bayesgov.report.panel_schools import last_period_tables
from bayesgov.report.panel_tables import displayed, named_regions, score_differences
from bayesgov.report.pieces import assumptions
from bayesgov.report.row_tables import Tables, table

_TESTS_OF_RESIDUALS = r"AR\(|Sargan|Hansen$"


def sections(tables: Tables, spec: DynamicPanelSpec, assumed: Sequence[str]) -> tuple[Section, ...]:
    """Sections for whatever tables there are.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name, as :mod:`bayesgov.panel.analysis` makes them.
    spec : DynamicPanelSpec
    assumed : sequence of str
        Assumptions.
    """
    tables = {name: frame for name, frame in tables.items() if not frame.empty}
    shown = displayed(tables)
    drafts: tuple[tuple[str, str, tuple[Block, ...]], ...] = (
        ("panel", "The panel", _panel(tables, shown)),
        ("composites", "From indicators to indices", composite_blocks(tables, shown, spec)),
        ("variation", "Variation between the units of a region", variation_blocks(tables, shown, spec)),
        ("effects", "Effects: both schools", effect_blocks(tables, shown, spec)),
        ("long-run", "Long run and persistence", long_run_blocks(tables, shown)),
        ("impulses", "Impulse responses by region", impulse_blocks(tables, shown)),
        ("gmm", "GMM and its tests", gmm_blocks(tables, shown, spec)),
        ("multiverse", "The multiverse of instruments", multiverse_blocks(tables, shown, spec)),
        ("initial", "Initial conditions", _initial(tables, shown, spec)),
        ("prediction", "Prediction of regions and periods left out", _prediction(tables)),
        ("residuals", "Residuals by both schools", _residuals(shown)),
        ("latent", "Latent factor and attenuation", latent_blocks(tables, shown)),
        ("priors", "Priors", _priors(shown)),
        ("assumptions", "Assumptions", assumptions(tuple(assumed))),
    )
    return tuple(Section(key, title, blocks) for key, title, blocks in drafts if blocks)


def _panel(tables: Tables, shown: Tables) -> tuple[Block, ...]:
    return (
        *([_flow_figure(tables["flow"])] if "flow" in tables else []),
        *table(
            shown,
            "panel",
            "The panel by region",
            "Units, the first and last period, rows, units with a row in every period, and units with gaps between "
            "their periods.",
        ),
        *table(
            shown,
            "flow",
            "Rows and units left",
            "After each step from the data to the model.",
            folded=True,
        ),
        *table(
            shown,
            "interpolation",
            "Missing cells and how they were filled",
            "Cells of each column: known, interpolated on the line between a unit's neighbouring values, carried from "
            "the nearest value, and left missing.",
        ),
    )


def _flow_figure(flow: pd.DataFrame) -> ReportFigure:
    first, last = int(flow["left"].iloc[0]), int(flow["left"].iloc[-1])
    return ReportFigure(
        "row-flow",
        "From the file to the model",
        f"Rows left after each step and rows lost at it; {first:,} rows in the data, {last:,} in the model.",
        "Lags cost each unit its first periods; other losses are missing cells and gaps, and worth a look.",
        "; ".join(f"{row.reason}: {row.lost:,} lost, {row.left:,} left" for row in flow.itertuples()) + ".",
        categories.row_flow(flow),
        flow,
    )


def _initial(tables: Tables, shown: Tables, spec: DynamicPanelSpec) -> tuple[Block, ...]:
    if "initial_conditions" not in tables:
        return ()
    found = tables["initial_conditions"]
    data = found[(found["term"] == f"L1.{spec.outcome}") & found["estimate"].notna()]
    data = data.rename(columns={"initial": "series"})
    data = data.assign(label=named_regions(data["region"]))
    data = data[["label", "series", "estimate", "lower", "upper"]]
    means = data.groupby("series", sort=False)["estimate"].mean()
    notes = found.drop_duplicates("initial")
    return (
        Paragraph(
            "The first outcome of every unit carries the unit's effect. A model that forgets it (naive) hands the "
            "effect to the lagged outcome, whose coefficient then is too large; with the first outcome and the unit's "
            "means as covariates (conditional), or drawn from the stationary distribution (stationary), it is not."
        ),
        ReportFigure(
            "initial-conditions",
            "Persistence under three models of the first outcome",
            "Posterior medians of the coefficient of the outcome's first lag with 95% credible intervals, by region.",
            "Naive estimates above the others show what ignoring the first outcome does; where all agree, the panel "
            "is long enough for it not to matter.",
            "Mean over the rows of the figure: "
            + ", ".join(f"{name} {value:.2f}" for name, value in means.items())
            + ".",
            figures.dot_interval(
                data, xlabel="coefficient of the outcome's first lag (95% credible interval)", zero=False
            ),
            data,
        ),
        *table(
            shown,
            "initial_conditions",
            "Every coefficient under the three models",
            "Posterior medians with standard deviations and 95% equal-tailed credible limits. "
            + " ".join(f"{str(row.initial).capitalize()}: {row.note}." for row in notes.itertuples()),
            folded=True,
        ),
    )


def _prediction(tables: Tables) -> tuple[Block, ...]:
    wanted = (
        (
            "region_scores",
            "region",
            "region-scores",
            "Regions left out",
            "Each region's rows given the other regions'.",
        ),
        ("future_scores", "time", "future-scores", "Periods left out", "Each period's rows given the periods before."),
    )
    blocks: list[Block] = []
    for name, by, key, title, words in wanted:
        if name not in tables:
            continue
        found = tables[name]
        if found["model"].nunique() == 1:
            alone = f"{words} Log predictive densities of rows that the model has not seen, with Monte Carlo errors."
            blocks.append(ReportTable(key, title, alone, found, digits=4))
            continue
        frame = score_differences(found, by)
        caption = (
            f"{words} Log predictive densities of rows that the model has not seen, coefficients, unit and period "
            "effects integrated out; the difference is partial less complete pooling, above zero where regions that "
            "may differ predict better, with its Monte Carlo standard error."
        )
        blocks.append(ReportTable(key, title, caption, frame, digits=4))
    return (*blocks, *last_period_tables(tables))


def _residuals(shown: Tables) -> tuple[Block, ...]:
    blocks = table(
        shown,
        "residual_checks",
        "Residuals of the posterior",
        "Statistics of the realised residuals (posterior medians) beside the central 95% of residuals replicated from "
        "the model, with the share of replications at or above the realised value: near 0 or 1 the model does not "
        "reproduce the statistic.",
    )
    if not blocks or "gmm_tests" not in shown:
        return blocks
    tests = shown["gmm_tests"]
    beside = tests[tests["test"].str.contains(_TESTS_OF_RESIDUALS, regex=True)]
    return (
        *blocks,
        ReportTable(
            "residual-tests",
            "The same questions to GMM",
            "Arellano and Bond's tests of autocorrelation of first-differenced residuals, of which the first order "
            "should reject and the second should not, and the tests of overidentification.",
            beside,
        ),
    )


def _priors(shown: Tables) -> tuple[Block, ...]:
    return table(
        shown,
        "priors",
        "Priors",
        "Every prior of the posterior, in the variables' own units.",
    )

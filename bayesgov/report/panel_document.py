"""The report on a panel by both schools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from bayesgov.fits import Approach, Check
from bayesgov.report import panel_methods
from bayesgov.report.content import Document, FitDiagnostics, StudyPart
from bayesgov.report.fit_content import diagnostics, failure_line, parted_name
from bayesgov.report.panel_schools import regional_names
from bayesgov.report.panel_sections import sections
from bayesgov.report.panel_tables import ALL_UNITS, ALL_UNITS_IN_WORDS, PARTIAL, without_pooling_of_one
from bayesgov.report.row_tables import Tables
from bayesgov.report.schools import school_sections

if TYPE_CHECKING:
    from bayesgov.panel.analysis import PanelAnalysis
    from bayesgov.panel.spec import DynamicPanelSpec

_LEAD = (
    "What do the two schools of inference conclude from the same panel? GMM with its tests and a hierarchical Bayesian "
    "model, side by side, from one specification."
)
_BAYESIAN_STEPS: Mapping[str, Approach] = {"posterior": "bayesian", "latent factor": "bayesian"}


def panel_document(found: PanelAnalysis, source: str, provenance: Mapping[str, str]) -> Document:
    """The report of one analysis.

    Parameters
    ----------
    found : PanelAnalysis
    source : str
        Which kind of data the rows are.
    provenance : mapping of str to str
    """
    spec = found.spec
    title = spec.label or f"{spec.outcome} by {spec.unit} and {spec.time}"
    tables = without_pooling_of_one(found.tables)
    checked = diagnostics(found, "panel", _BAYESIAN_STEPS)
    fits = tuple(found.fits.values())
    part = StudyPart(
        key="panel",
        title=title,
        citation=f"{found.table.name}: {equation_text(spec)}",
        source=source,
        verdicts=(),
        audit=None,
        sections=(*school_sections(fits, regional_names(fits, spec)), *sections(tables, spec, found.assumptions)),
        diagnostics=tuple(row for entry in checked for row in by_region(entry)),
        summary=summary(found, tables),
    )
    return Document(
        title=title,
        lead=_LEAD,
        parts=(part,),
        methods=panel_methods.sections(spec, found.tables, tuple(found.fits)),
        references=panel_methods.references(spec, found.tables, tuple(found.fits)),
        provenance=provenance,
        problems=found.problems,
    )


def equation_text(spec: DynamicPanelSpec) -> str:
    """ "y on L1.y, x, L1.x"."""
    return f"{spec.outcome} on {', '.join(entry.name for entry in spec.regressors())}"


def by_region(entry: FitDiagnostics) -> tuple[FitDiagnostics, ...]:
    """A fit's checks with a row for each region: "hansen_p [north]" is the check hansen_p of "GMM, north"."""
    rows: dict[str, list[Check]] = {}
    for check in entry.checks:
        name, region = parted_name(check.name)
        part = ALL_UNITS_IN_WORDS if region == ALL_UNITS else region
        rows.setdefault(f"{entry.fit}, {part}" if part else entry.fit, []).append(replace(check, name=name))
    if not rows:
        return (entry,)
    return tuple(replace(entry, fit=name, checks=tuple(checks)) for name, checks in rows.items())


def summary(found: PanelAnalysis, tables: Tables) -> tuple[str, ...]:
    """What came out: the panel's size, persistence and the first predictor's effect by both schools."""
    spec, design = found.spec, found.design
    regions = f" in {len(design.regions)} regions" if len(design.regions) > 1 else ""
    first, last = design.flow[0].left, design.flow[-1].left
    lines = [
        f"{last:,} of {first:,} rows are in the model: {len(design.units):,} units{regions}, {len(design.times)} "
        f"periods ({design.times[0]} to {design.times[-1]}); {len(design.terms)} coefficients."
    ]
    estimates = tables.get("regions")
    if estimates is not None:
        main = [entry.name for entry in spec.regressors() if entry.variable in spec.predictors[:1]]
        lines += [
            line
            for term in (f"L1.{spec.outcome}", *main)
            if (line := effect_line(term, estimates, tables.get("mean_effects")))
        ]
    return (*lines, failure_line(found))


def effect_line(term: str, estimates: pd.DataFrame, means: pd.DataFrame | None) -> str:
    """One term by both schools: how its regional estimates lie, and its mean over regions."""
    known = estimates[(estimates["term"] == term) & estimates["estimate"].notna()]
    words = []
    for series, mine in known.groupby("series", sort=False):
        regional = mine[mine["region"] != ALL_UNITS]
        shown = regional if len(regional) else mine
        if not str(series).endswith("GMM") and series != _own_series(known):
            continue
        words.append(f"{series} {_spread(shown)}")
    if means is not None and (own := means[means["term"] == term]).size:
        row = own.iloc[0]
        words.append(f"posterior mean over regions {row['estimate']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]")
    return f"{term}: {'; '.join(words)}." if words else ""


def _own_series(known: pd.DataFrame) -> str:
    """The Bayesian series to quote: partial pooling where there is one, else whatever there is."""
    series = [name for name in dict.fromkeys(known["series"]) if not name.endswith("GMM")]
    return PARTIAL if PARTIAL in series else (series[-1] if series else "")


def _spread(rows: pd.DataFrame) -> str:
    """ "0.52 [0.40, 0.64]" of one estimate; the range and how many intervals leave zero out, of several."""
    if len(rows) == 1:
        row = rows.iloc[0]
        return f"{row['estimate']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]"
    clear = int(((rows["lower"] > 0) | (rows["upper"] < 0)).sum())
    return (
        f"from {rows['estimate'].min():.3f} to {rows['estimate'].max():.3f}, {clear} of {len(rows)} intervals leave "
        "zero out"
    )

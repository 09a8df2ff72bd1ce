"""Puts results into the order of the page: which sections, which fits' diagnostics, which references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from bayesgov.published.audit import AuditReport
from bayesgov.published.reanalysis import StudyReanalysis
from bayesgov.report import coefficients, contingency, figures, methods, regions
from bayesgov.report.content import Document, FitDiagnostics, ReportFigure, Section, StudyPart
from bayesgov.report.flip_map import flip_section
from bayesgov.study import Study

_SOURCE = (
    "printed numbers: everything here is computed from the publication's tables as printed; no rows, no simulated and "
    "no other data are used"
)

_LEAD = (
    "Do the numbers that a paper printed agree with one another, and what do the two schools of inference conclude "
    "from them? The printed tables, a frequentist replication and a Bayesian posterior, side by side."
)


def document(results: Sequence[StudyReanalysis], provenance: Mapping[str, str]) -> Document:
    """The report of one or more reanalysed studies."""
    blocks = {block for result in results for block in result.blocks}
    seconds = {
        f"wall time, {r.study.key}/{block} (s)": f"{value:.1f}" for r in results for block, value in r.seconds.items()
    }
    return Document(
        title="Reanalysis from printed tables: " + " and ".join(result.study.key for result in results),
        lead=_LEAD,
        parts=tuple(_part(result) for result in results),
        methods=methods.sections(blocks),
        references=methods.references(blocks),
        provenance={**provenance, **seconds},
        problems=tuple(problem for result in results for problem in result.problems),
    )


def trees(results: Sequence[StudyReanalysis]) -> dict[str, xr.DataTree]:
    """Every fit's tree, by study and label."""
    return {f"{result.study.key}-{label}": fit.tree for result in results for label, fit in result.fits.items()}


def citation(study: Study) -> str:
    """Authors (year). Title. Where. DOI."""
    source = study.citation
    year = f" ({source.year})" if source.year else ""
    where = f" {source.journal or source.affiliation}." if source.journal or source.affiliation else ""
    doi = f" https://doi.org/{source.doi}" if source.doi else ""
    return f"{', '.join(source.authors)}{year}. {source.title}.{where}{doi}"


def _part(result: StudyReanalysis) -> StudyPart:
    study, spec, blocks, fits = result.study, result.spec, result.blocks, result.fits
    sections: list[Section] = [*flip_section(result.flips, study.key)]
    if spec.contingency and "contingency" in blocks:
        block = blocks["contingency"]
        sections += contingency.sections(study, spec.contingency, fits, block.tables, block.assumptions, result.audit)
    if spec.coefficients and "coefficients" in blocks:
        block = blocks["coefficients"]
        sections += coefficients.sections(spec.coefficients, fits, block.tables, block.assumptions)
    if spec.regions and "regions" in blocks:
        block = blocks["regions"]
        sections += regions.sections(spec.regions, fits, block.tables, block.assumptions)
    return StudyPart(
        key=study.key,
        title=f"{study.key.capitalize()} study",
        citation=citation(study),
        source=_SOURCE,
        verdicts=result.verdicts,
        audit=result.audit,
        sections=tuple(sections),
        diagnostics=tuple(FitDiagnostics(study.key, fit.label, fit.approach, fit.checks()) for fit in fits.values()),
        # no check declared, nothing to draw
        audit_figures=(_audit_figure(study, result.audit),) if result.audit.rows else (),
    )


def _audit_figure(study: Study, audit: AuditReport) -> ReportFigure:
    places = {table: f"Table {table}" for table in study.tables} | {"text": "Running text", "": "Whole paper"}
    rows = []
    for row in audit.rows:
        tables = [name for name in (reference.split("/")[0] for reference in row.source) if name in places]
        rows.append({"place": places[tables[0] if tables else ""], "verdict": row.verdict, "count": 1})
    data = pd.DataFrame(rows).groupby(["place", "verdict"], as_index=False).sum()
    totals = data.groupby("verdict")["count"].sum()
    return ReportFigure(
        f"{study.key}-audit-overview",
        "Consistency checks by place in the paper",
        "Number of checks that ended in each verdict, by the first table whose numbers they use.",
        "Inconsistent: the numbers cannot all be as printed. Impossible: no data give such a number. Undetermined: "
        "rounding "
        "allows both answers. Not checkable: the check could not run, which is not a pass.",
        ", ".join(f"{count} {verdict}" for verdict, count in totals.items()) + ".",
        figures.audit_overview(data),
        data,
    )

"""The report's section that sets fits of several runs side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import pandas as pd

from bayesgov.comparison import Comparison, compare
from bayesgov.errors import InputError
from bayesgov.fits import Fit
from bayesgov.report import figures
from bayesgov.report.comparison_tables import comparison_tables
from bayesgov.report.content import Block, Document, Paragraph, ReportFigure, Section, StudyPart
from bayesgov.report.pieces import numbered_parts
from bayesgov.report.schools import decision_blocks, named

_ROWS_PER_FIGURE = 30
_FIGURES = 8
_OVERLAID = 6  # fits: so many series can be told apart in one panel
_SCHOOLS = {"frequentist": "estimator (confidence)", "bayesian": "posterior (credible)"}
_LEAD = "What do the fits of these runs say of the same estimands?"


def comparison_document(runs: Sequence[Sequence[Fit]]) -> Document:
    """A document on the terms that fits of different runs share.

    Parameters
    ----------
    runs : sequence of sequence of Fit
        The fits of each run; every fit has a label of its own.

    Raises
    ------
    InputError
        If no term is in two runs.
    """
    terms = [{str(term) for fit in fits for term in fit.estimates()["term"]} for fits in runs]
    counts = Counter(term for own in terms for term in own)
    shared = {term for term, number in counts.items() if number > 1}
    if not shared:
        raise InputError("the runs' fits have no term in common")
    fits = [fit for own in runs for fit in own if shared & set(fit.estimates()["term"])]
    every = compare(*fits)
    # what only fits of one run have in common is that run's own matter
    found = named(every, {term: term for term in every.terms if term in shared})
    part = StudyPart(
        key="fits",
        title="The runs compared",
        citation=f"Fits: {'; '.join(found.fits)}.",
        source="the fits of the runs on this page",
        verdicts=(),
        audit=None,
        sections=comparison_sections(found),
        diagnostics=(),
    )
    return Document("The runs compared", _LEAD, (part,), (), (), {}, ())


def comparison_sections(found: Comparison) -> tuple[Section, ...]:
    """Estimates side by side, what each school's rule decides of each term, and whether the data are the same."""
    tables = {table.key: table for table in comparison_tables(found)}
    drawn = _forests(found, f"{100 * found.level:g}%")
    blocks: tuple[Block, ...] = (*drawn, *_left_out(drawn, found), tables["comparison-estimates"])
    alone = found.checks.loc[found.checks["check"] == "terms_compared", "advice"]
    blocks += tuple(Paragraph(f"{text[0].upper()}{text[1:]}.") for text in alone if text)
    sections = [Section("estimates", "Estimates side by side", blocks)]
    if decided := decision_blocks(found, "comparison", {}):
        sections.append(Section("decisions", "Decisions and differences", decided))
    return tuple(sections)


def _forests(found: Comparison, level: str) -> list[ReportFigure]:
    terms_each = max(1, _ROWS_PER_FIGURE // (len(found.fits) if len(found.fits) > _OVERLAID else 1))
    several = len(found.terms) > terms_each
    drawn: list[ReportFigure] = []
    for numbers, terms in islice(numbered_parts(found.terms, terms_each), _FIGURES):
        estimates = found.estimates[found.estimates["term"].isin(terms) & found.estimates["estimate"].notna()]
        data = _forest_rows(estimates, overlaid=len(found.fits) <= _OVERLAID)
        drawn.append(
            ReportFigure(
                f"comparison-forest-{len(drawn) + 1}" if several else "comparison-forest",
                "Estimates of every fit" + (f": terms {numbers}" if several else ""),
                f"Point estimates with {level} intervals (confidence for estimators, credible for posteriors), on the "
                "scale of each model's coefficients.",
                "Good: the marks of one term lie together and their intervals overlap. Bad: they lie apart, or only "
                "one leaves zero out.",
                _forest_words(estimates),
                figures.dot_interval(data, xlabel="estimate"),
                data,
            )
        )
    return drawn


def _left_out(drawn: Sequence[ReportFigure], found: Comparison) -> Iterator[Paragraph]:
    """Says so where there are more terms than the figures show."""
    if len(drawn) == _FIGURES:
        shown = sum(figure.data["group" if "group" in figure.data else "label"].nunique() for figure in drawn)
        if shown < len(found.terms):
            yield Paragraph(f"The figures show {shown} of {len(found.terms)} terms; the tables below have all.")


def _forest_rows(estimates: pd.DataFrame, *, overlaid: bool) -> pd.DataFrame:
    """Rows are terms and series are fits; with too many fits to overlay, rows are fits in groups of terms."""
    columns = ["estimate", "lower", "upper"]
    if overlaid:
        return estimates.rename(columns={"term": "label", "fit": "series"})[["label", "series", *columns]].reset_index(
            drop=True
        )
    series = estimates["approach"].map(_SCHOOLS)
    rows = estimates.assign(group=estimates["term"], label=estimates["fit"], series=series)
    return rows[["group", "label", "series", *columns]].reset_index(drop=True)


def _forest_words(estimates: pd.DataFrame) -> str:
    rows = [
        f"{row.term}, {row.fit}: {row.estimate:.3g} [{row.lower:.3g}, {row.upper:.3g}]"
        for row in estimates.itertuples()
    ]
    return "; ".join(rows) + "."

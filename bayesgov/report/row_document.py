"""The report on ordinal regression of rows by both schools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bayesgov.report import methods
from bayesgov.report.content import Document, Section, StudyPart
from bayesgov.report.fit_content import diagnostics, failure_line
from bayesgov.report.row_tables import label_of, plain_term
from bayesgov.report.rows import forest_rows, sections
from bayesgov.report.schools import school_sections

if TYPE_CHECKING:
    from bayesgov.survey.analysis import SurveyAnalysis

_LEAD = (
    "What do the two schools of inference conclude from the same rows? Maximum likelihood with its tests and a "
    "Bayesian posterior, side by side, from one specification."
)


def row_document(found: SurveyAnalysis, source: str, provenance: Mapping[str, str]) -> Document:
    """The report of one analysis.

    Parameters
    ----------
    found : SurveyAnalysis
    source : str
        Which kind of data the rows are.
    provenance : mapping of str to str
    """
    spec = found.spec
    labels = {name: entry.label for name, entry in spec.variables.items() if entry.label}
    shown = {name: fit.estimates() for name, fit in found.fits.items()}
    coefficients = {name: frame[frame["term"].str.startswith("beta[")] for name, frame in shown.items()}
    plain = {name: frame.assign(term=frame["term"].str[len("beta[") : -1]) for name, frame in coefficients.items()}
    tables = dict(found.tables)
    tables["forest"] = forest_rows(plain.get("frequentist"), plain.get("bayesian"), labels)
    title = spec.label or spec.formula
    part = StudyPart(
        key="rows",
        title=title,
        citation=f"{found.table.name}: {spec.formula}",
        source=source,
        verdicts=(),
        audit=None,
        sections=(
            *_schools(found, labels),
            *sections(tables, labels, found.assumptions, rope=spec.rope.probability, family=spec.family),
        ),
        diagnostics=diagnostics(found, "rows", {"posterior": "bayesian"}),
        summary=_summary(found, plain),
    )
    return Document(
        title=title,
        lead=_LEAD,
        parts=(part,),
        methods=methods.rows_methods(),
        references=methods.rows_references(),
        provenance=provenance,
        problems=found.problems,
    )


def _schools(found: SurveyAnalysis, labels: Mapping[str, str]) -> tuple[Section, ...]:
    """Both schools on the coefficients and the groups' standard deviation; thresholds only say where levels lie."""
    every = [str(term) for fit in found.fits.values() for term in fit.estimates()["term"]]
    names = {term: plain_term(term) for term in every if term.startswith("beta[") or term == "group_sd"}
    return school_sections(tuple(found.fits.values()), names, {name: label_of(name, labels) for name in names.values()})


def _summary(found: SurveyAnalysis, coefficients: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    """What came out, as counts over the tables."""
    first, last = found.tables["flow"]["left"].iloc[0], found.tables["flow"]["left"].iloc[-1]
    weighted = f" ({found.design.weights.sum():,.0f} observations)" if found.spec.weights else ""
    lines = [
        f"{last:,} of {first:,} rows are in the model{weighted}; {found.design.n_terms} coefficients. "
        "Counted in figure row-flow."
    ]
    if found.spec.missing != "listwise" and found.design.n_obs < last:
        lines.append(f"Tests, selection and predictive checks use the {found.design.n_obs:,} complete ones among them.")
    likelihood, posterior = coefficients.get("frequentist"), coefficients.get("bayesian")
    if likelihood is not None:
        clear = int((likelihood["p_value"] < 0.05).sum())
        lines.append(
            f"Maximum likelihood: {clear} of {len(likelihood)} coefficients have a p-value below 0.05 "
            "(table frequentist-estimates)."
        )
    if posterior is not None:
        settled = int(((posterior["lower"] > 0) | (posterior["upper"] < 0)).sum())
        lines.append(
            f"Posterior: {settled} of {len(posterior)} 95% credible intervals leave zero out "
            "(table posterior-coefficients)."
        )
    if likelihood is not None and posterior is not None:
        both = likelihood.merge(posterior, on="term", suffixes=("_likelihood", "_posterior"))
        alike = int((both["estimate_likelihood"] * both["estimate_posterior"] > 0).sum())
        lines.append(
            f"The two schools' estimates have the same sign for {alike} of {len(both)} coefficients "
            "(table schools-pairs)."
        )
    if "projection" in found.tables:
        size = int(found.tables["projection"].query("suggested")["size"].iloc[0])
        lines.append(
            f"Projection of the posterior suggests {size} of {len(set(found.design.factors))} predictors "
            "(table projection)."
        )
    return (*lines, failure_line(found))

"""The HTML page: what the templates show, arranged from a Document; nothing is judged here."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from bayesgov.claims import Answer
from bayesgov.fits import Check
from bayesgov.published.audit import AuditReport
from bayesgov.published.audit.finding import FLAGS
from bayesgov.published.audit.report import VERDICTS
from bayesgov.report.audit_view import audit_groups, audit_tallies, bounds_text, check_question, flag_groups
from bayesgov.report.bibliography import reference_list
from bayesgov.report.check_view import check_tables, check_title, glossary_of
from bayesgov.report.checklist import STATUSES, filled_checklists, guideline_keys
from bayesgov.report.content import (
    Document,
    Equation,
    Paragraph,
    ReportTable,
    Section,
    StoredFigure,
    StudyPart,
)
from bayesgov.report.equations import equation_svg
from bayesgov.report.headings import legend
from bayesgov.report.stored import StoredRun
from bayesgov.report.svg import inline_svg
from bayesgov.report.tables import NOT_AVAILABLE, caption_text, number_text, text_table
from bayesgov.verdicts import ClaimVerdict

ANSWERS: tuple[Answer, ...] = ("holds", "does not hold", "undetermined", "not checkable")

# A verdict is always the word; the sign before it helps the eye and is hidden from screen readers.
SIGNS = {
    "holds": "✓",
    "does not hold": "✗",
    "undetermined": "?",
    "not checkable": "–",
    "consistent": "✓",
    "inconsistent": "≠",
    "impossible": "✗",
    "pass": "✓",
    "warn": "!",
    "fail": "✗",
    "not applicable": "–",
    "crashed": "✗",
    "satisfied": "✓",
    "needs the author": "?",
}

_TEMPLATES = Path(__file__).parent / "templates"
_DIGITS = 4
_WIDE_TABLE = 9  # columns: a table with more is printed on a page of its own, across
_SOURCE = re.compile(r"\b(table|figure) ([a-z][a-z0-9-]*)")
_LINK = re.compile(
    r"(?P<url>https?://[^\s<>()]+[^\s<>().,;])|\bdoi:\s?(?P<doi>10\.\d{4,9}/[^\s<>]*[^\s<>.,;)])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check that did not pass, with the fit it belongs to."""

    study: str
    fit: str
    check: Check


@dataclass(frozen=True, slots=True)
class AnswerTally:
    """Number of claims with each answer by one source; ``counts`` in the order of ANSWERS."""

    source: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """What one study's report comes to, in sentences that count decisions made elsewhere.

    ``audit`` is empty where there was nothing printed to audit.
    """

    title: str
    claims: str
    schools: str
    audit: str
    diagnostics: str


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """One study's part with the run that it is from."""

    run: StoredRun
    part: StudyPart


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """One section of the methods with the run that it is from."""

    run: StoredRun
    section: Section


def render_page(runs: Sequence[StoredRun]) -> str:
    """The whole report as one HTML file that loads nothing from anywhere.

    Parameters
    ----------
    runs : sequence of StoredRun
        In the order of the page; with several, each but one has an anchor of its own.
    """
    documents = [run.document for run in runs]
    parts = [PlacedPart(run, part) for run in runs for part in run.document.parts]
    checklists = tuple(filled for run in runs for filled in filled_checklists(run))
    template = _environment().get_template("report.html.j2")
    return template.render(
        runs=runs,
        title=page_title(documents),
        leads=tuple(dict.fromkeys(document.lead for document in documents)),
        parts=parts,
        judged=[placed for placed in parts if placed.part.judged],
        methods=distinct_methods(runs),
        checklists=checklists,
        statuses=STATUSES,
        references=sorted(
            {text for document in documents for text in reference_list(document, guideline_keys(checklists))}
        ),
        problems=[problem for document in documents for problem in document.problems],
        one_source=len({placed.part.source for placed in parts}) == 1,
        failed=checks_with(documents, "fail"),
        warned=checks_with(documents, "warn"),
        diagnostics=[table for document in documents for part in document.parts for table in check_tables(part)],
        check_glossary=glossary_of(documents),
        answers=ANSWERS,
        audit_verdicts=VERDICTS,
        flag_verdicts=FLAGS,
    )


def page_title(documents: Sequence[Document]) -> str:
    """The title of one report, or of several under one head."""
    titles = dict.fromkeys(document.title for document in documents)
    return "; ".join(titles) if len(documents) == 1 else f"{len(documents)} runs: {'; '.join(titles)}"


def distinct_methods(runs: Sequence[StoredRun]) -> tuple[PlacedSection, ...]:
    """The methods of every run; what two runs share word for word stands once."""
    seen: dict[tuple[object, ...], PlacedSection] = {}
    for run in runs:
        for section in run.document.methods:
            said = [
                block if isinstance(block, (Paragraph, Equation)) else (run.anchor, block.key)
                for block in section.blocks
            ]
            seen.setdefault((section.title, *said), PlacedSection(run, section))
    return tuple(seen.values())


def checks_with(documents: Sequence[Document], status: str) -> tuple[FailedCheck, ...]:
    """Every check of every fit that has this status."""
    return tuple(
        FailedCheck(part.title, fit.fit, check)
        for document in documents
        for part in document.parts
        for fit in part.diagnostics
        for check in fit.checks
        if check.status == status
    )


def answer_tallies(verdicts: Sequence[ClaimVerdict]) -> tuple[AnswerTally, ...]:
    """How often each source gave each answer."""
    sources = {
        "Printed tables": [verdict.printed.answer for verdict in verdicts],
        "Frequentist replication": [verdict.frequentist.answer for verdict in verdicts],
        "Posterior": [verdict.posterior.answer for verdict in verdicts],
    }
    return tuple(AnswerTally(name, tuple(map(given.count, ANSWERS))) for name, given in sources.items())


def brief(part: StudyPart) -> Brief:
    """Counts in words over the verdicts, the audit and the diagnostics of one study."""
    failing = sum(any(check.status == "fail" for check in fit.checks) for fit in part.diagnostics)
    return Brief(
        part.title,
        _claim_words(part),
        _agreement_words(part.verdicts),
        _audit_words(part.audit) if part.audit is not None else "",
        f"{failing} of {_counted(len(part.diagnostics), 'fit')} failed a diagnostic.",
    )


def _audit_words(audit: AuditReport) -> str:
    flagged = Counter(row.verdict for row in audit.with_verdict(*FLAGS))
    return (
        f"{flagged.total()} of {_counted(len(audit.rows), 'check')} of the printed numbers against one another "
        f"find numbers that do not agree: {_listed(f'{flagged[verdict]} {verdict}' for verdict in FLAGS)}."
    )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _claim_words(part: StudyPart) -> str:
    if not part.verdicts:
        return "No claim of this study is declared."
    printed, frequentist, posterior = (tally.counts for tally in answer_tallies(part.verdicts))
    holds, unknown = ANSWERS.index("holds"), ANSWERS.index("not checkable")
    claims = _counted(len(part.verdicts), "claim")
    if part.audit is None:  # rows: nothing is printed
        return (
            f"Of {claims}, {frequentist[holds]} hold in the frequentist analysis and {posterior[holds]} in the "
            f"posterior; not checkable from these rows are {frequentist[unknown]} and {posterior[unknown]}."
        )
    return (
        f"Of {claims} that the paper makes about its numbers, {printed[holds]} hold in its "
        f"printed tables, {frequentist[holds]} in the frequentist replication and {posterior[holds]} in the posterior; "
        f"not checkable from what is printed are {printed[unknown]}, {frequentist[unknown]} and {posterior[unknown]}."
    )


def _agreement_words(verdicts: Sequence[ClaimVerdict]) -> str:
    """How often both schools answer, and how often alike."""
    answered = [
        (verdict.frequentist.answer, verdict.posterior.answer)
        for verdict in verdicts
        if "not checkable" not in (verdict.frequentist.answer, verdict.posterior.answer)
    ]
    if not answered:
        return "No claim can be put to both schools."
    alike = sum(frequentist == posterior for frequentist, posterior in answered)
    return f"{_counted(len(answered), 'claim')} can be put to both schools; they give the same answer to {alike}."


def optional_number(value: float | None) -> str:
    """A number with four significant digits; counts without decimals; "–" for none."""
    if value is None:
        return NOT_AVAILABLE
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else number_text(float(value), _DIGITS)


def threshold_text(value: float | None) -> str:
    """A threshold as it was set: somebody chose it, so it has no trailing digits; "–" for none."""
    if value is None:
        return NOT_AVAILABLE
    text = f"{value:.4g}"
    return number_text(value, 1) if "e" in text else text.replace("-", "−")


def slug(word: str) -> str:
    """A word as a CSS class or file-name part: "not checkable" -> "not-checkable"."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", word).strip("-")


def sentence(text: str) -> str:
    """Text with a capital letter in front, the rest as it is."""
    return text[:1].upper() + text[1:]


def linked(text: str) -> Markup:
    """Escaped text whose DOIs and addresses are links."""
    parts, end = [], 0
    for match in _LINK.finditer(text):
        target = match["url"] or f"https://doi.org/{match['doi']}"
        parts += [escape(text[end : match.start()]), Markup('<a href="{}">{}</a>').format(target, match[0])]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def traced(text: str, placed: PlacedPart) -> Markup:
    """A sentence whose words "table KEY" and "figure KEY" lead there, and whose addresses are links."""
    blocks = placed.part.blocks
    known = {("table", block.key) for block in blocks if isinstance(block, ReportTable)}
    known |= {("figure", block.key) for block in blocks if isinstance(block, StoredFigure)}

    def link(match: re.Match[str]) -> str:
        kind, key = match[1], match[2]
        if (kind, key) not in known:
            return match[0]
        return Markup('{} <a href="#{}{}-{}">{}</a>').format(kind, placed.run.anchor, kind, key, key)

    return Markup(_SOURCE.sub(link, str(linked(text))))


def drawing(figure: StoredFigure, anchor: str) -> Markup:
    """A stored figure as an element of the page, its ids under the run's anchor."""
    return inline_svg(figure.svg, f"{anchor}{figure.key}", figure.title, figure.description)


def kind_of(block: object) -> str:
    """Name of a block's type, which chooses its template."""
    return type(block).__name__


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        slug=slug, linked=linked, number=optional_number, threshold=threshold_text, kind=kind_of, sentence=sentence
    )
    environment.globals.update(
        signs=SIGNS,
        style=Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        equation_svg=equation_svg,
        drawing=drawing,
        traced=traced,
        text_table=text_table,
        caption_text=caption_text,
        wide_table=_WIDE_TABLE,
        bounds_text=bounds_text,
        audit_groups=audit_groups,
        flag_groups=flag_groups,
        audit_tallies=audit_tallies,
        answer_tallies=answer_tallies,
        brief=brief,
        check_question=check_question,
        check_title=check_title,
        legend=legend,
    )
    return environment

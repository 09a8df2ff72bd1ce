"""The HTML page: what the templates show, arranged from a Document; nothing is judged here."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from bayesgov.compare import Answer, ClaimVerdict
from bayesgov.fits import Check
from bayesgov.published.audit import AuditReport, AuditRow
from bayesgov.published.audit.finding import FLAGS, Verdict
from bayesgov.published.audit.registry import registered
from bayesgov.published.audit.report import VERDICTS
from bayesgov.report.content import Document, FitDiagnostics, StudyPart
from bayesgov.report.equations import equation_svg
from bayesgov.report.headings import legend
from bayesgov.report.tables import NOT_AVAILABLE, number_text, text_table

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
}

_TEMPLATES = Path(__file__).parent / "templates"
_DIGITS = 4
_WIDE_TABLE = 9  # columns: a table with more is printed on a page of its own, across
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
class AuditGroup:
    """Rows of an audit that share a place in the paper.

    Attributes
    ----------
    place : str
    rows : tuple of AuditRow
    """

    place: str
    rows: tuple[AuditRow, ...]


@dataclass(frozen=True, slots=True)
class FlagGroup:
    """Flagged rows that share place and kind of check.

    Attributes
    ----------
    place, kind : str
    rows : tuple of AuditRow
    checked : int
        Checks of this kind at this place, flagged or not.
    """

    place: str
    kind: str
    rows: tuple[AuditRow, ...]
    checked: int

    @property
    def verdicts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.verdict for row in self.rows))


@dataclass(frozen=True, slots=True)
class AuditTally:
    """Number of checks with each verdict at one place; ``counts`` in the order of VERDICTS."""

    place: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AnswerTally:
    """Number of claims with each answer by one source; ``counts`` in the order of ANSWERS."""

    source: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """What one study's report comes to, in sentences that count decisions made elsewhere."""

    title: str
    claims: str
    schools: str
    audit: str
    diagnostics: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One fit's checks, in the order of its matrix; None where the fit has no such check."""

    fit: str
    checks: tuple[Check | None, ...]


@dataclass(frozen=True, slots=True)
class DiagnosticsMatrix:
    """Fits × checks of one study and approach."""

    study: str
    approach: str
    names: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True, slots=True)
class RunFiles:
    """File names of the run folder that the page links to."""

    trees: tuple[str, ...]
    specs: tuple[str, ...]


def render_page(document: Document, drawings: Mapping[str, Markup], files: RunFiles) -> str:
    """The whole report as one HTML file that loads nothing from anywhere.

    Parameters
    ----------
    drawings : mapping of str to Markup
        Figure key -> inline SVG.
    """
    template = _environment().get_template("report.html.j2")
    return template.render(
        document=document,
        drawings=drawings,
        files=files,
        one_source=len({part.source for part in document.parts}) == 1,
        failed=checks_with(document, "fail"),
        warned=checks_with(document, "warn"),
        matrices=diagnostics_matrices(document),
        answers=ANSWERS,
        audit_verdicts=VERDICTS,
        flag_verdicts=FLAGS,
    )


def checks_with(document: Document, status: str) -> tuple[FailedCheck, ...]:
    """Every check of every fit that has this status."""
    return tuple(
        FailedCheck(part.title, fit.fit, check)
        for part in document.parts
        for fit in part.diagnostics
        for check in fit.checks
        if check.status == status
    )


def diagnostics_matrices(document: Document) -> tuple[DiagnosticsMatrix, ...]:
    """One matrix for each study and approach: the approaches have no check in common."""
    matrices = []
    for part in document.parts:
        for approach in dict.fromkeys(fit.approach for fit in part.diagnostics):
            fits = [fit for fit in part.diagnostics if fit.approach == approach]
            matrices.append(_matrix(part, approach, fits))
    return tuple(matrices)


def _matrix(part: StudyPart, approach: str, fits: Sequence[FitDiagnostics]) -> DiagnosticsMatrix:
    names = tuple(dict.fromkeys(check.name for fit in fits for check in fit.checks))
    rows = []
    for fit in fits:
        by_name = {check.name: check for check in fit.checks}
        rows.append(MatrixRow(fit.fit, tuple(by_name.get(name) for name in names)))
    return DiagnosticsMatrix(part.title, approach, names, tuple(rows))


def answer_tallies(verdicts: Sequence[ClaimVerdict]) -> tuple[AnswerTally, ...]:
    """How often each source gave each answer."""
    sources = {
        "Printed tables": [verdict.printed.answer for verdict in verdicts],
        "Frequentist replication": [verdict.frequentist.answer for verdict in verdicts],
        "Posterior": [verdict.posterior.answer for verdict in verdicts],
    }
    return tuple(AnswerTally(name, tuple(map(given.count, ANSWERS))) for name, given in sources.items())


def brief(part: StudyPart, audit: AuditReport) -> Brief:
    """Counts in words over the verdicts, the audit and the diagnostics of one study."""
    flagged = Counter(row.verdict for row in audit.with_verdict(*FLAGS))
    failing = sum(any(check.status == "fail" for check in fit.checks) for fit in part.diagnostics)
    return Brief(
        part.title,
        _claim_words(part.verdicts),
        _agreement_words(part.verdicts),
        f"{flagged.total()} of {_counted(len(audit.rows), 'check')} of the printed numbers against one another "
        f"find numbers that do not agree: {_listed(f'{flagged[verdict]} {verdict}' for verdict in FLAGS)}.",
        f"{failing} of {_counted(len(part.diagnostics), 'fit')} failed a diagnostic.",
    )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _claim_words(verdicts: Sequence[ClaimVerdict]) -> str:
    if not verdicts:
        return "No claim of this study is declared."
    printed, frequentist, posterior = (tally.counts for tally in answer_tallies(verdicts))
    holds, unknown = ANSWERS.index("holds"), ANSWERS.index("not checkable")
    return (
        f"Of {_counted(len(verdicts), 'claim')} that the paper makes about its numbers, {printed[holds]} hold in its "
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


def audit_tallies(audit: AuditReport) -> tuple[AuditTally, ...]:
    """How often each verdict was reached, by place in the paper, with the sum over all places last."""
    tallies = [_tally(group.place, group.rows) for group in audit_groups(audit, VERDICTS)]
    return (*tallies, _tally("All", audit.rows))


def _tally(place: str, rows: Sequence[AuditRow]) -> AuditTally:
    counted = Counter(row.verdict for row in rows)
    return AuditTally(place, tuple(counted[verdict] for verdict in VERDICTS))


def audit_groups(audit: AuditReport, verdicts: Sequence[Verdict]) -> tuple[AuditGroup, ...]:
    """Rows with one of these verdicts, grouped by place in order of appearance."""
    groups: dict[str, list[AuditRow]] = {}
    for row in audit.with_verdict(*verdicts):
        groups.setdefault(row.place or "elsewhere", []).append(row)
    return tuple(AuditGroup(place, tuple(rows)) for place, rows in groups.items())


def flag_groups(audit: AuditReport, verdicts: Sequence[Verdict]) -> tuple[FlagGroup, ...]:
    """Rows with one of these verdicts, grouped by place and kind in order of appearance."""
    checked = Counter((row.place, row.kind) for row in audit.rows)
    groups: dict[tuple[str, str], list[AuditRow]] = {}
    for row in audit.with_verdict(*verdicts):
        groups.setdefault((row.place, row.kind), []).append(row)
    return tuple(
        FlagGroup(place or "elsewhere", kind, tuple(rows), checked[place, kind])
        for (place, kind), rows in groups.items()
    )


def check_question(kind: str) -> str:
    """What a kind of check asks, as its register says; a kind that is not registered is shown as its name."""
    known = registered().get(kind)
    return known.question if known else kind.replace("_", " ")


def bounds_text(low: float | None, high: float | None) -> str:
    """Certified bounds in words: "within [1.23, 1.25]", "at least 0"; empty where there are none."""
    if low is None and high is None:
        return ""
    if low is None:
        text = f"at most {high:.7g}"
    else:
        text = f"at least {low:.7g}" if high is None else f"within [{low:.7g}, {high:.7g}]"
    return text.replace("-", "−")


def optional_number(value: float | None) -> str:
    """A number with four significant digits; counts without decimals; "–" for none."""
    if value is None:
        return NOT_AVAILABLE
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else number_text(float(value), _DIGITS)


def threshold_text(value: float | None) -> str:
    """A threshold as it was set: somebody chose it, so it has no trailing digits; "–" for none."""
    return NOT_AVAILABLE if value is None else f"{value:g}".replace("-", "−")


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
        text_table=text_table,
        wide_table=_WIDE_TABLE,
        bounds_text=bounds_text,
        audit_groups=audit_groups,
        flag_groups=flag_groups,
        audit_tallies=audit_tallies,
        answer_tallies=answer_tallies,
        brief=brief,
        check_question=check_question,
        legend=legend,
    )
    return environment


def verdict_frame(part: StudyPart) -> pd.DataFrame:
    """The verdict table as data: one row for each claim."""
    return pd.DataFrame(
        [
            {
                "claim": verdict.claim_id,
                "sentence": verdict.sentence,
                "place": verdict.place,
                "estimand": verdict.estimand,
                "rule": verdict.rule,
                "printed": verdict.printed.answer,
                "printed_text": verdict.printed.text,
                "frequentist": verdict.frequentist.answer,
                "frequentist_text": verdict.frequentist.text,
                "posterior": verdict.posterior.answer,
                "posterior_probability": verdict.posterior.probability,
                "posterior_text": verdict.posterior.text,
                "robustness": verdict.robustness,
            }
            for verdict in part.verdicts
        ]
    )

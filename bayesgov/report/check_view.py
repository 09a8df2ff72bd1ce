"""How the page shows diagnostics: tables of fits with the same checks, titles, and what the checks mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bayesgov.fits import Check
from bayesgov.glossary import Entry, describe, stem
from bayesgov.report.content import Document, FitDiagnostics, StudyPart

_SHARED = 0.5  # of two fits' checks: with fewer in common a table of both would be mostly empty


@dataclass(frozen=True, slots=True)
class CheckedFit:
    """One fit's checks, in the order of its table; None where it has not the check of that column."""

    name: str
    checks: tuple[Check | None, ...]


@dataclass(frozen=True, slots=True)
class CheckTable:
    """Fits of one study and approach with their checks.

    Attributes
    ----------
    study, approach : str
    titles : tuple of str
        Of the checks.
    fits : tuple of CheckedFit
        One with all its checks, or several with the checks of any as columns.
    """

    study: str
    approach: str
    titles: tuple[str, ...]
    fits: tuple[CheckedFit, ...]


def check_title(check: Check) -> str:
    """The glossary's title with what the check is of: "Hansen's test [north]"; without an entry the name in words."""
    try:
        title = describe(check).title
    except KeyError:
        return check.name.replace("_", " ")
    part = check.name.removeprefix(stem(check.name))
    return f"{title} {part}" if part.startswith("[") else f"{title}{part}"  # "[north]", but ": temp"


def check_tables(part: StudyPart) -> tuple[CheckTable, ...]:
    """Tables of every fit's checks; fits whose checks are much the same share one."""
    groups: list[list[FitDiagnostics]] = []
    for fit in part.diagnostics:
        alike = (group for group in groups if _share_checks(group[0], fit))
        if (group := next(alike, None)) is None:
            groups.append([fit])
        else:
            group.append(fit)
    return tuple(_table(part, group) for group in groups)


def _share_checks(one: FitDiagnostics, other: FitDiagnostics) -> bool:
    """Whether the two are better read as rows of one table than each by itself."""
    names = [[check.name for check in fit.checks] for fit in (one, other)]
    if one.approach != other.approach or any(len(set(own)) < len(own) for own in names):
        return False  # a check that a fit has twice would lose its place in a column
    first, second = map(set, names)
    return len(first & second) >= _SHARED * len(first | second)


def _table(part: StudyPart, group: Sequence[FitDiagnostics]) -> CheckTable:
    if len(group) == 1:
        checks = group[0].checks
        return CheckTable(
            part.title, group[0].approach, tuple(map(check_title, checks)), (CheckedFit(group[0].fit, checks),)
        )
    columns = {check.name: check_title(check) for fit in group for check in fit.checks}
    rows = []
    for fit in group:
        by_name = {check.name: check for check in fit.checks}
        rows.append(CheckedFit(fit.fit, tuple(by_name.get(name) for name in columns)))
    return CheckTable(part.title, group[0].approach, tuple(columns.values()), tuple(rows))


def glossary_of(documents: Sequence[Document]) -> tuple[Entry, ...]:
    """What the checks of these documents mean, each once, in the order of the page."""
    found: dict[str, Entry] = {}
    for document in documents:
        for fit in (fit for part in document.parts for fit in part.diagnostics):
            for check in fit.checks:
                try:
                    entry = describe(check)
                except KeyError:
                    continue
                found.setdefault(f"{entry.title}: {entry.measures}", entry)
    return tuple(found.values())

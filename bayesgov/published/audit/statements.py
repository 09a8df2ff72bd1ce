"""Checks of sentences: against one another, against what they list, and for numbers that are not printed.

What a sentence is about is a reading, and a reading is the declaration's, not the check's: a check compares the
declared readings, sees that each stands in its quotation, and shows the quotations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit.finding import Finding, Verdict
from bayesgov.published.audit.interval_matrix import cell_place
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import listing

_READING = "What each sentence is about is the declaration's reading"


def normalised(text: str) -> str:
    """Lower case, every run of white space one blank, for comparing words."""
    return re.sub(r"\s+", " ", text).strip().casefold()


def _stands_in(words: str, quote: str, argument: str) -> None:
    if not words.strip() or normalised(words) not in normalised(quote):
        raise InputError(f"{argument} should be words of its quotation; {words!r} does not stand in {quote!r}")


@check("same_subject", readings=())
def same_subject(*, first: str, first_subject: str, second: str, second_subject: str, what: str) -> Finding:
    """Whether two sentences that should be about the same thing name the same thing.

    Parameters
    ----------
    first, second : str
        The quotations.
    first_subject, second_subject : str
        The words of each quotation that name the thing, as the declaration reads them.
    what : str
        What both should name: "the data source".

    Raises
    ------
    InputError
        If a subject is not in its quotation.
    """
    _stands_in(first_subject, first, "first_subject")
    _stands_in(second_subject, second, "second_subject")
    verdict: Verdict = "consistent" if normalised(first_subject) == normalised(second_subject) else "inconsistent"
    note = f'{what}: "{first}" and "{second}". {_READING}; two names can stand for one thing.'
    return Finding(first_subject, second_subject, None, None, verdict, note=note)


@check("listed_count", readings=())
def listed_count(*, count: PrintedNumber, quote: str, names: tuple[str, ...]) -> Finding:
    """Whether a sentence lists as many things as the text counts.

    Parameters
    ----------
    count : PrintedNumber
    quote : str
        The sentence with the list.
    names : tuple of str
        The entries of the list, as the declaration reads them; each has to stand in the quotation.
    """
    for name in names:
        _stands_in(name, quote, "names")
    found = len({normalised(name) for name in names})
    verdict: Verdict = "consistent" if count.exact.contains(found) else "inconsistent"
    note = f"Listed: {listing(names, limit=40)}. The division into entries is the declaration's reading."
    return Finding(str(count), str(found), float(found), float(found), verdict, note=note)


@check("distinct_conditions", readings=())
def distinct_conditions(*, rows: Mapping[str, PrintedNumber | str], conclusion: str) -> Finding:
    """Whether rows of a decision table that end in different conclusions differ in a condition.

    Parameters
    ----------
    rows : mapping
        All cells of the table.
    conclusion : str
        The column that holds the conclusion; every other column is a condition.
    """
    table: dict[str, dict[str, str]] = {}
    for reference, cell in rows.items():
        place = cell_place(reference)
        table.setdefault(place.row, {})[place.column] = str(cell)
    lacking = [row for row, cells in table.items() if conclusion not in cells]
    if lacking:
        raise InputError(f"conclusion should be a column of every row; row {lacking[0]!r} has no {conclusion!r}")
    outcomes: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for row, cells in table.items():
        condition = tuple(sorted((column, normalised(text)) for column, text in cells.items() if column != conclusion))
        outcomes.setdefault(condition, {})[row] = cells[conclusion]
    clashes = [
        group
        for group in outcomes.values()
        if len({normalised(conclusion_text) for conclusion_text in group.values()}) > 1
    ]
    verdict: Verdict = "inconsistent" if clashes else "consistent"
    shown = listing("rows " + " and ".join(f"{row} ({text})" for row, text in group.items()) for group in clashes)
    note = f"Rows with the same conditions and different conclusions: {shown}."
    return Finding(f"{len(table)} rows", f"{len(outcomes)} different conditions", None, None, verdict, note=note)


@check("row_needed", readings=())
def row_needed(*, cells: Mapping[str, PrintedNumber | str], row: str, quote: str) -> Finding:
    """Accounts for a claim about a row (or column) that the table should have; not checkable where it has none.

    Parameters
    ----------
    cells : mapping
        All cells of the table.
    row : str
        The row or column that the claim is about.
    quote : str
        The sentence.
    """
    names = {name for place in map(cell_place, cells) for name in (place.row, place.column)}
    note = f'The table prints no row or column for {row}. Sentence: "{quote}".'
    if row in names:
        note = f'The table has {row}; declare the check that compares its cells. Sentence: "{quote}".'
    return Finding(f"{len(names)} names", "", None, None, "not checkable", note=note)


@check("not_printed", readings=())
def not_printed(*, needed: str, question: str) -> Finding:
    """Accounts for a question that the paper's printed numbers cannot answer.

    Parameters
    ----------
    needed : str
        What would have to be printed.
    question : str
        What could then be checked.
    """
    note = f"{question} would need {needed}, which the paper does not print."
    return Finding("", "", None, None, "not checkable", note=note)

"""Checks of printed numbers against the range they can have, a cut that the text gives, and one another."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.interval_matrix import cell_place
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import finite, listing, number, span

Numbers = Mapping[str, PrintedNumber]

_NO_CELLS: Numbers = MappingProxyType({})


def _hull(values: Numbers) -> Interval:
    bounds = [value.bounds for value in values.values()]
    return Interval(min(b.low for b in bounds), max(b.high for b in bounds))


def _named(values: Numbers, references: list[str]) -> str:
    return listing(f"({cell_place(ref).row}, {cell_place(ref).column}) = {values[ref]}" for ref in references)


def _sentence(note: str, quote: str) -> str:
    return f'{note} Sentence: "{quote}".' if quote else note


@check("possible_range", readings=("typo", "transposed"), typo_limit=300)
def possible_range(
    *,
    values: Numbers,
    minimum: float,
    maximum: float,
    quantity: str,
    quote: str = "",
    other_values: Numbers = _NO_CELLS,
) -> Finding:
    """Whether numbers lie where the quantity that they are said to be can lie.

    Parameters
    ----------
    values : mapping
    minimum, maximum : float
        Limits of the quantity, both possible; TOML writes no limit as ``-inf`` or ``inf``.
    quantity : str
        What the numbers are said to be, for the note: "a p-value".
    quote : str
        The sentence that says so, where the text does.
    other_values : mapping, optional
        Cells that the sentence may be meant for instead; tried as an explanation.
    """
    allowed = Interval(minimum, maximum)
    outside = _outside(values, allowed)
    verdict: Verdict = "impossible" if outside else "consistent"
    recomputed = f"{len(outside)} of {len(values)} outside {span(allowed)}"
    explanations: tuple[Explanation, ...] = ()
    if outside and other_values:
        rows = listing(dict.fromkeys(cell_place(reference).row for reference in other_values))
        beyond = len(_outside(other_values, allowed))
        value = f"{beyond} of {len(other_values)} outside {span(allowed)}"
        explanations = (Explanation(f"the sentence meant for {rows} only", value, resolves=beyond == 0),)
    note = _sentence(f"Outside the range of {quantity}: {_named(values, outside)}.", quote)
    return Finding(span(_hull(values)), recomputed, finite(minimum), finite(maximum), verdict, explanations, note)


def _outside(values: Numbers, allowed: Interval) -> list[str]:
    return [reference for reference, value in values.items() if not value.bounds.intersects(allowed)]


@check("all_beyond_cut", readings=(), typo_limit=300)
def all_beyond_cut(
    *, values: Numbers, cut: PrintedNumber, side: str, excepted: tuple[str, ...] = (), quote: str = ""
) -> Finding:
    """Whether all numbers, save those that the text excepts, lie on the side of the cut that the text says.

    Parameters
    ----------
    values : mapping
    cut : PrintedNumber
        As the text gives it.
    side : {"below", "above"}
    excepted : tuple of str
        Rows that the text excepts; these should lie beyond the cut on the other side.
    quote : str
        The sentence.
    """
    if side not in ("below", "above"):
        raise InputError(f"side should be below or above; got {side!r}")
    rows = {cell_place(reference).row for reference in values}
    unknown = [row for row in excepted if row not in rows]
    if unknown:
        raise InputError(f"excepted row {unknown[0]!r} is not among the values; rows: {', '.join(sorted(rows))}")
    limit = float(cut.value)
    certain, possible = set[str](), set[str]()
    for reference, value in values.items():
        low, high = value.bounds.low, value.bounds.high
        if high > limit if side == "above" else low < limit:
            possible.add(reference)
        if low > limit if side == "above" else high < limit:
            certain.add(reference)
    exceptions = {reference for reference in values if cell_place(reference).row in excepted}
    against = [ref for ref in values if (ref in certain if ref in exceptions else ref not in possible)]
    open_ = [ref for ref in values if ref in possible - certain]
    verdict: Verdict = "inconsistent" if against else "undetermined" if open_ else "consistent"
    beyond = [cell_place(reference).row for reference in values if reference not in possible]
    explanations: tuple[Explanation, ...] = ()
    if against and excepted:
        fits = not open_ and len(beyond) == len(excepted)
        explanations = (Explanation("the exception names another row", listing(beyond), resolves=fits),)
    kept = f"all {side} {number(limit)}" + (f" except {listing(excepted)}" if excepted else "")
    note = _sentence(f"Cells against the sentence: {_named(values, against)}.", quote)
    hull = _hull(values)
    recomputed = f"not {side} {number(limit)}: {listing(beyond)}"
    return Finding(kept, recomputed, finite(hull.low), finite(hull.high), verdict, explanations, note)


def _explain_order(*, lower: Numbers, higher: Numbers, quote: str) -> tuple[Explanation, ...]:
    below, above = _hull(lower), _hull(higher)
    value = f"{span(above)} against {span(below)}"
    return (Explanation("the sentence meant in the opposite direction", value, resolves=above.high < below.low),)


@check("all_below_all", explain=_explain_order, readings=("typo", "transposed"), typo_limit=300)
def all_below_all(*, lower: Numbers, higher: Numbers, quote: str) -> Finding:
    """Whether every number of one group lies below every number of another, as the text orders them.

    Parameters
    ----------
    lower, higher : mapping
    quote : str
        The sentence that orders them.
    """
    below, above = _hull(lower), _hull(higher)
    highest = max(lower.values(), key=lambda value: value.bounds.high).bounds
    lowest = min(higher.values(), key=lambda value: value.bounds.low).bounds
    verdict: Verdict = "undetermined"
    if highest.high < lowest.low:
        verdict = "consistent"
    elif any(a.bounds.low > b.bounds.high for a in lower.values() for b in higher.values()):
        verdict = "inconsistent"
    note = _sentence(f"First group {span(below)}, second group {span(above)}.", quote)
    recomputed = f"{span(below)} against {span(above)}"
    return Finding("first group below second", recomputed, None, None, verdict, note=note)


@check("all_of_sign", readings=("sign",), typo_limit=300)
def all_of_sign(*, values: Numbers, claimed: str, quote: str = "") -> Finding:
    """Whether all numbers have the sign that the text gives them.

    Parameters
    ----------
    values : mapping
    claimed : {"positive", "negative"}
    quote : str
        The sentence.
    """
    if claimed not in ("positive", "negative"):
        raise InputError(f"claimed should be positive or negative; got {claimed!r}")
    factor = 1.0 if claimed == "positive" else -1.0
    signed = {reference: factor * value.bounds for reference, value in values.items()}
    against = [reference for reference, bounds in signed.items() if bounds.high < 0]
    open_ = [reference for reference, bounds in signed.items() if bounds.low <= 0 <= bounds.high]
    verdict: Verdict = "inconsistent" if against else "undetermined" if open_ else "consistent"
    agree = len(values) - len(against) - len(open_)
    note = _sentence(f"Of the other sign: {_named(values, against)}.", quote)
    return Finding(claimed, f"{agree} of {len(values)} {claimed}", None, None, verdict, note=note)


@check("number_of", readings=())
def number_of(*, cells: Mapping[str, PrintedNumber | str], count: PrintedNumber, of: str) -> Finding:
    """Whether a table has as many rows, or columns, as the text says.

    Parameters
    ----------
    cells : mapping
        Cells of the table.
    count : PrintedNumber
        As the text gives it.
    of : {"rows", "columns"}
    """
    if of not in ("rows", "columns"):
        raise InputError(f"of should be rows or columns; got {of!r}")
    places = [cell_place(reference) for reference in cells]
    found = len({place.row if of == "rows" else place.column for place in places})
    verdict: Verdict = "consistent" if count.exact.contains(found) else "inconsistent"
    return Finding(str(count), str(found), float(found), float(found), verdict, note=f"{found} {of} are printed.")

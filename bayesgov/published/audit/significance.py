"""Checks of sentences that call all rows of a table significant, against the table's own p-values and statistics."""

from __future__ import annotations

from collections.abc import Mapping

from scipy.special import chdtri

from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.interval_matrix import cell_place
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import listing

Numbers = Mapping[str, PrintedNumber]

_OTHER_LEVELS = (0.10, 0.01)


def _verdict(against: int, unsettled: int) -> Verdict:
    return "inconsistent" if against else "undetermined" if unsettled else "consistent"


def _against(p: Numbers, alpha: float, factor: float = 1.0) -> list[str]:
    return [reference for reference, cell in p.items() if (factor * cell.bounds).low >= alpha]


def _unsettled(p: Numbers, alpha: float) -> list[str]:
    # a bound "<0.05" settles the question, although its interval has no lower end
    return [ref for ref, cell in p.items() if cell.bounds.low < alpha < cell.bounds.high]


def _rows(values: Numbers, references: list[str]) -> str:
    return listing((f"({cell_place(ref).row}) {values[ref]}" for ref in references), limit=20)


def _explain_p(*, p: Numbers, alpha: PrintedNumber, comparisons: int = 1, quote: str = "") -> tuple[Explanation, ...]:
    level = float(alpha)
    readings = [("one-tailed p", 0.5, level)]
    readings += [(f"the {other:g} level", 1.0, other) for other in _OTHER_LEVELS if other != level]
    if comparisons > 1:
        readings.append((f"p printed as adjusted for {comparisons} tests (Bonferroni)", 1.0 / comparisons, level))
    found = [(name, len(_against(p, at, factor))) for name, factor, at in readings]
    return tuple(Explanation(name, f"{count} of {len(p)} not below", resolves=count == 0) for name, count in found)


@check("all_p_below", explain=_explain_p, typo_limit=500)
def all_p_below(*, p: Numbers, alpha: PrintedNumber, comparisons: int = 1, quote: str = "") -> Finding:
    """Whether all rows that a sentence calls significant have a printed p below the level it names.

    Parameters
    ----------
    p : mapping
        One row's p or those of all rows that the sentence covers.
    alpha : PrintedNumber
        The level as the text prints it: "<0.05" or "0.05".
    comparisons : int
        Number of tests; that p is printed as adjusted for so many is tried as an explanation where it is above 1.
    quote : str
        The sentence.
    """
    level = float(alpha)
    against, unsettled = _against(p, level), _unsettled(p, level)
    note = f"Not below {level:g}: {_rows(p, against)}; can be either side by rounding: {_rows(p, unsettled)}."
    note = f'{note} Sentence: "{quote}".' if quote else note
    below = len(p) - len(against) - len(unsettled)
    recomputed = f"{below} of {len(p)} below"
    return Finding(
        f"all {len(p)} below {level:g}",
        recomputed,
        float(below),
        float(below + len(unsettled)),
        _verdict(len(against), len(unsettled)),
        note=note,
    )


def critical_chi_square(alpha: float, df: int) -> Interval:
    """The chi-square statistic with upper tail probability alpha."""
    # chdtri inverts the tail to about 1e-12 relative
    value = float(chdtri(df, alpha))
    return Interval(value * (1 - 1e-10), value * (1 + 1e-10))


def _explain_statistic(
    *, statistic: Numbers, df: int, alpha: PrintedNumber, quote: str = ""
) -> tuple[Explanation, ...]:
    readings = [("one-tailed test", 2 * float(alpha))] if df == 1 else []
    readings += [(f"the {other:g} level", other) for other in _OTHER_LEVELS if other != float(alpha)]
    tried: list[Explanation] = []
    for name, level in readings:
        critical = critical_chi_square(level, df)
        below = sum(cell.bounds.high < critical.low for cell in statistic.values())
        tried.append(Explanation(name, f"{below} of {len(statistic)} below {critical.midpoint:.3f}", below == 0))
    return tuple(tried)


@check("all_statistics_significant", classical=True, explain=_explain_statistic, typo_limit=500)
def all_statistics_significant(*, statistic: Numbers, df: int, alpha: PrintedNumber, quote: str = "") -> Finding:
    """Whether all rows that a sentence calls significant have a chi-square statistic above the critical value.

    Parameters
    ----------
    statistic : mapping
        Chi-square (Wald) statistics, all with ``df`` degrees of freedom.
    df : int
    alpha : PrintedNumber
        The level as the text prints it.
    quote : str
        The sentence.
    """
    critical = critical_chi_square(float(alpha), df)
    against = [ref for ref, cell in statistic.items() if cell.bounds.high < critical.low]
    unsettled = [ref for ref, cell in statistic.items() if ref not in against and cell.bounds.low <= critical.high]
    note = f"Below the critical value {critical.midpoint:.3f} (df = {df}): {_rows(statistic, against)}."
    note = f'{note} Sentence: "{quote}".' if quote else note
    above = len(statistic) - len(against) - len(unsettled)
    return Finding(
        f"all {len(statistic)} significant",
        f"{above} of {len(statistic)} above {critical.midpoint:.3f}",
        float(above),
        float(above + len(unsettled)),
        _verdict(len(against), len(unsettled)),
        note=note,
    )

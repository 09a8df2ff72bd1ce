"""Checks of contingency tables: margins, chi-square, degrees of freedom and p, all from the printed counts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding
from bayesgov.published.audit.identity import (
    around,
    chi_square_p,
    compare,
    compare_count,
    enclose,
    not_checkable,
    p_readings,
    reading,
)
from bayesgov.published.audit.interval_matrix import cell_place
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import listing, number

Counts = Mapping[str, PrintedNumber]


@dataclass(frozen=True, slots=True)
class CountTable:
    """Counts of a two-way table, rows (options) by columns (outcome groups); empty rows and columns are left out."""

    counts: tuple[tuple[int, ...], ...]

    @property
    def row_sums(self) -> tuple[int, ...]:
        return tuple(map(sum, self.counts))

    @property
    def column_sums(self) -> tuple[int, ...]:
        return tuple(map(sum, zip(*self.counts, strict=True)))

    @property
    def total(self) -> int:
        return sum(self.row_sums)

    @property
    def df(self) -> int:
        return (len(self.row_sums) - 1) * (len(self.column_sums) - 1)

    def option_against_rest(self, option: int) -> CountTable:
        """The two rows "this option" and "any other"."""
        chosen = self.counts[option]
        rest = tuple(whole - part for whole, part in zip(self.column_sums, chosen, strict=True))
        return CountTable((chosen, rest))


def read_counts(counts: Counts) -> CountTable:
    """Arrange printed counts as a table.

    Raises
    ------
    InputError
        If a row and column have no count.
    """
    cells = {(place.row, place.column): cell for ref, cell in counts.items() for place in (cell_place(ref),)}
    rows = tuple(dict.fromkeys(row for row, _ in cells))
    columns = tuple(dict.fromkeys(column for _, column in cells))
    missing = [f"{row}/{column}" for row in rows for column in columns if (row, column) not in cells]
    if missing:
        raise InputError(f"counts should fill a table of rows and columns; {missing[0]} has no count")
    table = [[int(cells[row, column].value) for column in columns] for row in rows]
    kept = [k for k in range(len(columns)) if any(row[k] for row in table)]
    return CountTable(tuple(tuple(row[k] for k in kept) for row in table if any(row)))


def counts_by_item(counts: Counts) -> dict[str, Counts]:
    """Counts of several tables by item; the rows of item i are named i.1, i.2, ..."""
    items: dict[str, dict[str, PrintedNumber]] = {}
    for reference, cell in counts.items():
        items.setdefault(cell_place(reference).row.rpartition(".")[0], {})[reference] = cell
    return dict(items)


def unusable_counts(counts: Counts) -> Finding | None:
    """Why nothing can be computed from a two-way table of counts, as a finding; None where something can."""
    rounded = [ref for ref, cell in counts.items() if not cell.is_integer or cell.value < 0]
    if rounded:
        return not_checkable("", f"{rounded[0]} = {counts[rounded[0]]} is no count.")
    table = read_counts(counts)
    return None if table.counts and table.df else not_checkable("", "Fewer than two rows or columns have counts.")


def pearson_chi_square(table: CountTable) -> Fraction:
    """Pearson's statistic as an exact ratio: n (sum of O² / (R C) - 1), with row sums R and column sums C."""
    cells = itertools.product(range(len(table.row_sums)), range(len(table.column_sums)))
    shares = (Fraction(table.counts[i][j] ** 2, table.row_sums[i] * table.column_sums[j]) for i, j in cells)
    return table.total * (sum(shares, Fraction(0)) - 1)


def likelihood_ratio_chi_square(table: CountTable) -> float:
    """G² = 2 sum of O log(O n / (R C))."""
    cells = itertools.product(range(len(table.row_sums)), range(len(table.column_sums)))
    return 2 * math.fsum(
        table.counts[i][j] * math.log(table.counts[i][j] * table.total / (table.row_sums[i] * table.column_sums[j]))
        for i, j in cells
        if table.counts[i][j]
    )


def score_sums(table: CountTable) -> tuple[Fraction, Fraction, Fraction]:
    """Sums of squares of row scores 1, 2, ... and column scores 1, 2, ..., and of their products, about the means."""
    n = table.total
    x = sum(i * size for i, size in enumerate(table.row_sums, 1))
    y = sum(j * size for j, size in enumerate(table.column_sums, 1))
    xx = sum(i * i * size for i, size in enumerate(table.row_sums, 1)) - Fraction(x * x, n)
    yy = sum(j * j * size for j, size in enumerate(table.column_sums, 1)) - Fraction(y * y, n)
    products = sum(i * j * count for i, row in enumerate(table.counts, 1) for j, count in enumerate(row, 1))
    return xx, yy, products - Fraction(x * y, n)


def linear_trend(table: CountTable) -> Fraction:
    """Mantel's linear-by-linear statistic M² = (n - 1) r² with row and column scores 1, 2, ..."""
    xx, yy, xy = score_sums(table)
    return (table.total - 1) * xy**2 / (xx * yy)


def anova_f(table: CountTable) -> Fraction:
    """F of a one-way analysis of variance of the row scores 1, 2, ... between the columns."""
    groups = len(table.column_sums)
    total_squares = score_sums(table)[0]
    sums = [sum(i * row[j] for i, row in enumerate(table.counts, 1)) for j in range(groups)]
    means = sum((Fraction(s * s, size) for s, size in zip(sums, table.column_sums, strict=True)), Fraction(0))
    between = means - Fraction(sum(sums) ** 2, table.total)
    within = total_squares - between
    return (between / (groups - 1)) / (within / (table.total - groups)) if within else Fraction(0)


def yates_chi_square(table: CountTable) -> Fraction:
    """Chi-square of a 2 x 2 table with Yates' correction: n (max(0, \\|ad - bc\\| - n / 2))² / (R1 R2 C1 C2)."""
    (a, b), (c, d) = table.counts
    shortened = max(Fraction(0), abs(a * d - b * c) - Fraction(table.total, 2))
    return table.total * shortened**2 / (math.prod(table.row_sums) * math.prod(table.column_sums))


def _explain_margin(*, counts: Counts, total: PrintedNumber) -> tuple[Explanation, ...]:
    lacking = int(total.value) - sum(int(cell.value) for cell in counts.values())
    value = f"{lacking} without an answer" if lacking > 0 else f"{-lacking} counts more than the total"
    return (Explanation("missing answers", value, resolves=lacking > 0),)


@check("counts_sum_to_total", target="total", explain=_explain_margin, readings=("typo", "transposed", "neighbour"))
def counts_sum_to_total(*, counts: Counts, total: PrintedNumber) -> Finding:
    """Whether counts add up to the total that the paper states for them.

    Parameters
    ----------
    counts : mapping
        The options of one item in one group, or the sizes of all groups.
    total : PrintedNumber
        The stated group size, or sample size.
    """
    rounded = [ref for ref, cell in (*counts.items(), ("the total", total)) if not cell.is_integer]
    if rounded:
        return not_checkable(str(total), f"{rounded[0]} is no count.")
    found = sum(int(cell.value) for cell in counts.values())
    terms = " + ".join(str(cell) for cell in counts.values())
    return compare_count(
        total, float(found), f"{terms} = {found}; stated {total} (difference {found - total.value:+})."
    )


def _explain_chi_square(
    *, counts: Counts, chi2: PrintedNumber, other_n: tuple[int, ...] = ()
) -> tuple[Explanation, ...]:
    table = read_counts(counts)
    exact = pearson_chi_square(table)
    tried = [reading("likelihood-ratio G²", chi2, around(likelihood_ratio_chi_square(table)))]
    if all(len(sums) == 2 for sums in (table.row_sums, table.column_sums)):
        tried.append(reading("Yates correction", chi2, enclose(yates_chi_square(table))))
    tried.append(reading("linear-by-linear association", chi2, enclose(linear_trend(table))))
    tried.append(reading("F of a one-way analysis of variance of option scores", chi2, enclose(anova_f(table))))
    scaled = [(n, enclose(exact * Fraction(n, table.total))) for n in other_n]
    tried.extend(reading(f"the same shares with n = {n}", chi2, value) for n, value in scaled)
    if len(table.row_sums) > 2:
        parts = [enclose(pearson_chi_square(table.option_against_rest(i))) for i in range(len(table.row_sums))]
        shown = listing(number(part.midpoint, 6) for part in parts)
        resolved = any(chi2.bounds.intersects(part) for part in parts)
        tried.append(Explanation("one option against the rest", shown, resolves=resolved))
    return tuple(tried)


@check(
    "chi_square_from_counts",
    classical=True,
    target="chi2",
    explain=_explain_chi_square,
    readings=("truncated", "typo", "transposed", "neighbour"),
    typo_limit=150,
)
def chi_square_from_counts(*, counts: Counts, chi2: PrintedNumber, other_n: tuple[int, ...] = ()) -> Finding:
    """Whether a printed chi-square is the one of the printed counts, computed exactly from the whole numbers.

    Parameters
    ----------
    counts : mapping
        All cells of one two-way table.
    chi2 : PrintedNumber
    other_n : tuple of int
        Other sample sizes that the paper states; the same shares at these are tried as an explanation.

    Notes
    -----
    Pearson (1900), doi:10.1080/14786440009463897: the sum of (O - E)² / E with E = R C / n.
    """
    stopped = unusable_counts(counts)
    if stopped is not None:
        return stopped
    table = read_counts(counts)
    exact = enclose(pearson_chi_square(table))
    ratio = f"; printed / recomputed = {number(float(chi2) / exact.midpoint)}" if exact.low > 0 else ""
    return compare(chi2, exact, f"n = {table.total}, df = {table.df}{ratio}.")


@check("df_from_counts", classical=True, target="df", readings=("typo",), typo_limit=150)
def df_from_counts(*, counts: Counts, df: PrintedNumber) -> Finding:
    """Whether the printed degrees of freedom are (rows - 1)(columns - 1) of the table of counts."""
    stopped = unusable_counts(counts)
    if stopped is not None:
        return stopped
    table = read_counts(counts)
    shape = f"{len(table.row_sums)} rows and {len(table.column_sums)} columns"
    return compare_count(df, float(table.df), f"A table of {shape}.")


def _p_of_counts(counts: Counts) -> Interval:
    table = read_counts(counts)
    return chi_square_p(enclose(pearson_chi_square(table)), table.df)


def _explain_p(*, counts: Counts, p: PrintedNumber) -> tuple[Explanation, ...]:
    return tuple(p_readings(p, _p_of_counts(counts), comparisons=1))


@check("p_from_counts", classical=True, explain=_explain_p, typo_limit=150)
def p_from_counts(*, counts: Counts, p: PrintedNumber) -> Finding:
    """Whether a printed p ("<0.05" is a bound) is that of Pearson's chi-square of the printed counts.

    Parameters
    ----------
    counts : mapping
        All cells of one two-way table.
    p : PrintedNumber
    """
    stopped = unusable_counts(counts)
    if stopped is not None:
        return stopped
    table = read_counts(counts)
    note = f"Chi-square {number(float(pearson_chi_square(table)), 6)} with df = {table.df}."
    return compare(p, _p_of_counts(counts), note, digits=3)


@check("p_from_chi_square_of_table", classical=True, readings=("typo",), typo_limit=150)
def p_from_chi_square_of_table(*, statistic: PrintedNumber, counts: Counts, p: PrintedNumber) -> Finding:
    """Whether a printed p is that of the printed chi-square with the df of the table, where no df is printed.

    Parameters
    ----------
    statistic : PrintedNumber
    counts : mapping
        All cells of the table; only its shape is used.
    p : PrintedNumber
    """
    stopped = unusable_counts(counts)
    if stopped is not None:
        return stopped
    df = read_counts(counts).df
    return compare(p, chi_square_p(statistic.bounds, df), f"Chi-square {statistic} with df = {df}.", digits=3)

"""Checks of a printed correlation matrix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.interval_matrix import (
    IntervalMatrix,
    best_single_cell,
    cell_place,
    eigenvalue_bounds,
    nearest_correlation,
    read_correlations,
    subset_eigenvalues,
    third_correlation,
    triple_bounds,
)
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import listing, number, span

Cells = Mapping[str, PrintedNumber | str]

_DELETION = ("listwise", "pairwise", "not stated")


@check("correlation_symmetric", readings=("typo", "transposed"), typo_limit=400)
def correlation_symmetric(*, correlations: Cells) -> Finding:
    """Whether r_ij = r_ji wherever both triangles of a correlation matrix are printed."""
    places = {cell_place(ref): cell for ref, cell in correlations.items() if isinstance(cell, PrintedNumber)}
    by_name = {(place.row, place.column): cell for place, cell in places.items()}
    pairs = [
        (row, column, cell, by_name[column, row])
        for (row, column), cell in by_name.items()
        if row < column and (column, row) in by_name
    ]
    reported = f"{sum(row != column for row, column in by_name)} off-diagonal cells"
    if not pairs:
        note = "Only one triangle is printed, so symmetry cannot be checked."
        return Finding(reported, "", None, None, "not checkable", note=note)
    apart = [f"({r}, {c}): {a} and {b}" for r, c, a, b in pairs if not _same_number(a, b)]
    verdict: Verdict = "impossible" if apart else "consistent"
    recomputed = f"{len(apart)} of {len(pairs)} pairs differ"
    return Finding(reported, recomputed, None, None, verdict, note=f"Pairs that differ: {listing(apart)}.")


def _same_number(first: PrintedNumber, second: PrintedNumber) -> bool:
    """Whether two cells can print one number; with equal decimals they have to print alike."""
    if first.decimals == second.decimals:
        return first.value == second.value
    return first.bounds.intersects(second.bounds)


@check("correlation_range", readings=("typo", "transposed"), typo_limit=400)
def correlation_range(*, correlations: Cells) -> Finding:
    """Whether the diagonal is 1 and no correlation exceeds 1 in size."""
    outside: list[str] = []
    for reference, cell in correlations.items():
        if not isinstance(cell, PrintedNumber):
            continue
        place = cell_place(reference)
        # the diagonal is 1 by definition, not by rounding
        wrong = not cell.bounds.contains(1.0) if place.row == place.column else abs(cell.bounds).low > 1
        if wrong:
            outside.append(f"({place.row}, {place.column}) = {cell}")
    count = sum(isinstance(cell, PrintedNumber) for cell in correlations.values())
    verdict: Verdict = "impossible" if outside else "consistent"
    note = f"Cells outside what a correlation or a unit diagonal can be: {listing(outside)}."
    return Finding(f"{count} cells", f"{len(outside)} outside [-1, 1] or off 1", None, None, verdict, note=note)


def _explain_semidefinite(*, correlations: Cells, deletion: str) -> tuple[Explanation, ...]:
    """Readings of an indefinite matrix: another deletion, one altered cell, the nearest valid matrix."""
    matrix = read_correlations(correlations)
    stated = "" if deletion == "not stated" else f"; the paper states {deletion} deletion"
    pairwise = f"each coefficient from other respondents; an indefinite matrix can then occur{stated}"
    estimated = "tetrachoric or polychoric coefficients, estimated pair by pair"
    return (
        Explanation("pairwise deletion", pairwise, resolves=True),
        Explanation(
            estimated, "an indefinite matrix can then occur; the paper names no such coefficient", resolves=True
        ),
        _single_cell(matrix),
        _nearest(matrix),
    )


def _single_cell(matrix: IntervalMatrix) -> Explanation:
    bounds = eigenvalue_bounds(matrix)
    name = "one altered cell"
    if bounds.certainly_negative > 1:
        # a change t of one off-diagonal pair has eigenvalues t and -t: one negative eigenvalue goes at most
        count = bounds.certainly_negative
        value = f"{count} eigenvalues are negative under every rounding, so {count} cells or more would have to differ"
        return Explanation(name, value, resolves=False)
    repairs: list[str] = []
    for i, j in zip(*np.tril_indices(len(matrix.names), -1), strict=True):
        change = best_single_cell(matrix.midpoint, int(i), int(j))
        if change.smallest + bounds.perturbation >= 0:
            place = f"({matrix.names[i]}, {matrix.names[j]})"
            repairs.append(f"{place} {matrix.midpoint[i, j]:.3g} -> {change.value:.3f}")
    return Explanation(name, listing(repairs), resolves=bool(repairs))


def _nearest(matrix: IntervalMatrix) -> Explanation:
    name = "nearest correlation matrix (rounding alone)"
    try:
        nearest = nearest_correlation(matrix.midpoint)
    except ValueError as error:
        return Explanation(name, f"not found: {error}", resolves=False)
    row, column = matrix.names[nearest.row], matrix.names[nearest.column]
    before, after = matrix.midpoint[nearest.row, nearest.column], nearest.matrix[nearest.row, nearest.column]
    upper = np.tril_indices(len(matrix.names), -1)
    beyond = int(np.count_nonzero(np.abs(nearest.matrix - matrix.midpoint)[upper] > matrix.radius[upper]))
    value = (
        f"Frobenius distance {nearest.distance:.3f}; {beyond} of {len(upper[0])} cells move by more than rounding, "
        f"most ({row}, {column}): {before:.3f} -> {after:.3f}"
    )
    return Explanation(name, value, resolves=beyond == 0)


@check("correlation_semidefinite", explain=_explain_semidefinite, readings=(), typo_limit=300)
def correlation_semidefinite(*, correlations: Cells, deletion: str) -> Finding:
    """Whether some admissible matrix is positive semidefinite: its smallest eigenvalue is not below zero.

    Parameters
    ----------
    correlations : mapping
        Cells ``table/i/j`` of one triangle or both; diagonal cells may be left out.
    deletion : {"listwise", "pairwise", "not stated"}
        How the paper treats incomplete rows. Coefficients that are each computed from other respondents need not
        form a semidefinite matrix, so under pairwise deletion the question does not apply.

    Notes
    -----
    Bounds after Weyl's inequality; see :func:`bayesgov.published.audit.interval_matrix.eigenvalue_bounds`.
    """
    if deletion not in _DELETION:
        raise InputError(f"deletion should be one of {', '.join(_DELETION)}; got {deletion!r}")
    matrix = read_correlations(correlations)
    size = len(matrix.names)
    reported = f"{size} variables"
    if matrix.missing:
        pairs = listing(f"({row}, {column})" for row, column in matrix.missing)
        return Finding(reported, "", None, None, "not checkable", note=f"Pairs without a printed number: {pairs}.")
    bounds = eigenvalue_bounds(matrix)
    low, high = bounds.smallest.low, bounds.smallest.high
    verdict: Verdict = "impossible" if high < 0 else "consistent" if low >= 0 else "undetermined"
    if deletion == "pairwise" and verdict == "impossible":
        verdict = "not checkable"
    count = (
        f"; {bounds.certainly_negative} eigenvalues below zero under every rounding"
        if bounds.certainly_negative
        else ""
    )
    note = (
        f"Smallest eigenvalue {span(bounds.smallest)} (rounding moves it by {bounds.perturbation:.2g} at most)"
        f"{count}; a correlation matrix of one set of respondents has none below zero."
    )
    return Finding(reported, f"smallest eigenvalue {span(bounds.smallest)}", low, high, verdict, note=note)


@check("correlation_triples", readings=(), typo_limit=300)
def correlation_triples(*, correlations: Cells) -> Finding:
    """Which three variables have correlations that cannot stand together, whatever the rest of the matrix.

    ``r_ik`` must lie in ``r_ij r_jk ± sqrt((1 - r_ij²)(1 - r_jk²))``, that is, the 3 x 3 determinant is not negative.
    ``low`` and ``high`` bound the smallest of these determinants.
    """
    matrix = read_correlations(correlations)
    bounds = triple_bounds(matrix)
    printed = ~np.isnan(bounds.low)
    total = int(printed.sum())
    if not total:
        note = "No three variables have all three correlations printed."
        return Finding(f"{len(matrix.names)} variables", "", None, None, "not checkable", note=note)
    impossible = np.flatnonzero(printed & (bounds.high < 0))
    open_ = int(np.count_nonzero(printed & (bounds.low < 0) & (bounds.high >= 0)))
    verdict: Verdict = "impossible" if len(impossible) else "undetermined" if open_ else "consistent"
    worst = impossible[np.argsort(bounds.high[impossible])]
    found = listing((_triple(matrix, bounds.indices[index]) for index in worst), limit=20)
    note = f"Triples that no three variables can have: {found}."
    if open_:
        note = f"{note} Rounding allows both answers for {open_} more."
    low, high = float(np.nanmin(bounds.low)), float(np.nanmin(bounds.high))
    return Finding(f"{total} triples", f"{len(impossible)} impossible", low, high, verdict, note=note)


def _triple(matrix: IntervalMatrix, indices: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """The pair whose printed value lies farthest from what the other two allow."""
    distances: dict[float, str] = {}
    for shift in range(3):
        i, j, k = (int(index) for index in np.roll(indices, shift))
        allowed = third_correlation(matrix.entry(i, j), matrix.entry(j, k))
        printed = matrix.entry(i, k)
        names = (matrix.names[i], matrix.names[j], matrix.names[k])
        gap = max(allowed.low - printed.high, printed.low - allowed.high)
        text = (
            f"r({names[0]}, {names[2]}) = {matrix.midpoint[i, k]:.3g}, while r({names[0]}, {names[1]}) = "
            f"{matrix.midpoint[i, j]:.3g} and r({names[1]}, {names[2]}) = {matrix.midpoint[j, k]:.3g} allow "
            f"{span(allowed, 3)}"
        )
        distances[gap] = text
    return distances[max(distances)]


@check("correlation_subsets", readings=(), typo_limit=100)
def correlation_subsets(*, correlations: Cells, size: int) -> Finding:
    """Which sets of so many variables have correlations that cannot stand together, whatever the rest of the matrix.

    Parameters
    ----------
    correlations : mapping
    size : int
        Variables in a set; 3 or 4 are the ones that a reader can follow by hand.
    """
    matrix = read_correlations(correlations)
    if not 2 <= size <= len(matrix.names):
        raise InputError(f"size should lie between 2 and the {len(matrix.names)} variables of the matrix; got {size}")
    bounds = subset_eigenvalues(matrix, size)
    printed = ~np.isnan(bounds.low)
    total = int(printed.sum())
    if not total:
        note = f"No {size} variables have all their correlations printed."
        return Finding(f"{len(matrix.names)} variables", "", None, None, "not checkable", note=note)
    impossible = np.flatnonzero(printed & (bounds.high < 0))
    open_ = int(np.count_nonzero(printed & (bounds.low < 0) & (bounds.high >= 0)))
    verdict: Verdict = "impossible" if len(impossible) else "undetermined" if open_ else "consistent"
    worst = impossible[np.argsort(bounds.high[impossible])]
    found = listing(
        (
            f"({', '.join(matrix.names[i] for i in bounds.indices[k])}) smallest eigenvalue <= {bounds.high[k]:.3f}"
            for k in worst
        ),
        limit=12,
    )
    note = f"Sets of {size} variables that cannot have such correlations: {found}."
    if open_:
        note = f"{note} Rounding allows both answers for {open_} more."
    low, high = float(np.nanmin(bounds.low)), float(np.nanmin(bounds.high))
    return Finding(f"{total} sets of {size}", f"{len(impossible)} impossible", low, high, verdict, note=note)


@check("correlation_above_cut", readings=("truncated", "typo", "transposed"))
def correlation_above_cut(*, correlation: PrintedNumber, cut: PrintedNumber) -> Finding:
    """Whether a correlation that the text names exceeds the cut that the text gives (">0.80" or "0.80")."""
    magnitude, limit = abs(correlation.bounds), float(cut.value)
    below: Verdict = "inconsistent" if magnitude.high <= limit else "undetermined"
    verdict: Verdict = "consistent" if magnitude.low > limit else below
    note = f"|r| = {span(magnitude)} against a cut of {number(limit)}."
    return Finding(str(cut), str(correlation), magnitude.low, magnitude.high, verdict, note=note)


@check("correlation_count_above_cut", readings=(), typo_limit=400)
def correlation_count_above_cut(*, correlations: Cells, cut: PrintedNumber, named: tuple[str, ...]) -> Finding:
    """Whether the pairs that the text names are all the pairs with |r| above the cut.

    Parameters
    ----------
    correlations : mapping
        Cells of the matrix; the diagonal is left out.
    cut : PrintedNumber
        The cut as the text gives it (">0.80" or "0.80").
    named : tuple of str
        References of the cells that the text names.
    """
    limit = float(cut.value)
    cells = {reference: cell for reference, cell in correlations.items() if isinstance(cell, PrintedNumber)}
    unknown = [reference for reference in named if reference not in cells]
    if unknown:
        raise InputError(f"named cell {unknown[0]!r} is not among the correlations; write table/row/column as printed")
    certain: list[str] = []
    possible: list[str] = []
    unordered: set[frozenset[str]] = set()
    for reference, cell in cells.items():
        place = cell_place(reference)
        pair = frozenset((place.row, place.column))
        if len(pair) == 1 or pair in unordered:
            continue
        unordered.add(pair)
        magnitude = abs(cell.bounds)
        if magnitude.high > limit:
            possible.append(reference)
        if magnitude.low > limit:
            certain.append(reference)
    missing = [reference for reference in named if reference not in possible]
    others = [reference for reference in certain if reference not in named]
    settled = set(certain) == set(possible) == set(named)
    verdict: Verdict = "inconsistent" if missing or others else "consistent" if settled else "undetermined"
    shown = listing(f"({cell_place(ref).row}, {cell_place(ref).column}) = {cells[ref]}" for ref in certain)
    note = (
        f"Pairs above {number(limit)}: {shown}; the text names {len(named)}. "
        "The check reads the sentence as a complete list; as an example of such a pair it would agree."
    )
    recomputed = str(len(certain)) if len(certain) == len(possible) else f"{len(certain)} to {len(possible)}"
    return Finding(str(len(named)), recomputed, float(len(certain)), float(len(possible)), verdict, note=note)

"""Checks of variance inflation factors and tolerances, between themselves and against the correlations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.interval_matrix import (
    IntervalMatrix,
    Matrix,
    cell_place,
    eigenvalue_bounds,
    inverse_bounds,
    read_correlations,
)
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import finite, listing, number, span

Cells = Mapping[str, PrintedNumber | str]


@dataclass(frozen=True, slots=True)
class ForcedVif:
    """A VIF that a few predictors alone force.

    Attributes
    ----------
    bound : float
        The VIF is this or more, whatever the rounding.
    predictors : tuple of str
        The one or two predictors that force it.
    left_out : int
        Pairs of predictors that form an impossible triple with the predictor in question.
    """

    bound: float
    predictors: tuple[str, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: Matrix
    high: Matrix


def _inverse(vif: PrintedNumber) -> Interval:
    """1 / VIF over the rounding of a VIF; a VIF is positive."""
    bounds = vif.bounds
    return Interval(max(bounds.low, 0.0), max(bounds.high, 0.0)).reciprocal()


def _other_definition(*, vif: PrintedNumber, tolerance: PrintedNumber) -> tuple[Explanation, ...]:
    """Quantities near a tolerance that a program may print in its place."""
    implied = _inverse(vif)
    readings = (
        ("R² printed instead of the tolerance 1 - R²", 1.0 - implied),
        ("tolerance as 1 / sqrt(VIF)", implied.sqrt()),
    )
    return tuple(Explanation(name, span(value), tolerance.bounds.intersects(value)) for name, value in readings)


@check(
    "vif_tolerance",
    target="tolerance",
    explain=_other_definition,
    readings=("truncated", "typo", "transposed", "neighbour"),
)
def vif_tolerance(*, vif: PrintedNumber, tolerance: PrintedNumber) -> Finding:
    """Whether tolerance = 1 / VIF, the definition, within the rounding of both.

    Parameters
    ----------
    vif, tolerance : PrintedNumber
        Of the same row.
    """
    if vif.bounds.high < 1 or tolerance.bounds.high <= 0 or tolerance.bounds.low > 1:
        note = "A VIF is 1 or more and a tolerance lies in (0, 1]."
        return Finding(str(tolerance), "", None, None, "impossible", note=note)
    implied = _inverse(vif)
    verdict: Verdict = "consistent" if tolerance.bounds.intersects(implied) else "inconsistent"
    product = vif.bounds * tolerance.bounds
    note = f"1 / {vif} = {span(implied)}; VIF x tolerance = {span(product)} where the definition gives 1."
    return Finding(str(tolerance), span(implied), implied.low, finite(implied.high), verdict, note=note)


def _agreement(vifs: tuple[PrintedNumber, ...], tolerances: tuple[PrintedNumber, ...]) -> NDArray[np.bool_]:
    """Which VIF (row) goes with which tolerance (column)."""
    implied = [_inverse(vif) for vif in vifs]
    return np.array([[tolerance.bounds.intersects(value) for tolerance in tolerances] for value in implied])


def _explain_rows(
    *, vif: Mapping[str, PrintedNumber], tolerance: Mapping[str, PrintedNumber]
) -> tuple[Explanation, ...]:
    """One column shifted against the other, or the tolerances in any other order."""
    agreement = _agreement(tuple(vif.values()), tuple(tolerance.values()))
    size = len(agreement)
    fits = {shift: int(np.trace(agreement, offset=shift)) for shift in range(1 - size, size) if shift}
    shift = max(fits, key=lambda s: (fits[s], -abs(s)))
    # a shift of k rows leaves k rows without a partner, so it explains a table only if all the others agree
    resolved = fits[shift] == size - abs(shift)
    shifted = f"best of all shifts: {shift:+d} rows, {fits[shift]} of {size - abs(shift)} pairs agree"
    rows, columns = linear_sum_assignment(~agreement)
    matched = int(agreement[rows, columns].sum())
    return (
        Explanation("a column shifted by some rows", shifted, resolves=resolved),
        Explanation("rows in another order", f"at most {matched} of {size} can be paired", resolves=matched == size),
    )


@check("vif_tolerance_rows", explain=_explain_rows, readings=(), typo_limit=200)
def vif_tolerance_rows(*, vif: Mapping[str, PrintedNumber], tolerance: Mapping[str, PrintedNumber]) -> Finding:
    """How many rows of a table of VIFs and tolerances satisfy tolerance = 1 / VIF.

    Parameters
    ----------
    vif, tolerance : mapping
        The two columns, in the same order of rows.
    """
    if len(vif) != len(tolerance):
        raise InputError(f"vif and tolerance should have the same rows; got {len(vif)} and {len(tolerance)}")
    agreement = np.diag(_agreement(tuple(vif.values()), tuple(tolerance.values())))
    apart = [cell_place(ref).row for ref, fits in zip(vif, agreement, strict=True) if not fits]
    verdict: Verdict = "inconsistent" if apart else "consistent"
    note = f"Rows where VIF x tolerance is not 1 within rounding: {listing(apart, limit=40)}."
    agree = f"{len(agreement) - len(apart)} of {len(agreement)} rows agree"
    return Finding(f"{len(agreement)} rows", agree, None, None, verdict, note=note)


def _row_of(matrix: IntervalMatrix, item: str) -> int:
    if item not in matrix.names:
        raise InputError(f"item {item!r} is not in the correlation matrix; its rows: {', '.join(matrix.names)}")
    return matrix.names.index(item)


@check("vif_from_correlations", readings=(), typo_limit=60)
def vif_from_correlations(*, vif: PrintedNumber, correlations: Cells, item: str) -> Finding:
    """Whether a VIF is the diagonal entry of the inverse correlation matrix, within the rounding of all entries.

    Parameters
    ----------
    vif : PrintedNumber
    correlations : mapping
        Cells ``table/i/j`` of the matrix of all predictors.
    item : str
        The predictor's row in the matrix.

    Notes
    -----
    ``VIF_j = (R^-1)_jj``. The inverse is enclosed over every admissible matrix
    (:func:`bayesgov.published.audit.interval_matrix.inverse_bounds`).
    """
    matrix = read_correlations(correlations)
    position = _row_of(matrix, item)
    if matrix.missing:
        note = f"{len(matrix.missing)} pairs of predictors have no printed correlation."
        return Finding(str(vif), "", None, None, "not checkable", note=note)
    smallest = eigenvalue_bounds(matrix).smallest
    if smallest.high < 0:
        note = (
            f"The correlations form no correlation matrix (smallest eigenvalue {span(smallest)}), so they imply no VIF."
        )
        return Finding(str(vif), "", None, None, "not checkable", note=note)
    enclosure = inverse_bounds(matrix) if smallest.low > 0 else None
    if enclosure is None:
        note = f"Rounding allows a singular matrix (smallest eigenvalue {span(smallest)}), hence any larger VIF."
        return Finding(str(vif), "", None, None, "undetermined", note=note)
    implied = Interval(max(1.0, enclosure[position].low), max(1.0, enclosure[position].high))
    verdict: Verdict = "consistent" if vif.bounds.intersects(implied) else "inconsistent"
    note = f"The inverse of the correlation matrix gives {span(implied)}."
    return Finding(str(vif), span(implied), implied.low, implied.high, verdict, note=note)


@check("vif_lower_bound", readings=(), typo_limit=100)
def vif_lower_bound(*, vif: PrintedNumber, correlations: Cells, item: str) -> Finding:
    """Whether a VIF is at least what one or two of the other predictors force upon it.

    Parameters
    ----------
    vif : PrintedNumber
    correlations : mapping
        Cells ``table/i/j``; pairs may be missing.
    item : str
        The predictor's row in the matrix.

    Notes
    -----
    A regression on more predictors explains no less, so ``VIF_j >= 1 / (1 - R²)`` with R² of any subset: r² for one
    predictor and ``a² + (b - a c)² / (1 - c²)`` for two with correlations a, b to j and c between them. Subsets whose
    R² can reach 1 or must exceed it bound nothing and are left out. The bound needs no valid matrix of all predictors.
    """
    matrix = read_correlations(correlations)
    position = _row_of(matrix, item)
    forced = forced_vif(matrix, position)
    if forced is None:
        note = "No one or two printed correlations bound it."
        return Finding(str(vif), "", None, None, "not checkable", note=note)
    verdict: Verdict = "impossible" if vif.bounds.high < forced.bound else "consistent"
    note = f"Regressed on {' and '.join(forced.predictors)} alone, {item} has a VIF of {number(forced.bound)} or more."
    if forced.left_out:
        note = (
            f"{note} {forced.left_out} pairs left out: with {item} they form a triple that no three variables can have."
        )
    return Finding(str(vif), f"at least {number(forced.bound)}", forced.bound, None, verdict, note=note)


@check("vif_cut_from_correlations", readings=(), typo_limit=60)
def vif_cut_from_correlations(*, correlations: Cells, cut: PrintedNumber, quote: str = "") -> Finding:
    """Whether the correlations leave room for the text's sentence that every VIF is below a cut.

    Parameters
    ----------
    correlations : mapping
    cut : PrintedNumber
    quote : str
        The sentence.

    Notes
    -----
    Uses the bound of :func:`vif_lower_bound` for every predictor: above the cut the sentence cannot hold; below it the
    question stays open, because all predictors together force more than two do.
    """
    matrix = read_correlations(correlations)
    every = ((name, forced_vif(matrix, position)) for position, name in enumerate(matrix.names))
    forced = {name: found for name, found in every if found is not None}
    limit = float(cut.value)
    said = f' Sentence: "{quote}".' if quote else ""
    if not forced:
        return Finding(str(cut), "", None, None, "not checkable", note=f"No printed correlation bounds a VIF.{said}")
    beyond = [
        f"{name} ({number(found.bound)} from {' and '.join(found.predictors)})"
        for name, found in forced.items()
        if found.bound >= limit
    ]
    largest = max(found.bound for found in forced.values())
    verdict: Verdict = "inconsistent" if beyond else "undetermined"
    note = f"Predictors whose VIF the correlations force to {number(limit)} or more: {listing(beyond)}.{said}"
    return Finding(f"all below {cut}", f"largest at least {number(largest)}", largest, None, verdict, note=note)


def forced_vif(matrix: IntervalMatrix, position: int) -> ForcedVif | None:
    """The largest VIF that one or two predictors force on the one at ``position``; None if none bounds it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = _pair_r2(matrix, position)
    usable = r2.high < 1
    if not usable.any():
        return None
    candidates = np.where(usable, r2.low, -np.inf)
    j, k = (int(index) for index in np.unravel_index(int(candidates.argmax()), candidates.shape))
    # floating-point error of a dozen operations on numbers below 1, divided by 1 - R²
    bound = (1 / (1 - float(candidates[j, k]))) * (1 - 1e-12)
    predictors = (matrix.names[j],) if j == k else (matrix.names[k], matrix.names[j])
    return ForcedVif(bound, predictors, int(np.count_nonzero(r2.low > 1)))


def _pair_r2(matrix: IntervalMatrix, position: int) -> _Bounds:
    """Bounds of R² on every other predictor (diagonal) and on every two others (lower triangle); NaN elsewhere."""
    size = len(matrix.names)
    r, d = matrix.midpoint, matrix.radius
    others = [index for index in range(size) if index != position]
    low, high = np.full((size, size), np.nan), np.full((size, size), np.nan)
    for j in others:
        single = _squared(r[position, j], d[position, j])
        low[j, j], high[j, j] = single.low, single.high
    below = np.array([(j, k) for j in others for k in others if k < j], dtype=np.int64).reshape(-1, 2)
    rows, columns = below.T
    a, da = r[position, rows], d[position, rows]
    b, db, c, dc = r[position, columns], d[position, columns], r[rows, columns], d[rows, columns]
    first, between = _squared(a, da), _squared(c, dc)
    rest = _squared(b - a * c, db + np.abs(a) * dc + np.abs(c) * da + da * dc)
    low[rows, columns] = first.low + rest.low / np.maximum(1 - between.low, 0.0)
    high[rows, columns] = first.high + rest.high / np.maximum(1 - between.high, 0.0)
    return _Bounds(low, high)


def _squared(midpoint: Matrix, radius: Matrix) -> _Bounds:
    magnitude = np.abs(midpoint)
    return _Bounds(np.maximum(0.0, magnitude - radius) ** 2, (magnitude + radius) ** 2)

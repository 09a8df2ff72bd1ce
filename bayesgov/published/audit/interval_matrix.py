"""Correlation matrices known to printed decimals only, with certified bounds on what follows from them.

A printed matrix stands for every symmetric matrix whose entries round to it: midpoint ``A`` and radius ``D``, entry by
entry. The functions here bound eigenvalues, the inverse and partial results over that whole set; floating-point error
is added to the rounding, so that a bound is never tighter than the truth.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from bayesgov.printed import Interval, PrintedNumber

type Matrix = NDArray[np.float64]

# unit roundoff times a generous constant: p(n) eps ||A|| bounds the backward error of LAPACK's symmetric eigensolver
# with a modest polynomial p (LAPACK Users' Guide, 3rd ed., section 4.7); 100 n is far above what is observed
_FLOAT_SLACK = 100 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True)
class Place:
    """Row and column of a printed cell."""

    row: str
    column: str


@dataclass(frozen=True, slots=True)
class CellChange:
    """The value of one off-diagonal cell that makes the smallest eigenvalue largest, and that eigenvalue."""

    value: float
    smallest: float


@dataclass(frozen=True, slots=True)
class TripleBounds:
    """Bounds of the determinants of all 3 x 3 principal submatrices.

    Attributes
    ----------
    indices : ndarray of int, shape (n_triples, 3)
    low, high : ndarray, shape (n_triples,)
        Certified bounds of ``1 + 2 abc - a² - b² - c²`` over rounding; below 0 no three variables have such
        correlations.
    """

    indices: NDArray[np.int64]
    low: Matrix
    high: Matrix


@dataclass(frozen=True, slots=True)
class SubsetBounds:
    """Bounds of the smallest eigenvalues of principal submatrices; NaN where a correlation is not printed.

    Attributes
    ----------
    indices : ndarray of int, shape (n_subsets, size)
    low, high : ndarray, shape (n_subsets,)
    """

    indices: NDArray[np.int64]
    low: Matrix
    high: Matrix


@dataclass(frozen=True, slots=True)
class IntervalMatrix:
    """A symmetric matrix known up to rounding.

    Attributes
    ----------
    names : tuple of str, length n
        Row names in printed order.
    midpoint, radius : ndarray, shape (n, n)
        Every admissible matrix lies within ``midpoint ± radius``, entry by entry; the diagonal is 1 exactly.
    missing : tuple of (str, str)
        Pairs of names for which no number is printed; their entries are NaN.
    """

    names: tuple[str, ...]
    midpoint: Matrix
    radius: Matrix
    missing: tuple[tuple[str, str], ...]

    def entry(self, i: int, j: int) -> Interval:
        """Enclosure of one entry, outward rounded."""
        return Interval.point(float(self.midpoint[i, j])) + Interval(
            -float(self.radius[i, j]), float(self.radius[i, j])
        )


@dataclass(frozen=True, slots=True)
class EigenvalueBounds:
    """Certified bounds of the eigenvalues of every admissible matrix.

    Attributes
    ----------
    smallest : Interval
        Bounds of the smallest eigenvalue.
    perturbation : float
        How far rounding and floating-point error can move any eigenvalue.
    certainly_negative : int
        Eigenvalues that are negative in every admissible matrix.
    """

    smallest: Interval
    perturbation: float
    certainly_negative: int


@dataclass(frozen=True, slots=True)
class NearestCorrelation:
    """The correlation matrix nearest to a symmetric matrix in the Frobenius norm.

    Attributes
    ----------
    matrix : ndarray, shape (n, n)
    distance : float
        Frobenius norm of the difference.
    largest_change : float
        Largest absolute change of one entry, at rows ``row`` and ``column`` (indices).
    """

    matrix: Matrix
    distance: float
    largest_change: float
    row: int
    column: int


@functools.lru_cache(maxsize=4096)
def cell_place(reference: str) -> Place:
    """Row and column of a reference ``table/row/column``."""
    _, row, column = reference.split("/")
    return Place(row, column)


def read_correlations(cells: Mapping[str, PrintedNumber | str]) -> IntervalMatrix:
    """Collect printed cells ``table/row/column`` into a symmetric interval matrix.

    Either triangle may be printed; where both are, the entry encloses both.
    """
    places = {cell_place(reference): cell for reference, cell in cells.items() if isinstance(cell, PrintedNumber)}
    names = tuple(dict.fromkeys(name for place in places for name in (place.row, place.column)))
    index = {name: position for position, name in enumerate(names)}
    low = np.full((len(names), len(names)), np.inf)
    high = np.full((len(names), len(names)), -np.inf)
    for place, cell in places.items():
        bounds = cell.bounds
        row, column = index[place.row], index[place.column]
        for i, j in ((row, column), (column, row)):
            low[i, j] = min(low[i, j], bounds.low)
            high[i, j] = max(high[i, j], bounds.high)
    absent = low > high
    np.fill_diagonal(absent, False)
    np.fill_diagonal(low, 1.0)
    np.fill_diagonal(high, 1.0)
    low[absent] = high[absent] = np.nan
    midpoint = 0.5 * (low + high)
    # half the width, and what the rounding of the midpoint can lose
    radius = np.nextafter(np.maximum(high - midpoint, midpoint - low), np.inf)
    np.fill_diagonal(radius, 0.0)
    missing = tuple((names[i], names[j]) for i, j in zip(*np.nonzero(np.tril(absent)), strict=True))
    return IntervalMatrix(names, midpoint, radius, missing)


def eigenvalue_bounds(matrix: IntervalMatrix) -> EigenvalueBounds:
    """Bound the eigenvalues of every admissible matrix.

    Notes
    -----
    Weyl's inequality: ``|lambda_k(A + E) - lambda_k(A)| <= ||E||_2 <= max_i sum_j D_ij`` for symmetric ``|E| <= D``
    (Horn & Johnson 2013, Matrix Analysis, Theorem 4.3.1). The upper bound of the smallest eigenvalue is sharpened by
    the Rayleigh quotient of the computed eigenvector x, ``(x'Ax + |x|'D|x|) / x'x``, which bounds it for every
    admissible matrix whatever the accuracy of x.
    """
    a, d = matrix.midpoint, matrix.radius
    size = len(matrix.names)
    values, vectors = np.linalg.eigh(a)
    scale = float(np.abs(a).sum(axis=1).max())
    shift = float(d.sum(axis=1).max()) * (1 + _FLOAT_SLACK * size) + _FLOAT_SLACK * size * scale
    x = vectors[:, 0]
    magnitude = np.abs(x)
    numerator = float(x @ a @ x + magnitude @ d @ magnitude) + _FLOAT_SLACK * size * scale
    rayleigh = numerator / float(x @ x) * (1.0 + np.sign(numerator) * _FLOAT_SLACK * size)
    low = float(values[0]) - shift
    high = max(low, min(float(values[0]) + shift, rayleigh))
    return EigenvalueBounds(Interval(low, high), shift, int(np.count_nonzero(values + shift < 0)))


def inverse_bounds(matrix: IntervalMatrix) -> tuple[Interval, ...] | None:
    """Enclose the diagonal of the inverse over every admissible matrix: the variance inflation factors.

    Returns
    -------
    tuple of Interval, length n, or None
        None when regularity of every admissible matrix cannot be certified.

    Notes
    -----
    With R an approximate inverse of A and ``G >= |I - R B|`` for every admissible B, ``||G||_inf = g < 1`` gives
    ``B^-1 - R = sum_{k>=1} (I - R B)^k R``, so that ``|B^-1 - R|_ij <= H_ij + g / (1 - g) max_i H_ij`` with
    ``H = G |R|`` (Neumaier 1990, Interval Methods for Systems of Equations, section 4.1). The floating-point error of
    ``I - R A`` is added as ``n eps (|R| |A| + I)``.
    """
    a, d = matrix.midpoint, matrix.radius
    size = len(matrix.names)
    try:
        r = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None
    magnitude = np.abs(r)
    slack = _FLOAT_SLACK * size
    g = (np.abs(np.eye(size) - r @ a) + magnitude @ d + slack * (magnitude @ np.abs(a) + np.eye(size))) * (1 + slack)
    norm = float(g.sum(axis=1).max()) * (1 + slack)
    if not norm < 1:
        return None
    h = (g @ magnitude) * (1 + slack)
    error = (np.diag(h) + norm / (1 - norm) * h.max(axis=0)) * (1 + slack)
    return tuple(
        Interval.point(float(v)) + Interval(-float(e), float(e)) for v, e in zip(np.diag(r), error, strict=True)
    )


def third_correlation(first: Interval, second: Interval) -> Interval:
    """Values that the correlation of x and z can take, given those of (x, y) and (y, z).

    ``r_xz in r_xy r_yz ± sqrt((1 - r_xy²)(1 - r_yz²))`` (Olkin 1981, doi:10.1007/BF02293804), over the whole rounding
    of both.
    """
    # the part of each square above 1 belongs to no correlation
    rest = [1.0 - Interval(min(1.0, r.square().low), min(1.0, r.square().high)) for r in (first, second)]
    reach = (Interval(max(0.0, rest[0].low), rest[0].high) * Interval(max(0.0, rest[1].low), rest[1].high)).sqrt()
    product = first * second
    low, high = (product - reach).low, (product + reach).high
    return Interval(min(1.0, max(-1.0, low)), min(1.0, max(-1.0, high)))


def triple_bounds(matrix: IntervalMatrix) -> TripleBounds:
    """Bound ``det = (1 - a²)(1 - b²) - (c - ab)²`` for every three variables at once.

    Rounding is carried in midpoint-radius form; a relative slack far above the floating-point error of these few
    operations on numbers of size 1 is added.
    """
    indices = np.array(list(itertools.combinations(range(len(matrix.names)), 3)), dtype=np.int64).reshape(-1, 3)
    i, j, k = indices.T
    (a, da), (b, db), (c, dc) = ((matrix.midpoint[x, y], matrix.radius[x, y]) for x, y in ((i, j), (i, k), (j, k)))
    spread = dc + np.abs(a) * db + np.abs(b) * da + da * db
    gap = np.abs(c - a * b)
    free_low = [np.maximum(0.0, 1 - (np.abs(r) + dr) ** 2) for r, dr in ((a, da), (b, db))]
    free_high = [np.maximum(0.0, 1 - np.maximum(0.0, np.abs(r) - dr) ** 2) for r, dr in ((a, da), (b, db))]
    low = free_low[0] * free_low[1] - (gap + spread) ** 2
    high = free_high[0] * free_high[1] - np.maximum(0.0, gap - spread) ** 2
    slack = 10 * _FLOAT_SLACK
    return TripleBounds(indices, low - slack, high + slack)


def subset_eigenvalues(matrix: IntervalMatrix, size: int) -> SubsetBounds:
    """Bound the smallest eigenvalue of every principal submatrix of a given size, by Weyl's inequality.

    Raises
    ------
    ValueError
        If there is no subset of that size, or more than 20,000.
    """
    count = math.comb(len(matrix.names), size)
    if size < 2 or not 0 < count <= 20_000:
        raise ValueError(
            f"subsets of {size} of {len(matrix.names)} variables: between 1 and 20,000 wanted; got {count}"
        )
    indices = np.array(list(itertools.combinations(range(len(matrix.names)), size)), dtype=np.int64)
    blocks = matrix.midpoint[indices[:, :, None], indices[:, None, :]]
    shift = matrix.radius[indices[:, :, None], indices[:, None, :]].sum(axis=2).max(axis=1)
    printed = ~np.isnan(blocks).any(axis=(1, 2))
    smallest = np.full(count, np.nan)
    smallest[printed] = np.linalg.eigvalsh(blocks[printed])[:, 0]
    slack = shift * (1 + _FLOAT_SLACK * size) + _FLOAT_SLACK * size**2
    return SubsetBounds(indices, smallest - slack, smallest + slack)


def nearest_correlation(matrix: Matrix, *, tolerance: float = 1e-8, iterations: int = 2000) -> NearestCorrelation:
    """Nearest correlation matrix in the Frobenius norm by alternating projections with Dykstra's correction.

    Higham (2002, doi:10.1093/imanum/22.3.329), Algorithm 3.3.

    Raises
    ------
    ValueError
        If the projections have not settled to ``tolerance`` within ``iterations``.
    """
    unit, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(iterations):
        shifted = unit - correction
        values, vectors = np.linalg.eigh(shifted)
        semidefinite = (vectors * np.maximum(values, 0.0)) @ vectors.T
        correction = semidefinite - shifted
        previous, unit = unit, semidefinite.copy()
        np.fill_diagonal(unit, 1.0)
        if np.linalg.norm(unit - previous) <= tolerance * np.linalg.norm(unit):
            change = np.abs(unit - matrix)
            row, column = (int(k) for k in np.unravel_index(int(change.argmax()), change.shape))
            return NearestCorrelation(unit, float(np.linalg.norm(unit - matrix)), float(change.max()), row, column)
    raise ValueError(f"the nearest correlation matrix did not settle to {tolerance} within {iterations} projections")


def best_single_cell(matrix: Matrix, row: int, column: int) -> CellChange:
    """Search the value in [-1, 1] of one off-diagonal cell that makes the smallest eigenvalue largest.

    Notes
    -----
    The smallest eigenvalue is a concave function of the matrix, hence of one cell, so the bounded search finds its
    maximum. A change of one cell has rank two and one positive eigenvalue: it removes one negative eigenvalue at most.
    """
    trial = matrix.copy()

    def negative_smallest(value: float) -> float:
        trial[row, column] = trial[column, row] = value
        return -float(np.linalg.eigvalsh(trial)[0])

    found = minimize_scalar(negative_smallest, bounds=(-1.0, 1.0), method="bounded", options={"xatol": 1e-4})
    return CellChange(float(found.x), -float(found.fun))

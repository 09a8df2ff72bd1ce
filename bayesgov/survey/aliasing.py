"""Columns of a design matrix that data cannot tell apart: constants and linear combinations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bayesgov.errors import InputError

_UNEXPLAINED = 1e-9  # share of a standardised column that must be its own; rounding leaves about 1e-14
_CHUNK = 100_000  # rows in one step of the factorisation, which bounds its memory


def require_informative(x: np.ndarray, terms: Sequence[str], incomplete: Sequence[int] = ()) -> None:
    """Refuse a design matrix whose coefficients are not determined.

    Parameters
    ----------
    x : ndarray, shape (n_obs, n_terms)
        Without an intercept, which it is taken to stand beside.
    terms : sequence of str, length n_terms
    incomplete : sequence of int
        Columns that may hold NaN; rows that do are left out of the search for combinations.

    Raises
    ------
    InputError
        If a column holds what is no finite number, is constant or is a linear combination of columns before it.
    """
    for column, term in enumerate(terms):
        values = x[:, column]
        if column in incomplete:
            values = values[~np.isnan(values)]
        if not np.isfinite(values).all():
            raise InputError(f"{term} is no finite number in {int(np.sum(~np.isfinite(values)))} of {values.size} rows")
        if values.size == 0 or values.min() == values.max():
            raise InputError(
                f"{term} is constant in the {values.size} rows used, so it has no effect to estimate: leave it out"
            )
    complete = x[~np.isnan(x[:, list(incomplete)]).any(axis=1)] if incomplete else x
    # too few complete rows prove nothing: the others inform the coefficients as well
    if incomplete and len(complete) <= len(terms):
        return
    varying = np.flatnonzero(np.ptp(complete, axis=0))
    for column, others in linear_combinations(complete[:, varying]):
        named = " and ".join(terms[varying[other]] for other in others)
        raise InputError(
            f"{terms[varying[column]]} is a linear combination of {named} in the {len(complete)} complete rows: "
            "leave one of them out"
        )


def linear_combinations(x: np.ndarray) -> list[tuple[int, tuple[int, ...]]]:
    """Columns that are linear combinations of an intercept and of columns before them, with the columns they combine.

    The columns are centred and scaled, and all the work is done on the triangular factor of their QR decomposition,
    which has the same inner products.
    """
    n_rows, n_terms = x.shape
    if n_rows == 0 or n_terms == 0:
        return []
    centre, scale = x.mean(axis=0), x.std(axis=0)
    centre = centre + (x - centre).mean(axis=0)  # the first mean of numbers far from zero is off by their rounding
    scale[scale == 0] = 1.0
    factor = np.zeros((0, n_terms))
    for start in range(0, n_rows, _CHUNK):
        block = (x[start : start + _CHUNK] - centre) / scale
        factor = np.linalg.qr(np.vstack([factor, block]), mode="r")
    found: list[tuple[int, tuple[int, ...]]] = []
    independent: list[int] = []
    for column in range(n_terms):
        target, basis = factor[:, column], factor[:, independent]
        share = np.linalg.lstsq(basis, target)[0]
        if np.linalg.norm(target - basis @ share) <= _UNEXPLAINED * np.sqrt(n_rows):
            found.append((column, tuple(i for i, s in zip(independent, share, strict=True) if abs(s) > _UNEXPLAINED)))
        else:
            independent.append(column)
    return found

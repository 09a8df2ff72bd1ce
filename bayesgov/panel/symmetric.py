"""Inverses of symmetric matrices that may be singular."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

_WELL_CONDITIONED = 1e-10  # reciprocal condition number, unit diagonal, above which a matrix counts as regular
_ZERO = 1e-12  # eigenvalues below this share of the largest count as zero


@dataclass(frozen=True, slots=True)
class SymmetricInverse:
    """Inverse of a positive semi-definite matrix, the Moore-Penrose one where it is singular.

    Attributes
    ----------
    matrix : ndarray, shape (n, n)
    rank : int
        Of the matrix scaled to a unit diagonal, so that it does not depend on units of measurement.
    """

    matrix: np.ndarray
    rank: int


def invert(matrix: np.ndarray) -> SymmetricInverse:
    """Invert a positive semi-definite matrix: by Cholesky factors where it is regular, by eigenvalues otherwise.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    """
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    scaled = scale[:, None] * matrix * scale
    factor, failed = linalg.lapack.dpotrf(scaled)
    if not failed:
        reciprocal, _ = linalg.lapack.dpocon(factor, np.abs(scaled).sum(axis=0).max())
        if reciprocal > _WELL_CONDITIONED:
            upper, _ = linalg.lapack.dpotri(factor)
            whole = np.triu(upper) + np.triu(upper, 1).T
            return SymmetricInverse(scale[:, None] * whole * scale, matrix.shape[0])
    values, vectors = linalg.eigh(matrix)
    used = values > _ZERO * values[-1]
    correlations = linalg.eigvalsh(scaled)  # the rank does not depend on the instruments' units
    rank = int((correlations > _WELL_CONDITIONED * correlations[-1]).sum())
    return SymmetricInverse((vectors[:, used] / values[used]) @ vectors[:, used].T, rank)

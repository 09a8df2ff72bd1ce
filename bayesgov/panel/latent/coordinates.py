r"""Coordinates of regional coefficients in which a reference likelihood is round.

With reference cross-products :math:`H_r` of the varying columns, :math:`C_r` of these with the others and :math:`h_r`
with the outcome, and coordinates :math:`z_r`,

.. math:: b_r = m + s v_r, \qquad v_r = A_r^{-1} s (h_r - H_r m - C_r f) + L_r^{-T} z_r, \qquad
          A_r = I + s H_r s = L_r L_r'.

This is exact for any reference: only the coordinates change, by the Jacobian :math:`-\tfrac12 \log|A_r|`. Near the
posterior z is almost standard normal whatever m, f and s are, so that standard deviations between regions have no
funnel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Offsets of the regions at a point.

    Attributes
    ----------
    v : ndarray, shape (n_regions, k)
        In standard deviations between regions.
    middle, left : ndarray, shape (n_regions, k)
        A^-1 s (h - H m - C f), and h - H m - C f.
    inverse : ndarray, shape (n_regions, k, k)
        L^-1.
    log_jacobian : float
    """

    v: np.ndarray
    middle: np.ndarray
    left: np.ndarray
    inverse: np.ndarray
    log_jacobian: float


@dataclass(frozen=True, slots=True, eq=False)
class PlacedSlopes:
    """Gradient of log p(b) - v'v / 2 + log Jacobian.

    Attributes
    ----------
    z : ndarray, shape (n_regions, k)
    common : ndarray, shape (n_columns,)
        By way of v only.
    s : ndarray, shape (k,)
    """

    z: np.ndarray
    common: np.ndarray
    s: np.ndarray


def place(reference: np.ndarray, common: np.ndarray, s: np.ndarray, z: np.ndarray) -> Placed:
    """Offsets at coordinates z.

    Parameters
    ----------
    reference : ndarray, shape (n_regions, n_columns + 1, n_columns + 1)
        Cross-products of [Z y], the k varying columns first.
    common : ndarray, shape (n_columns,)
        m, then f.
    s : ndarray, shape (k,)
    z : ndarray, shape (n_regions, k)
    """
    k = s.size
    root = np.linalg.cholesky(np.eye(k) + s[:, None] * reference[:, :k, :k] * s)
    inverse = np.linalg.inv(root)
    left = reference[:, :k] @ np.append(-common, 1.0)
    half = (inverse @ (s * left)[..., None])[..., 0]
    middle = _times_transposed(inverse, half)
    log_jacobian = -float(np.log(np.diagonal(root, axis1=1, axis2=2)).sum())
    return Placed(middle + _times_transposed(inverse, z), middle, left, inverse, log_jacobian)


def place_slopes(reference: np.ndarray, s: np.ndarray, z: np.ndarray, placed: Placed, d_b: np.ndarray) -> PlacedSlopes:
    """Gradient at the point of :func:`place`, given ``d_b`` of shape (n_regions, k), that of log p(b) by b."""
    k, inverse = s.size, placed.inverse
    d_v = s * d_b - placed.v
    d_z = (inverse @ d_v[..., None])[..., 0]
    solved = _times_transposed(inverse, d_z)
    # d(L^-T z) = -L^-T F' z, F the lower triangle, its diagonal halved, of L^-1 dA L^-T; dA = ds H s + s H ds
    lower = np.tril(z[:, :, None] * d_z[:, None]) * (1 - 0.5 * np.eye(k))
    transposed = inverse.transpose(0, 2, 1)
    across = transposed @ lower @ inverse
    spread = across + across.transpose(0, 2, 1) + transposed @ inverse
    scaled = reference[:, :k, :k] * s
    by_region = d_b * placed.v + solved * placed.left
    by_region -= solved * (scaled @ placed.middle[..., None])[..., 0]
    by_region -= placed.middle * (scaled @ solved[..., None])[..., 0]
    by_region -= (scaled * spread.transpose(0, 2, 1)).sum(axis=2)
    common = -np.einsum("rk,rkj->j", solved * s, reference[:, :k, :-1])
    return PlacedSlopes(d_z, common, by_region.sum(axis=0))


def _times_transposed(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Every region's matrix transposed times its vector."""
    product: np.ndarray = (vector[:, None] @ matrix)[:, 0]
    return product

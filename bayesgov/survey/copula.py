"""Ordinal items with given margins and, as nearly as such items can have them, given Pearson correlations.

A printed correlation matrix need not be one that data can have. Two steps separate what is the print's fault from what
is the model's: the nearest matrix that any data can have, and the nearest that ordinal items with the given margins
have under a Gaussian copula.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.special import ndtr, ndtri

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)  # 14 digits at latent correlations up to 0.999
_MAX_ITERATIONS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class ItemCopula:
    """Joint distribution of ordinal items: an item is at option o when its normal lies between two cuts.

    Attributes
    ----------
    cuts : ndarray, shape (n_items, n_options - 1)
        Standard-normal quantiles of the cumulative option shares.
    loading : ndarray, shape (n_items, n_factors)
        Rows of length one; normals are ``loading @ e`` with independent standard normals e.
    """

    cuts: np.ndarray
    loading: np.ndarray

    @property
    def latent_correlation(self) -> np.ndarray:
        """Correlation of the normals, shape (n_items, n_items)."""
        correlation: np.ndarray = self.loading @ self.loading.T
        return correlation

    def score_correlation(self, scores: np.ndarray) -> np.ndarray:
        """Pearson correlation of the options' scores, shape (n_items, n_items)."""
        correlation, _ = _score_correlation(self.latent_correlation, self.cuts, scores)
        np.fill_diagonal(correlation, 1.0)
        return correlation

    def draw(self, n_obs: int, rng: np.random.Generator) -> np.ndarray:
        """Option codes 0, 1, ... of independent respondents, shape (n_obs, n_items)."""
        normals = rng.normal(size=(n_obs, self.loading.shape[1])) @ self.loading.T
        codes: np.ndarray = (normals[..., None] > self.cuts).sum(axis=-1)
        return codes


def nearest_correlation(matrix: np.ndarray, tolerance: float = 1e-10) -> np.ndarray:
    """The correlation matrix nearest to a symmetric matrix in the Frobenius norm.

    Alternating projections with Dykstra's correction (Higham 2002, doi:10.1093/imanum/22.3.329, algorithm 3.3).

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Symmetric.
    tolerance : float
        Largest change of an entry at which the iteration stops.

    Raises
    ------
    ValueError
        If the matrix is not symmetric, or the iteration does not settle.
    """
    if not np.array_equal(matrix, matrix.T):
        raise ValueError("the nearest correlation matrix is defined for a symmetric matrix; symmetrise it first")
    current, correction = matrix.astype(float), np.zeros(matrix.shape)
    for _ in range(_MAX_ITERATIONS):
        shifted = current - correction
        values, vectors = np.linalg.eigh(shifted)
        projected = (vectors * np.maximum(values, 0.0)) @ vectors.T
        correction = projected - shifted
        np.fill_diagonal(projected, 1.0)
        if np.abs(projected - current).max() < tolerance:
            return projected
        current = projected
    raise ValueError(f"no nearest correlation matrix to {tolerance:g} in {_MAX_ITERATIONS} iterations")


def fit_copula(target: np.ndarray, shares: np.ndarray, scores: np.ndarray) -> ItemCopula:
    """The Gaussian copula whose items' score correlations are nearest to a target in the Frobenius norm.

    Parameters
    ----------
    target : ndarray, shape (n_items, n_items)
        Symmetric with unit diagonal; need not be positive semidefinite.
    shares : ndarray, shape (n_items, n_options)
        Positive, summing to one over options.
    scores : ndarray, shape (n_options,)
        Increasing.

    Raises
    ------
    ValueError
        If shares are no distributions, or the optimiser stops short of a minimum.

    Notes
    -----
    Minimises sum_{i<j} (g_ij(u_i'u_j) - target_ij)² over unit vectors u_i, with g the map from latent to score
    correlation. The latent matrix is positive semidefinite by construction, so no repair follows the fit.
    """
    if not (np.all(shares > 0) and np.allclose(shares.sum(axis=1), 1.0)):
        raise ValueError("option shares should be positive and sum to one for every item")
    cuts = ndtri(shares.cumsum(axis=1)[:, :-1])

    def distance(flat: np.ndarray) -> tuple[float, np.ndarray]:
        free = flat.reshape(target.shape)
        length = np.linalg.norm(free, axis=1, keepdims=True)
        unit = free / length
        correlation, slope = _score_correlation(unit @ unit.T, cuts, scores)
        residual = correlation - target
        np.fill_diagonal(residual, 0.0)
        pull = 2.0 * (residual * slope) @ unit
        gradient = (pull - (pull * unit).sum(axis=1, keepdims=True) * unit) / length
        return 0.5 * float((residual**2).sum()), gradient.ravel()

    values, vectors = np.linalg.eigh(nearest_correlation(target))
    # a little of every direction: a factor that starts at exactly zero would stay there
    start = vectors * np.sqrt(np.maximum(values, 1e-4))
    found = optimize.minimize(
        distance, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-13, "gtol": 1e-8}
    )
    if not found.success:
        raise ValueError(f"the correlations of the items could not be fitted: {found.message}")
    free = found.x.reshape(target.shape)
    return ItemCopula(cuts=cuts, loading=free / np.linalg.norm(free, axis=1, keepdims=True))


def extend_copula(copula: ItemCopula, shares: np.ndarray) -> ItemCopula:
    """The copula with further items of which only the margins are known.

    The normal of a further item is a·(standardised mean of the old normals) + sqrt(1 - a²)·(its own noise), with a such
    that its mean correlation with the old ones is their own mean correlation.

    Parameters
    ----------
    copula : ItemCopula
    shares : ndarray, shape (n_further, n_options)
    """
    n_items, n_factors = copula.loading.shape
    n_further = shares.shape[0]
    centre = copula.loading.mean(axis=0) / np.linalg.norm(copula.loading.mean(axis=0))
    latent = copula.latent_correlation
    mean_correlation = float(latent[np.tril_indices(n_items, -1)].mean())
    weight = mean_correlation / float((copula.loading @ centre).mean())
    loading = np.zeros((n_items + n_further, n_factors + n_further))
    loading[:n_items, :n_factors] = copula.loading
    loading[n_items:, :n_factors] = weight * centre
    loading[n_items:, n_factors:] = np.sqrt(1 - weight**2) * np.eye(n_further)
    return ItemCopula(cuts=np.vstack([copula.cuts, ndtri(shares.cumsum(axis=1)[:, :-1])]), loading=loading)


def _score_correlation(latent: np.ndarray, cuts: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson correlations of scores and their derivatives in the latent correlations; off the diagonal only.

    A score is its smallest value plus a jump at every cut passed, so with standard normals Z, W of correlation r

        cov = sum_ab jump_a jump_b cov(1[Z > a], 1[W > b]),   d cov(1[Z > a], 1[W > b]) / dr = phi_2(a, b; r)

    (Plackett 1954, doi:10.2307/2332716), integrated from 0 to r with r = sin(angle), which removes the root.
    """
    jumps = np.diff(scores)
    jump_products = jumps[:, None] * jumps
    first, second = cuts[:, None, :, None], cuts[None, :, None, :]
    squares, product = first**2 + second**2, first * second
    angle = np.arcsin(np.clip(latent, -1 + 1e-12, 1 - 1e-12))[:, :, None, None]

    def density(at: np.ndarray, squares: np.ndarray, product: np.ndarray) -> np.ndarray:
        # cos(t) phi_2(a, b; sin t)
        exponent = -(squares - 2 * product * np.sin(at)) / (2 * np.cos(at) ** 2)
        return np.asarray(np.exp(exponent) / (2 * np.pi))

    at = 0.5 * angle[..., None] * (_NODES + 1)
    covariance = 0.5 * angle * (density(at, squares[..., None], product[..., None]) * _WEIGHTS).sum(axis=-1)
    slope = density(angle, squares, product) / np.cos(angle)
    deviation = _score_deviation(cuts, scores)
    scale = np.outer(deviation, deviation)
    return (
        (covariance * jump_products).sum(axis=(-2, -1)) / scale,
        (slope * jump_products).sum(axis=(-2, -1)) / scale,
    )


def _score_deviation(cuts: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Standard deviation of every item's score, shape (n_items,)."""
    edge = np.zeros((cuts.shape[0], 1))
    shares = np.diff(np.hstack([edge, ndtr(cuts), edge + 1]), axis=1)
    return np.asarray(np.sqrt(shares @ scores**2 - (shares @ scores) ** 2))

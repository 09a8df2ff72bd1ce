"""A quadratic with weighted absolute-value penalties: the one problem that every Lasso step comes down to."""

from __future__ import annotations

import numpy as np

_RIDGE = 1e-13  # of a unit diagonal: makes columns that repeat one another share, and moves nothing that data determine


def minimise_penalised_quadratic(
    hessian: np.ndarray, linear: np.ndarray, penalty: np.ndarray, start: np.ndarray, *, tolerance: float = 1e-13
) -> np.ndarray:
    """The b that minimises b'Hb / 2 - c'b + sum_j penalty_j |b_j|.

    Coefficients that are not zero keep their signs while they move to the optimum for those signs; one that reaches
    zero on the way stays there, and a zero whose gradient exceeds its penalty joins (Osborne, Presnell & Turlach 2000,
    doi:10.1093/imanum/20.3.389; Lee et al. 2007, "Efficient sparse coding algorithms"). Each step solves a linear
    system, so the end is exact also where coordinate descent would creep, with strongly correlated predictors.

    Parameters
    ----------
    hessian : ndarray, shape (n, n)
        Positive semi-definite with a positive diagonal.
    linear : ndarray, shape (n,)
    penalty : ndarray, shape (n,)
        Zero where a coefficient is not penalised.
    start : ndarray, shape (n,)
        The nearer, the fewer steps.
    tolerance : float
        Excess of a gradient over its penalty that counts as none, for a Hessian of unit diagonal.

    Returns
    -------
    ndarray, shape (n,)
        Optimal except in problems so degenerate that rounding makes the active set cycle; callers check the gradient.
    """
    scale = np.sqrt(np.diag(hessian))
    curvature = hessian / np.outer(scale, scale)
    curvature[np.diag_indices_from(curvature)] += _RIDGE
    target, limit = linear / scale, penalty / scale
    b = start * scale
    sign = np.sign(b) * (limit > 0)
    active = (b != 0) | (limit == 0)
    for _ in range(20 * b.size + 100):
        if not _move(b, sign, active, curvature=curvature, target=target, limit=limit):
            continue
        gradient = target - curvature @ b
        excess = np.where(active, -np.inf, np.abs(gradient) - limit)
        entering = int(np.argmax(excess))
        if excess[entering] <= tolerance:
            break
        active[entering], sign[entering] = True, np.sign(gradient[entering])
    return np.asarray(b / scale)


def kkt_residual(gradient: np.ndarray, coefficients: np.ndarray, penalty: np.ndarray) -> float:
    """Largest violation of the conditions of optimality of loss(b) + sum_j penalty_j |b_j|.

    At the optimum -gradient_j = penalty_j sign(b_j) where b_j is not zero, and |gradient_j| <= penalty_j where it is.

    Parameters
    ----------
    gradient : ndarray, shape (n,)
        Of the loss.
    coefficients, penalty : ndarray, shape (n,)
    """
    violation = np.where(
        coefficients != 0, np.abs(gradient + penalty * np.sign(coefficients)), np.abs(gradient) - penalty
    )
    return float(np.max(violation, initial=0.0))


def _move(
    b: np.ndarray, sign: np.ndarray, active: np.ndarray, *, curvature: np.ndarray, target: np.ndarray, limit: np.ndarray
) -> bool:
    """Move the active coefficients, in place, to their optimum or to the first zero; True at the optimum."""
    members = np.flatnonzero(active)
    if not members.size:
        return True
    # H_AA b_A = c_A - penalty_A sign_A
    optimum = np.linalg.solve(curvature[np.ix_(members, members)], (target - limit * sign)[members])
    here = b[members]
    crosses = (optimum * sign[members] <= 0) & (sign[members] != 0)
    if not crosses.any():
        b[members] = optimum
        return True
    share = np.full(members.size, np.inf)
    share[crosses] = np.divide(here, here - optimum, out=np.zeros_like(here), where=here != optimum)[crosses]
    first = int(np.argmin(share))
    b[members] = here + share[first] * (optimum - here)
    leaving = members[first]
    b[leaving], sign[leaving], active[leaving] = 0.0, 0.0, False
    return False

"""The maximum of the cumulative-logit likelihood by Newton's method.

The negative log-likelihood is convex in cutpoints and coefficients together (Pratt 1981,
doi:10.1080/01621459.1981.10477613), so Newton with step halving finds the one maximum. The estimate serves the
frequentist approach as such and the Bayesian one as coordinates for its sampler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesgov.survey.likelihood import information, log_likelihood

_MAX_ITERATIONS = 100
_GRADIENT_TOLERANCE = 1e-9  # relative to the number of observations


@dataclass(frozen=True, slots=True)
class CumulativeMode:
    """Maximum-likelihood estimate with what says how well it was found.

    Attributes
    ----------
    cutpoints : ndarray, shape (n_categories - 1,)
    coefficients : ndarray, shape (n_terms,)
    covariance : ndarray
        Inverse observed information, cutpoints first.
    log_likelihood : float
        Without the multinomial coefficient.
    gradient_norm : float
        Largest absolute derivative at the estimate, per observation.
    condition : float
        Condition number of the information.
    last_step : ndarray
        The Newton step that would come next: the distance to the exact maximum up to second order.
    iterations : int
    converged : bool
    """

    cutpoints: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    gradient_norm: float
    condition: float
    last_step: np.ndarray
    iterations: int
    converged: bool

    @property
    def coefficient_covariance(self) -> np.ndarray:
        """Covariance of the coefficients, the cutpoints profiled out."""
        return self.covariance[self.cutpoints.size :, self.cutpoints.size :]

    @property
    def correct_decimals(self) -> int:
        """Decimals that every parameter has right, from the Newton step that would come next."""
        error = float(np.max(np.abs(self.last_step)))
        return 15 if error == 0 else min(15, int(np.floor(-np.log10(2 * error))))


def find_mode(counts: np.ndarray, x: np.ndarray, offset: np.ndarray | None = None) -> CumulativeMode:
    """Maximise the grouped cumulative-logit likelihood with eta = offset + x @ beta.

    Parameters
    ----------
    counts : ndarray, shape (n_rows, n_categories)
    x : ndarray, shape (n_rows, n_terms)
        Without an intercept; ``n_terms`` may be 0.
    offset : ndarray, shape (n_rows,), optional

    Returns
    -------
    CumulativeMode

    Raises
    ------
    ValueError
        If a level has no observation at all: its cutpoints then have no finite estimate.
    """
    totals = counts.sum(axis=0)
    if np.any(totals <= 0):
        raise ValueError(f"every outcome level needs an observation; level totals are {totals.tolist()}: merge levels")
    shift = np.zeros(counts.shape[0]) if offset is None else offset
    n_cuts, n_obs = counts.shape[1] - 1, float(totals.sum())
    share = np.cumsum(totals)[:-1] / n_obs
    theta = np.concatenate(
        [np.log(share / (1 - share)) + float(np.average(shift, weights=counts.sum(axis=1))), np.zeros(x.shape[1])]
    )
    iterations = 0
    while iterations < _MAX_ITERATIONS:
        iterations += 1
        value, gradient, curvature = _evaluate(theta, counts, x, shift)
        step = np.linalg.solve(curvature, gradient)
        # one more step after the tolerance is met costs nothing and squares the error
        if np.max(np.abs(gradient)) / n_obs < _GRADIENT_TOLERANCE:
            theta = theta + step
            break
        theta = theta + _halved(theta, step, value, counts=counts, x=x, offset=shift)
    value, gradient, curvature = _evaluate(theta, counts, x, shift)
    norm = float(np.max(np.abs(gradient)) / n_obs)
    return CumulativeMode(
        cutpoints=theta[:n_cuts],
        coefficients=theta[n_cuts:],
        covariance=np.linalg.inv(curvature),
        log_likelihood=value,
        gradient_norm=norm,
        condition=float(np.linalg.cond(curvature)),
        last_step=np.linalg.solve(curvature, gradient),
        iterations=iterations,
        converged=norm < _GRADIENT_TOLERANCE,
    )


def _evaluate(
    theta: np.ndarray, counts: np.ndarray, x: np.ndarray, offset: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    n_cuts = counts.shape[1] - 1
    cutpoints, eta = theta[:n_cuts], offset + x @ theta[n_cuts:]
    derivatives = log_likelihood(counts, eta, cutpoints)
    gradient = np.concatenate([derivatives.d_cutpoints.sum(axis=0), x.T @ derivatives.d_eta])
    return derivatives.value, gradient, information(counts, eta, cutpoints, x)


def _halved(
    theta: np.ndarray, step: np.ndarray, value: float, *, counts: np.ndarray, x: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    """The Newton step, halved until cutpoints stay in order and the likelihood does not fall."""
    n_cuts = counts.shape[1] - 1
    for halving in range(40):
        trial = theta + step * 0.5**halving
        if np.all(np.diff(trial[:n_cuts]) > 0):
            new = log_likelihood(counts, offset + x @ trial[n_cuts:], trial[:n_cuts]).value
            if new >= value - 1e-12 * abs(value):
                return step * 0.5**halving
    return np.zeros_like(step)

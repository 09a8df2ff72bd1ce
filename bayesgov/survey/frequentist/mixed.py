"""The cumulative model with a random intercept for each group, by maximum marginal likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from bayesgov.errors import InputError
from bayesgov.fits import Check, EstimatorFit, Status, estimator_tree
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.group_integral import Marginal, grouped_rows, marginal_likelihood
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered, standardised
from bayesgov.survey.links import latent_variance
from bayesgov.survey.ordinal import OrdinalProblem
from bayesgov.survey.spec import CumulativeSpec, Link

_GRADIENT_TOLERANCE = 1e-6  # in standard errors of the model without groups; a Newton step polishes what is left
_DECREMENT_TOLERANCE = 1e-6  # in standard errors
_DIFFERENCE = 1e-4  # standard errors; central differences are good to its square
_BOUNDARY = 1e-3  # share of the latent standard deviation below which the groups' is called zero


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A maximum-likelihood fit with random intercepts.

    Attributes
    ----------
    problem : OrdinalProblem
        The likelihood given the intercepts, in own units.
    parameters : ndarray, shape (n_parameters,)
    group_sd : float
    log_likelihood : float
        Marginal, by quadrature.
    covariance : ndarray, shape (n_parameters + 1, n_parameters + 1)
        Inverse of minus the joint Hessian, the groups' standard deviation last; NaN in its row at the boundary.
    group_effect : ndarray, shape (n_groups,)
        Conditional modes, in units of the linear predictor.
    group_variance : ndarray, shape (n_groups,)
        Conditional variances at the modes.
    n_nodes : int
        1 for Laplace's approximation.
    likelihood_ratio : float
        Twice the gain over the model without groups; its null distribution is half a chi-squared with one degree of
        freedom and half a point mass at zero (Self & Liang 1987, doi:10.1080/01621459.1987.10478472).
    gradient_norm : float
        Largest absolute derivative per observation, predictors scaled to standard deviation one.
    correct_decimals : ndarray of int, shape (n_parameters + 1,)
    iterations : int
    converged : bool
    checks : tuple of Check
    """

    problem: OrdinalProblem
    parameters: np.ndarray
    group_sd: float
    log_likelihood: float
    covariance: np.ndarray
    group_effect: np.ndarray
    group_variance: np.ndarray
    n_nodes: int
    likelihood_ratio: float
    gradient_norm: float
    correct_decimals: np.ndarray
    iterations: int
    converged: bool
    checks: tuple[Check, ...]

    @property
    def std_errors(self) -> np.ndarray:
        """Standard errors, shape (n_parameters + 1,), that of the groups' standard deviation last."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def p_value(self) -> float:
        """Of no variance between groups."""
        return float(0.5 * stats.chi2.sf(self.likelihood_ratio, 1)) if self.likelihood_ratio > 0 else 1.0


def fit_mixed(design: Design, spec: CumulativeSpec, n_nodes: int = 10) -> MixedFit:
    """Fit by maximum marginal likelihood.

    Parameters
    ----------
    design : Design
        With groups.
    spec : CumulativeSpec
        Cumulative family; its link and threshold structure are used.
    n_nodes : int
        Quadrature nodes; 1 is Laplace's approximation, as R's ``clmm`` takes by default.

    Raises
    ------
    InputError
        Without groups, for another family, with a scale model, or for less than one node.
    """
    _require(design, spec, n_nodes)
    fixed = fit_ordered(design, spec.model_copy(update={"covariance": "model"}))
    if not fixed.usable:
        return _unusable(fixed, n_nodes)
    working = standardised(fixed.problem, spec)
    rows = grouped_rows(working.problem)
    # coordinates in which the model without groups has unit information
    inverse = np.linalg.inv(working.to_own)
    root = np.linalg.cholesky(inverse @ fixed.model_covariance @ inverse.T)
    start = np.append(inverse @ fixed.parameters, 0.5 * _latent_deviation(spec.link))
    frame = np.eye(start.size) * 0.2 * _latent_deviation(spec.link)
    frame[:-1, :-1] = root

    def evaluate(coordinates: np.ndarray, modes: np.ndarray) -> Marginal:
        point = start + frame @ coordinates
        found = marginal_likelihood(rows, point[:-1], float(point[-1]), modes, n_nodes)
        return Marginal(found.value, frame.T @ found.gradient, found.modes, found.curvature)

    found = _maximise(evaluate, start.size, rows.present.size)
    to_own = np.eye(start.size)
    to_own[:-1, :-1] = working.to_own
    return _collect(fixed, found, start, to_own @ frame, to_own, rows.present, n_nodes)


def to_fit(mixed: MixedFit, label: str = "mixed") -> EstimatorFit:
    """The fit as an :class:`EstimatorFit`; ``group_sd`` has no Wald interval or p-value, since zero is its boundary.

    The tree's groups: ``estimates``; ``covariance``; ``group_effect`` with modes and conditional standard deviations;
    ``fit`` with the log-likelihood and the likelihood-ratio test of no variance between groups.
    """
    problem, n = mixed.problem, mixed.parameters.size
    expand = np.zeros((problem.n_full + 1, n + 1))
    expand[:-1, :-1], expand[-1, -1] = problem.expand, 1
    covariance = np.where(np.isnan(mixed.covariance), 0.0, mixed.covariance)
    covariance = expand @ covariance @ expand.T
    if np.isnan(mixed.covariance[-1, -1]):
        covariance[-1, :] = covariance[:, -1] = np.nan
    terms = [*problem.full_names, "group_sd"]
    groups = {
        "covariance": xr.Dataset(
            {"covariance": (("term", "other_term"), covariance)}, coords={"term": terms, "other_term": terms}
        ),
        "group_effect": xr.Dataset(
            {
                "estimate": ("group", mixed.group_effect),
                "conditional_sd": ("group", np.sqrt(mixed.group_variance)),
            },
            coords={"group": list(problem.design.groups)},
        ),
        "fit": xr.Dataset(
            {
                "log_likelihood": mixed.log_likelihood,
                "df": n + 1,
                "n_observations": problem.n_observations,
                "likelihood_ratio": mixed.likelihood_ratio,
                "p_value": mixed.p_value,
                "quadrature_nodes": mixed.n_nodes,
            }
        ),
    }
    tree = estimator_tree(
        terms,
        np.append(problem.expand @ mixed.parameters, mixed.group_sd),
        np.sqrt(np.diag(covariance)),
        df=np.append(np.full(len(terms) - 1, np.inf), np.nan),
        groups=groups,
    )
    return EstimatorFit(label=label, tree=tree, checks_run=mixed.checks)


@dataclass(frozen=True, slots=True)
class _Maximum:
    coordinates: np.ndarray
    marginal: Marginal
    hessian: np.ndarray
    next_step: np.ndarray
    decrement: float
    iterations: int


type _Evaluate = Callable[[np.ndarray, np.ndarray], Marginal]


def _require(design: Design, spec: CumulativeSpec, n_nodes: int) -> None:
    if not design.groups:
        raise InputError("a random intercept needs groups; the formula has none: add (1|village) or fit without")
    if spec.family != "cumulative" or design.scale_terms:
        raise InputError('random intercepts by quadrature need family = "cumulative" and no scale model')
    if n_nodes < 1:
        raise InputError(f"n_nodes must be 1 (Laplace) or more; got {n_nodes}")


def _latent_deviation(link: Link) -> float:
    """Standard deviation of the latent error; for cauchit half its interquartile range times the normal's ratio."""
    variance = latent_variance(link)
    return float(np.sqrt(variance)) if np.isfinite(variance) else 1.48


def _maximise(evaluate: _Evaluate, size: int, n_groups: int) -> _Maximum:
    """Quasi-Newton steps to the maximum, then Newton steps with a numerical Hessian."""
    point, found, iterations = _climb(evaluate, np.zeros(size), np.zeros(n_groups))
    for _ in range(8):
        hessian = _hessian(evaluate, point, found)
        step, decrement = _ascent(hessian, found.gradient)
        better = _halved(evaluate, point, step, found)
        if better is not None:
            point, found = better
            iterations += 1
        if decrement < _DECREMENT_TOLERANCE or better is None:
            break
    # within the tolerance the Hessian has not changed, so it serves the step that would come next as well
    step, decrement = _ascent(hessian, found.gradient)
    return _Maximum(point, found, hessian, step, decrement, iterations)


def _climb(evaluate: _Evaluate, point: np.ndarray, modes: np.ndarray) -> tuple[np.ndarray, Marginal, int]:
    """BFGS with step halving; the coordinates make the identity a good first guess of the inverse information."""
    found, inverse = evaluate(point, modes), np.eye(point.size)
    iterations = 0
    while iterations < 200 and np.linalg.norm(found.gradient) > _GRADIENT_TOLERANCE:
        better = _halved(evaluate, point, inverse @ found.gradient, found)
        if better is None:
            break
        move, drop = better[0] - point, found.gradient - better[1].gradient
        point, found = better
        iterations += 1
        if move @ drop > 1e-12:
            project = np.eye(point.size) - np.outer(move, drop) / (move @ drop)
            inverse = project @ inverse @ project.T + np.outer(move, move) / (move @ drop)
    return point, found, iterations


def _halved(
    evaluate: _Evaluate, point: np.ndarray, step: np.ndarray, found: Marginal
) -> tuple[np.ndarray, Marginal] | None:
    for halving in range(30):
        trial = point + step * 0.5**halving
        new = evaluate(trial, found.modes)
        if np.isfinite(new.value) and new.value >= found.value - 1e-13 * abs(found.value):
            return trial, new
    return None


def _hessian(evaluate: _Evaluate, point: np.ndarray, found: Marginal) -> np.ndarray:
    """Central differences of the exact gradient, made symmetric."""
    moves = _DIFFERENCE * np.eye(point.size)
    rows = [evaluate(point + m, found.modes).gradient - evaluate(point - m, found.modes).gradient for m in moves]
    result = np.array(rows) / (2 * _DIFFERENCE)
    return np.asarray(0.5 * (result + result.T))


def _ascent(hessian: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, float]:
    """Newton step with the signs of the curvature made right, and its length in standard errors."""
    values, vectors = np.linalg.eigh(-hessian)
    inverse = (vectors / np.maximum(np.abs(values), 1e-8)) @ vectors.T
    step = inverse @ gradient
    return step, float(np.sqrt(step @ gradient))


def _collect(
    fixed: OrderedFit,
    found: _Maximum,
    start: np.ndarray,
    to_own: np.ndarray,
    units: np.ndarray,
    present: np.ndarray,
    n_nodes: int,
) -> MixedFit:
    """Results in own units; ``to_own`` leads there from the coordinates and ``units`` from the working parameters."""
    point = units @ start + to_own @ found.coordinates
    sign, deviation = np.sign(point[-1]), abs(float(point[-1]))
    covariance = to_own @ np.linalg.pinv(-found.hessian, hermitian=True) @ to_own.T
    at_zero = deviation < _BOUNDARY * _latent_deviation(fixed.problem.link)
    covariance[-1, :-1] *= sign
    covariance[:-1, -1] *= sign
    if at_zero:
        covariance[-1, :] = covariance[:, -1] = np.nan
    n_groups = len(fixed.problem.design.groups)
    effect, variance = np.zeros(n_groups), np.full(n_groups, deviation**2)
    effect[present] = point[-1] * found.marginal.modes
    variance[present] = deviation**2 / found.marginal.curvature
    converged = found.decrement < _DECREMENT_TOLERANCE
    gradient = np.linalg.solve(to_own.T, found.marginal.gradient)
    error = np.maximum(2 * np.abs(to_own @ found.next_step), 1e-16)
    return MixedFit(
        problem=fixed.problem,
        parameters=point[:-1],
        group_sd=deviation,
        log_likelihood=found.marginal.value,
        covariance=covariance,
        group_effect=effect,
        group_variance=variance,
        n_nodes=n_nodes,
        likelihood_ratio=max(0.0, 2 * (found.marginal.value - fixed.log_likelihood)),
        gradient_norm=float(np.abs(units.T @ gradient).max() / fixed.n_observations),
        correct_decimals=np.clip(np.floor(-np.log10(error)), 0, 15).astype(int),
        iterations=found.iterations,
        converged=converged,
        checks=(*fixed.checks[:2], *_checks(found.decrement, converged, deviation, at_zero, present.size)),
    )


def _checks(decrement: float, converged: bool, deviation: float, at_zero: bool, n_groups: int) -> tuple[Check, ...]:
    status: Status = "pass" if converged else "fail"
    advice = (
        "" if converged else "no maximum of the marginal likelihood found: more quadrature nodes or a simpler model"
    )
    boundary: Status = "warn" if at_zero else "pass"
    at_boundary = "the groups' standard deviation is estimated as zero: fit without groups" if at_zero else ""
    few: Status = "pass" if n_groups >= 5 else "warn"
    return (
        Check("newton_decrement", decrement, _DECREMENT_TOLERANCE, status, advice),
        Check("group_sd_at_zero", deviation, None, boundary, at_boundary),
        Check(
            "groups", float(n_groups), 5.0, few, "" if few == "pass" else "too few groups to estimate their variance"
        ),
    )


def _unusable(fixed: OrderedFit, n_nodes: int) -> MixedFit:
    """What the model without groups found, where it failed already: groups cannot repair it."""
    n, n_groups = fixed.parameters.size, len(fixed.problem.design.groups)
    return MixedFit(
        problem=fixed.problem,
        parameters=fixed.parameters,
        group_sd=float("nan"),
        log_likelihood=float("nan"),
        covariance=np.full((n + 1, n + 1), np.nan),
        group_effect=np.full(n_groups, np.nan),
        group_variance=np.full(n_groups, np.nan),
        n_nodes=n_nodes,
        likelihood_ratio=float("nan"),
        gradient_norm=fixed.gradient_norm,
        correct_decimals=np.zeros(n + 1, dtype=int),
        iterations=fixed.iterations,
        converged=False,
        checks=fixed.checks,
    )

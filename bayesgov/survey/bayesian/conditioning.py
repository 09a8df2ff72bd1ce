r"""Where the likelihood puts its parameters: the sampler's coordinates, computed once before sampling.

With mode :math:`\hat b` and marginal precision H of the coefficients, P = H + diag(1 / s²) for the current prior
scales s and L = chol(P), the sampler moves z in

.. math:: \beta = P^{-1} H \hat b + L^{-\top} z, \qquad \log|\partial\beta / \partial z| = -\sum_j \log L_{jj},

which is nearly standard normal whatever the scales do, so shrinkage makes no funnel. Only coordinates change, the
posterior does not: neither the mode nor H has to be exact. The mode is found by Fisher scoring under priors so weak
that they matter only where the likelihood has no maximum (separation, an empty level).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from bayesgov.errors import InputError
from bayesgov.survey.bayesian.baseline import thresholds_from_probabilities
from bayesgov.survey.design import Design
from bayesgov.survey.kernels.data import KernelData
from bayesgov.survey.kernels.general import FAMILIES
from bayesgov.survey.kernels.information import expected_information
from bayesgov.survey.kernels.likelihood import evaluate_general, evaluate_logit
from bayesgov.survey.spec import LINKS, CumulativeSpec

_ITERATIONS = 50
_CLOSE_ENOUGH = 1e-6  # of the squared Newton step in standard errors: far below what a coordinate system needs
_WEAK_SCALE = 10.0  # prior standard deviation of a standardised coefficient while the mode is sought


@dataclass(frozen=True, slots=True)
class Conditioning:
    """Centre and precision of the sampler's coordinates; coefficients are those of the predictors' own units.

    Attributes
    ----------
    mean, sd : ndarray, shape (n_terms,)
        Weighted mean and standard deviation of every predictor, missing cells left out.
    threshold_mode : ndarray, shape (n_cuts,)
        Thresholds at the mean of the predictors; for the cumulative family the first and the logarithms of the gaps.
    threshold_root : ndarray, shape (n_cuts, n_cuts)
        R with threshold coordinates = ``threshold_mode`` + R z, R R' their covariance.
    beta_precision : ndarray, shape (n_terms, n_terms)
        Marginal over thresholds and group effects.
    beta_pull : ndarray, shape (n_terms,)
        ``beta_precision`` times the mode.
    group_precision, group_pull : ndarray, shape (n_groups - 1,)
        The same, diagonal, for the coordinates of :func:`zero_sum`.
    group_sd : float
        Standard deviation of the group effects at the mode.
    """

    mean: np.ndarray
    sd: np.ndarray
    threshold_mode: np.ndarray
    threshold_root: np.ndarray
    beta_precision: np.ndarray
    beta_pull: np.ndarray
    group_precision: np.ndarray
    group_pull: np.ndarray
    group_sd: float


def zero_sum(free: np.ndarray) -> np.ndarray:
    """n values that sum to zero from n - 1 free ones along the last axis; an isometry (Stan's and PyMC's)."""
    n = free.shape[-1] + 1
    total = free.sum(axis=-1, keepdims=True)
    shift = total / (np.sqrt(n) + n)
    return np.concatenate([free - shift, -total / np.sqrt(n)], axis=-1)


def free_of_zero_sum(values: np.ndarray) -> np.ndarray:
    """The transpose of :func:`zero_sum`, and for values that sum to zero its inverse."""
    n = values.shape[-1]
    head, tail = values[..., :-1], values[..., -1:]
    result: np.ndarray = head - head.sum(axis=-1, keepdims=True) / (np.sqrt(n) + n) - tail / np.sqrt(n)
    return result


@dataclass(slots=True)
class _State:
    """Parameters while the mode is sought: thresholds, standardised coefficients, group effects, their variance."""

    threshold: np.ndarray
    beta: np.ndarray
    group_effect: np.ndarray
    variance: float

    def moved(self, step: np.ndarray, group_step: np.ndarray, length: float) -> _State:
        n_cuts = self.threshold.size
        return _State(
            self.threshold + length * step[:n_cuts],
            self.beta + length * step[n_cuts:],
            self.group_effect + length * group_step,
            self.variance,
        )


@dataclass(frozen=True, slots=True)
class _Problem:
    """The likelihood over standardised predictors, with one pseudo-observation of every level at their mean."""

    family: int
    link: int
    data: KernelData
    x: np.ndarray
    n_groups: int

    def value(self, state: _State) -> tuple[float, np.ndarray, np.ndarray]:
        """Penalised log-likelihood and its gradient: thresholds with coefficients, group effects."""
        n_cuts, data = state.threshold.size, self.data
        likelihood, d_cut, d_beta, d_group = self._evaluate(
            self.x, data.starts, data.weights, data.offset, data.group, state.beta, state.threshold, state.group_effect
        )
        levels, none = np.arange(n_cuts + 2), np.empty(0)
        pseudo, d_pseudo, _, _ = self._evaluate(
            np.empty((0, n_cuts + 1)), levels, none, np.zeros(n_cuts + 1), levels[:-1], none, state.threshold, none
        )
        likelihood += pseudo
        penalty = np.sum(state.beta**2) / _WEAK_SCALE**2 + np.sum(state.group_effect**2) / state.variance
        gradient = np.concatenate([d_cut + d_pseudo, d_beta - state.beta / _WEAK_SCALE**2])
        return likelihood - 0.5 * penalty, gradient, d_group - state.group_effect / state.variance

    def _evaluate(
        self,
        x: np.ndarray,
        starts: np.ndarray,
        weights: np.ndarray,
        offset: np.ndarray,
        group: np.ndarray,
        beta: np.ndarray,
        threshold: np.ndarray,
        group_effect: np.ndarray,
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Log-likelihood with its derivatives in thresholds, coefficients and group effects."""
        evaluate = evaluate_logit if (self.family, self.link) == (0, 0) else evaluate_general
        value, _, d_beta, d_cut, d_group, _, _ = evaluate(
            self.family, self.link, False, x, starts, weights, group, np.empty(0, dtype=np.int64),
            np.empty((0, offset.size)), offset, beta, threshold, group_effect,
            np.empty((0, threshold.size)), np.empty(0),
        )  # fmt: skip
        return value, d_cut, d_beta, d_group

    def information(self, state: _State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Expected information without penalties: shared block, its cross block with groups, groups' diagonal."""
        n_cuts, n_terms = state.threshold.size, state.beta.size
        shared = np.empty((n_cuts + n_terms, n_cuts + n_terms))
        crossed, own = np.empty((n_cuts + n_terms, self.n_groups)), np.empty(self.n_groups)
        data = self.data
        expected_information(
            self.family, self.link, self.x, data.mass, data.offset, data.group,
            state.beta, state.threshold, state.group_effect, shared, crossed, own,
        )  # fmt: skip
        pseudo, nothing = np.empty((n_cuts, n_cuts)), np.empty(0)
        expected_information(
            self.family, self.link, np.empty((0, n_cuts + 1)), np.ones(n_cuts + 1), np.zeros(n_cuts + 1),
            np.zeros(n_cuts + 1, dtype=np.int64), nothing, state.threshold, nothing, pseudo,
            np.empty((n_cuts, 0)), nothing,
        )  # fmt: skip
        shared[:n_cuts, :n_cuts] += pseudo / (n_cuts + 1)
        return shared, crossed, own


def condition(design: Design, data: KernelData, spec: CumulativeSpec) -> Conditioning:
    """Find mode and information of the likelihood under proportional odds.

    Parameters
    ----------
    design : Design
        Scale terms and nominal departures are taken as absent, missing cells as the mean of their column.
    data : KernelData
        Its rows.
    spec : CumulativeSpec
        Its family, link and thresholds' and groups' prior.

    Raises
    ------
    InputError
        If a predictor does not vary.
    """
    _require_variation(design, data)
    mean, sd, x = _standardised(data)
    problem = _Problem(FAMILIES.index(spec.family), LINKS.index(spec.link), data, x, len(design.groups))
    state = _scored(problem, _start(problem, design, spec))
    shared, crossed, own = problem.information(state)
    penalised_own = own + 1 / state.variance
    reduced = shared - crossed @ _zero_sum_solve(penalised_own, crossed.T)
    n_cuts = state.threshold.size
    cut, cross, slope = reduced[:n_cuts, :n_cuts], reduced[:n_cuts, n_cuts:], reduced[n_cuts:, n_cuts:]
    ridge = np.eye(sd.size) / _WEAK_SCALE**2
    precision = slope - cross.T @ np.linalg.solve(cut, cross)
    cut_precision = cut - cross @ np.linalg.solve(slope + ridge, cross.T)
    ordered = spec.family == "cumulative"
    jacobian = _gap_jacobian(state.threshold) if ordered else np.eye(n_cuts)
    root = np.linalg.cholesky(jacobian.T @ cut_precision @ jacobian)
    group_precision = _free_precision(own, crossed, shared + np.diag(np.r_[np.zeros(n_cuts), ridge.diagonal()]))
    return Conditioning(
        mean=mean,
        sd=sd,
        threshold_mode=_to_gaps(state.threshold) if ordered else state.threshold,
        threshold_root=solve_triangular(root, np.eye(n_cuts), lower=True).T,
        beta_precision=precision * np.outer(sd, sd),
        # (H + ridge) penalised mode = H mode, whether or not H has an inverse
        beta_pull=((precision + ridge) @ state.beta) * sd,
        group_precision=group_precision,
        group_pull=(group_precision + 1 / state.variance) * free_of_zero_sum(state.group_effect)
        if design.groups
        else np.empty(0),
        group_sd=float(np.sqrt(state.variance)),
    )


def _require_variation(design: Design, data: KernelData) -> None:
    for term, column in zip(design.terms, data.x, strict=True):
        present = column[~np.isnan(column)]
        if present.size == 0 or present.min() == present.max():
            raise InputError(f"predictor {term} has the same value in every row: leave it out of the formula")


def _standardised(data: KernelData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted means, standard deviations and standardised predictors, missing cells at zero."""
    present = ~np.isnan(data.x)
    filled = np.where(present, data.x, 0.0)
    mass = present @ data.mass
    mean = filled @ data.mass / mass
    centred = np.where(present, data.x - mean[:, None], 0.0)
    sd = np.sqrt(centred**2 @ data.mass / mass)
    return mean, sd, centred / sd[:, None]


def _start(problem: _Problem, design: Design, spec: CumulativeSpec) -> _State:
    data = problem.data
    counts = np.array([data.mass[low:high].sum() for low, high in zip(data.starts[:-1], data.starts[1:], strict=True)])
    share = (counts + 1) / (counts + 1).sum()
    threshold = thresholds_from_probabilities(share, spec.family, spec.link)
    shift = float(np.average(data.offset, weights=data.mass))
    return _State(threshold + shift, np.zeros(len(design.terms)), np.zeros(problem.n_groups), 0.25 * spec.group_scale)


def _scored(problem: _Problem, state: _State) -> _State:
    """Fisher scoring with step halving; the groups' variance follows by EM."""
    value, gradient, group_gradient = problem.value(state)
    for _ in range(_ITERATIONS):
        shared, crossed, own = problem.information(state)
        n_cuts = state.threshold.size
        shared[n_cuts:, n_cuts:] += np.eye(state.beta.size) / _WEAK_SCALE**2
        own += 1 / state.variance
        solved = _zero_sum_solve(own, crossed.T)
        step = np.linalg.solve(shared - crossed @ solved, gradient - solved.T @ group_gradient)
        group_step = _zero_sum_solve(own, group_gradient[:, None])[:, 0] - solved @ step
        promised = float(step @ gradient + group_step @ group_gradient)
        length = 1.0
        while length > 1e-6:
            trial = state.moved(step, group_step, length)
            reached, trial_gradient, trial_group = problem.value(trial)
            if reached >= value - 1e-12 * abs(value):
                break
            length *= 0.5
        else:
            return state
        state, value, gradient, group_gradient = trial, reached, trial_gradient, trial_group
        settled = promised < _CLOSE_ENOUGH
        if problem.n_groups:
            variance = max(float(np.mean(state.group_effect**2 + 1 / own)), 1e-4)
            settled = settled and abs(variance / state.variance - 1) < 0.05
            state.variance = variance
            value, gradient, group_gradient = problem.value(state)
        if settled:
            break
    return state


def _zero_sum_solve(diagonal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """E (E' diag E)^-1 E' right, E a basis of the vectors that sum to zero; shapes (n,) and (n, m)."""
    if diagonal.size == 0:
        return right
    divided = right / diagonal[:, None]
    inverse = 1 / diagonal
    result: np.ndarray = divided - np.outer(inverse, divided.sum(axis=0)) / inverse.sum()
    return result


def _free_precision(own: np.ndarray, crossed: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Diagonal of E' (diag(own) - crossed' shared^-1 crossed) E for the basis E of :func:`zero_sum`."""
    n = own.size
    if n == 0:
        return np.empty(0)
    share = 1 / (np.sqrt(n) + n)
    spread = share**2 * own[:-1].sum() + own[-1] / n  # what every free coordinate has of the other groups
    diagonal = own[:-1] * ((1 - share) ** 2 - share**2) + spread
    half = free_of_zero_sum(solve_triangular(np.linalg.cholesky(shared), crossed, lower=True))
    precision: np.ndarray = np.maximum(diagonal - np.sum(half**2, axis=0), 0.0)
    return precision


def _to_gaps(threshold: np.ndarray) -> np.ndarray:
    return np.concatenate([threshold[:1], np.log(np.diff(threshold))])


def _gap_jacobian(threshold: np.ndarray) -> np.ndarray:
    """d threshold / d (first, log gaps)."""
    steps = np.concatenate([[1.0], np.diff(threshold)])
    return np.asarray(np.tril(np.broadcast_to(steps, (threshold.size, threshold.size))))

r"""Intervals and tests of the ordered model that rest on the likelihood itself.

The signed root of the profile likelihood,

.. math:: z(b) = \mathrm{sign}(b - \hat b) \sqrt{2 (\ell(\hat b) - \ell_p(b))},

is normal to a higher order than the Wald statistic. Its limits are found by Newton's method, since the derivative of
:math:`\ell_p` is that of :math:`\ell` in b at the constrained maximum (Venzon & Moolgavkar 1988, doi:10.2307/2347496).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.chi_square import ChiSquareTest
from bayesgov.survey.frequentist.newton import maximise
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered, standardised
from bayesgov.survey.ordinal import OrdinalProblem
from bayesgov.survey.spec import CumulativeSpec

_MAX_STEPS = 100
_ROOT_TOLERANCE = 1e-8  # of z
_FLAT = 1e-2  # share of the target below which the slope of z is no guide
_FAR = 1e6  # standard errors beyond which a limit is called infinite


@dataclass(frozen=True, slots=True)
class ProfileIntervals:
    """Profile-likelihood confidence intervals.

    Attributes
    ----------
    level : float
    names : tuple of str
        As in ``OrderedFit.names``.
    estimate, lower, upper : ndarray, shape (len(names),)
        In own units; an infinite limit where the profile likelihood never falls far enough, as under separation; NaN
        where the fit failed another check or a constrained fit did not converge.
    """

    level: float
    names: tuple[str, ...]
    estimate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def frame(self) -> pd.DataFrame:
        """One row a parameter: term, estimate, lower, upper, interval."""
        return pd.DataFrame(
            {
                "term": self.names,
                "estimate": self.estimate,
                "lower": self.lower,
                "upper": self.upper,
                "interval": f"{100 * self.level:g}% profile-likelihood confidence",
            }
        )


def profile_intervals(
    ordered: OrderedFit, spec: CumulativeSpec, names: Sequence[str] | None = None, level: float = 0.95
) -> ProfileIntervals:
    """Profile-likelihood intervals of coefficients, departures and log scales.

    Parameters
    ----------
    ordered : OrderedFit
    spec : CumulativeSpec
        That of the fit.
    names : sequence of str, optional
        All coefficients, departures and log scales if left out.
    level : float

    Raises
    ------
    ValueError
        For a name that is no coefficient, departure or log scale: a threshold's interval depends on where the
        predictors have their zero.
    """
    possible = [name for name in ordered.names if name.startswith(("beta[", "departure[", "log_scale["))]
    chosen = possible if names is None else list(names)
    if unknown := [name for name in chosen if name not in possible]:
        raise ValueError(f"a profile needs one of {', '.join(possible)}; got {', '.join(unknown)}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}")
    positions = [ordered.names.index(name) for name in chosen]
    limits = np.full((len(chosen), 2), np.nan)
    # under separation one limit is still finite, which is what makes profile intervals worth having there
    if {check.name for check in ordered.checks if check.status == "fail"} <= {"separation"}:
        working = standardised(ordered.problem, spec)
        estimate = np.linalg.solve(working.to_own, ordered.parameters)
        # these parameters differ from their working versions by a factor only
        factor = np.diag(working.to_own)
        errors = np.sqrt(np.diag(ordered.model_covariance)) / factor
        errors = np.where(np.isfinite(errors), errors, 1.0)
        target = float(stats.norm.ppf(0.5 * (1 + level)))
        limits = np.array(
            [
                [_limit(working.problem, estimate, k, errors[k], sign * target) * factor[k] for sign in (-1, 1)]
                for k in positions
            ]
        ).reshape(-1, 2)
    return ProfileIntervals(level, tuple(chosen), ordered.parameters[positions], limits[:, 0], limits[:, 1])


def likelihood_ratio_test(name: str, smaller: OrderedFit, larger: OrderedFit) -> ChiSquareTest:
    """Test of the smaller of two nested models of the same rows.

    Raises
    ------
    ValueError
        If the rows differ, or the second model has no more parameters than the first.
    """
    df = larger.parameters.size - smaller.parameters.size
    if df <= 0:
        raise ValueError(f"the larger model needs more parameters than the smaller one; got {df} more: swap them")
    if smaller.n_observations != larger.n_observations:
        raise ValueError(
            f"a likelihood ratio needs the same rows; got {smaller.n_observations:g} and {larger.n_observations:g} "
            "observations: fit both models to the complete rows of the larger"
        )
    return ChiSquareTest(name, max(0.0, 2 * (larger.log_likelihood - smaller.log_likelihood)), df)


def wald_tests(ordered: OrderedFit) -> tuple[ChiSquareTest, ...]:
    """Joint Wald test that a term of the formula has no effect, for each term, with the fit's own covariance."""
    tests = []
    for factor in dict.fromkeys(ordered.problem.design.factors):
        chosen = [ordered.names.index(name) for name in _of_factor(ordered, factor)]
        block = ordered.covariance[np.ix_(chosen, chosen)]
        effect = ordered.parameters[chosen]
        known = bool(np.all(np.isfinite(block)))
        statistic = float(effect @ np.linalg.solve(block, effect)) if known else float("nan")
        tests.append(ChiSquareTest(factor, statistic, len(chosen)))
    return tuple(tests)


def drop_tests(ordered: OrderedFit, spec: CumulativeSpec) -> tuple[ChiSquareTest, ...]:
    """Likelihood-ratio test of leaving out a term of the formula, for each term; other terms stay as they are.

    NaN where the full or the reduced model is not usable.
    """
    design = ordered.problem.design
    plain = spec.model_copy(update={"covariance": "model"})
    tests = []
    for factor in dict.fromkeys(design.factors):
        reduced = fit_ordered(without_factor(design, factor), plain)
        test = likelihood_ratio_test(factor, reduced, ordered)
        sound = reduced.usable and ordered.usable
        tests.append(test if sound else replace(test, statistic=float("nan")))
    return tuple(tests)


def without_factor(design: Design, factor: str) -> Design:
    """The Design without a term of the formula, its nominal effects included.

    Raises
    ------
    ValueError
        For a term that the Design does not have.
    """
    kept = [column for column, name in enumerate(design.factors) if name != factor]
    if len(kept) == design.n_terms:
        raise ValueError(f"factor must be one of {', '.join(dict.fromkeys(design.factors))}; got {factor!r}")
    return replace(
        design,
        x=design.x[:, kept],
        terms=tuple(design.terms[column] for column in kept),
        factors=tuple(design.factors[column] for column in kept),
        nominal=tuple(kept.index(column) for column in design.nominal if column in kept),
        monotonic=tuple(
            replace(term, column=kept.index(term.column)) for term in design.monotonic if term.column in kept
        ),
    )


def _of_factor(ordered: OrderedFit, factor: str) -> list[str]:
    """Coefficients and free departures of a term of the formula."""
    design = ordered.problem.design
    terms = [term for term, name in zip(design.terms, design.factors, strict=True) if name == factor]
    nominal = [design.terms[column] for column in design.nominal]
    departures = [f"departure[{term}, {cut}]" for term in terms if term in nominal for cut in design.thresholds[:-1]]
    return [*(f"beta[{term}]" for term in terms), *departures]


def _limit(problem: OrdinalProblem, estimate: np.ndarray, position: int, error: float, target: float) -> float:
    """Where the signed root of the profile likelihood reaches its target; in working units.

    Newton's method inside a bracket: z is close to linear, so a step or two beyond the Wald limit is the rule.
    """
    free = np.arange(estimate.size) != position
    maximum = problem.evaluate(estimate).value
    inner, outer = float(estimate[position]), float("nan")
    point, trial = estimate, float(estimate[position]) + target * error
    for _ in range(_MAX_STEPS):
        if abs(trial - estimate[position]) > _FAR * error:
            return float(np.sign(target) * np.inf)
        start = _moved(point, position, trial, estimate)
        found = maximise(problem, start, free)
        if not np.isfinite(found.evaluation.value):  # thresholds out of order at the start: nearer
            trial = 0.5 * (inner + trial)
            continue
        if not found.converged:
            return float("nan")
        root = float(np.sign(target) * np.sqrt(max(2 * (maximum - found.evaluation.value), 0.0)))
        if abs(root - target) < _ROOT_TOLERANCE:
            return trial
        point = found.parameters
        inner, outer = (trial, outer) if abs(root) < abs(target) else (inner, trial)
        # dz / db = -(d l_p / db) / z, which says nothing where the profile is flat
        slope = -float(found.evaluation.gradient[position]) / root if abs(root) > _FLAT * abs(target) else 0.0
        proposal = trial - (root - target) / slope if slope > 0 else float("nan")
        trial = _bracketed(proposal, inner, outer, float(estimate[position]), float(np.sign(target)) * 5 * error)
    return float("nan")


def _moved(point: np.ndarray, position: int, value: float, estimate: np.ndarray) -> np.ndarray:
    """The last constrained maximum carried on in a straight line from the estimate, to start the next one."""
    start = point.copy()
    if point[position] != estimate[position]:
        start = estimate + (point - estimate) * (value - estimate[position]) / (point[position] - estimate[position])
    start[position] = value
    return start


def _bracketed(proposal: float, inner: float, outer: float, centre: float, reach: float) -> float:
    """The proposal if it lies in the bracket; else the bracket's middle, or further out while it is open.

    An open bracket ends at twice the distance already covered and ``reach`` more.
    """
    end = centre + 2 * (inner - centre) + reach if np.isnan(outer) else outer
    if np.isfinite(proposal) and min(inner, end) < proposal < max(inner, end):
        return proposal
    return end if np.isnan(outer) else 0.5 * (inner + outer)

"""Whether one slope serves all thresholds: the parallel-lines test by likelihood ratio and by score, and what it means.

With thousands of rows either test rejects trifles, so the change in predicted probabilities is reported beside the
p-value. Brant's test is in :mod:`bayesgov.survey.frequentist.brant`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from bayesgov.fits import Check
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.chi_square import ChiSquareTest, chi_square_table
from bayesgov.survey.frequentist.margins import coefficients_of
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered
from bayesgov.survey.margins import distances, probabilities
from bayesgov.survey.response import expected_information, score
from bayesgov.survey.spec import CumulativeSpec

CROSSED = "thresholds_crossed"  # the check of an ordered fit
MOST_CROSSED = 0.01
_CHUNK_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class ProbabilityChange:
    """Differences between two models' probabilities of the same rows.

    Attributes
    ----------
    largest : float
        Of any level in any row.
    mean : float
        Mean absolute difference over levels and weighted rows.
    """

    largest: float
    mean: float


_UNKNOWN = ProbabilityChange(float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class ParallelLines:
    """Tests of parallel lines by likelihood ratio, as SPSS prints it, and by score, as SAS does.

    Attributes
    ----------
    minus2ll_parallel, minus2ll_general : float
    omnibus : ChiSquareTest
        All terms free between thresholds, df n_terms (K - 2).
    per_factor : tuple of ChiSquareTest
        One factor free at a time (``ordinal::nominal_test``).
    score : ChiSquareTest
        Of all terms, from the parallel model alone: it needs no thresholds in order under free effects.
    change : ProbabilityChange
        Between the parallel model and the one with all effects free: what the departure amounts to. NaN where the
        latter has no probabilities.
    checks : tuple of Check
    """

    minus2ll_parallel: float
    minus2ll_general: float
    omnibus: ChiSquareTest
    per_factor: tuple[ChiSquareTest, ...]
    score: ChiSquareTest
    change: ProbabilityChange
    checks: tuple[Check, ...]

    def frame(self) -> pd.DataFrame:
        """One row a test: scope ("omnibus", "score" or "factor"), name, statistic, df, p_value."""
        return chi_square_table({"omnibus": (self.omnibus,), "score": (self.score,), "factor": self.per_factor})


def parallel_lines(design: Design, spec: CumulativeSpec, parallel: OrderedFit | None = None) -> ParallelLines:
    """Tests of the parallel model against the one whose slopes differ between thresholds.

    Parameters
    ----------
    design : Design
        Its nominal terms are taken as parallel.
    spec : CumulativeSpec
        Any family.
    parallel : OrderedFit, optional
        The parallel model with flexible thresholds where it has been fitted already.

    Returns
    -------
    ParallelLines
        Where a general model has no maximum, or one whose thresholds cross, a check says so. With crossing thresholds
        for more than one observation in a hundred its likelihood ratio is NaN; the score test remains.
    """
    own = _plain_spec(spec)
    plain = replace(design, nominal=())
    simple = parallel or fit_ordered(plain, own)
    factors = np.array(design.factors)
    free = {"all terms": np.arange(design.n_terms)}
    free.update({factor: np.flatnonzero(factors == factor) for factor in dict.fromkeys(design.factors)})
    fits = {name: fit_ordered(replace(design, nominal=tuple(columns.tolist())), own) for name, columns in free.items()}
    tests = [_likelihood_ratio(name, simple, fit) for name, fit in fits.items()]
    general = fits["all terms"]
    return ParallelLines(
        minus2ll_parallel=-2 * simple.log_likelihood,
        minus2ll_general=-2 * general.log_likelihood,
        omnibus=tests[0],
        per_factor=tuple(tests[1:]),
        score=score_test(simple),
        change=probability_change(simple, general) if has_probabilities(general) else _UNKNOWN,
        checks=_general_checks(fits),
    )


def crossed_share(fit: OrderedFit) -> float:
    """Share of the observations whose thresholds are out of order, so that some level's probability is negative."""
    return sum(check.value or 0.0 for check in fit.checks if check.name == CROSSED) / fit.n_observations


def has_probabilities(fit: OrderedFit) -> bool:
    """Whether a likelihood is one of probabilities, but for at most one observation in a hundred.

    A row with crossing thresholds has a level of negative probability and the others above their due: such a
    likelihood can exceed that of the saturated model, and nothing follows from comparing it.
    """
    return crossed_share(fit) <= MOST_CROSSED


def score_test(parallel: OrderedFit) -> ChiSquareTest:
    """Score test of parallel lines (Peterson & Harrell 1990, doi:10.2307/2347760), df n_terms (K - 2).

    g' I⁻¹ g with gradient and expected information of the model with all effects free, at the parallel estimates.

    Parameters
    ----------
    parallel : OrderedFit
        Flexible thresholds, no nominal terms.

    Returns
    -------
    ChiSquareTest
        NaN with a scale model, for which this test is not worked out.
    """
    design, values = parallel.problem.design, coefficients_of(parallel)
    n_cuts, size = design.n_categories - 1, 1 + design.n_terms
    df = design.n_terms * (n_cuts - 1)
    if design.scale_terms:
        return ChiSquareTest("all terms", float("nan"), df)
    gradient, information = np.zeros((n_cuts, size)), np.zeros((n_cuts, size, n_cuts, size))
    for rows in _chunks(design):
        part = design.take(rows)
        distance = distances(part, values)[:, 0]
        counts = part.weights * (part.y == np.arange(design.n_categories)[:, None])
        z = np.column_stack([np.ones(rows.size), -part.x])
        gradient += score(parallel.problem, distance, counts) @ z
        expected = part.weights * expected_information(parallel.problem, distance)
        for low, high in product(range(n_cuts), repeat=2):
            information[low, :, high] += z.T @ (expected[low, high][:, None] * z)
    flat = gradient.ravel()
    matrix = information.reshape(flat.size, flat.size)
    return ChiSquareTest("all terms", float(flat @ np.linalg.solve(matrix, flat)), df)


def probability_change(first: OrderedFit, second: OrderedFit) -> ProbabilityChange:
    """How far two models' probabilities of the same rows lie apart.

    Parameters
    ----------
    first, second : OrderedFit
        Of Designs that differ in their nominal or scale terms only.

    Returns
    -------
    ProbabilityChange
    """
    largest, total = 0.0, 0.0
    weights = first.problem.design.weights
    for rows in _chunks(first.problem.design):
        one, other = (
            probabilities(fit.problem.design.take(rows), coefficients_of(fit), fit.problem)[0]
            for fit in (first, second)
        )
        change = np.abs(one - other)
        largest = max(largest, float(change.max()))
        total += float(weights[rows] @ change.mean(axis=1))
    return ProbabilityChange(largest, total / float(weights.sum()))


def _chunks(design: Design) -> Iterator[np.ndarray]:
    return (np.arange(start, min(start + _CHUNK_ROWS, design.n_obs)) for start in range(0, design.n_obs, _CHUNK_ROWS))


def _plain_spec(spec: CumulativeSpec) -> CumulativeSpec:
    """The spec's family and link with flexible thresholds; the Design says the rest."""
    return CumulativeSpec(formula=spec.formula, family=spec.family, link=spec.link)


def _likelihood_ratio(name: str, simple: OrderedFit, general: OrderedFit) -> ChiSquareTest:
    statistic = max(0.0, 2 * (general.log_likelihood - simple.log_likelihood))
    return ChiSquareTest(
        name,
        statistic if has_probabilities(general) else float("nan"),
        general.parameters.size - simple.parameters.size,
    )


def _general_checks(fits: Mapping[str, OrderedFit]) -> tuple[Check, ...]:
    """One check for each model with free effects: what failed in it, if anything."""
    checks = []
    for name, fit in fits.items():
        failed = [check for check in fit.checks if check.status == "fail"]
        mild = all(check.name == CROSSED for check in failed) and has_probabilities(fit)
        advice = "; ".join(check.advice for check in failed)
        checks.append(
            Check(
                f"effects free between thresholds: {name}",
                crossed_share(fit),
                MOST_CROSSED,
                ("warn" if mild else "fail") if failed else "pass",
                f"{advice}; or read the score test" if failed else "",
            )
        )
    return tuple(checks)

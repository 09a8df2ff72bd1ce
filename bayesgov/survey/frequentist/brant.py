r"""The K - 1 binary models behind an ordinal one, and Brant's test that their slopes are the same.

The survey study's equations 9–12 are :math:`P(y \le k) = F(\theta_k - x\beta_k)`, one for each threshold; proportional
odds says that all :math:`\beta_k` are one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from scipy import stats

from bayesgov.fits import Check
from bayesgov.survey import links
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.chi_square import ChiSquareTest, chi_square_table
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered
from bayesgov.survey.spec import CumulativeSpec, Link


@dataclass(frozen=True, slots=True)
class BinaryCuts:
    """The K - 1 binary models of one Design (equations 9–12 of the survey study).

    Attributes
    ----------
    thresholds : tuple of str, length n_categories - 1
    terms, factors : tuple of str, length n_terms
    intercept : ndarray, shape (n_categories - 1,)
        theta_k of P(y <= k) = F(theta_k - x @ slope_k).
    slope : ndarray, shape (n_categories - 1, n_terms)
        NaN in a model without a finite estimate.
    covariance : ndarray, shape ((n_categories - 1) * (1 + n_terms),) squared
        Joint, of each model's intercept and slopes, model by model.
    checks : tuple of Check
        One for each model.
    """

    thresholds: tuple[str, ...]
    terms: tuple[str, ...]
    factors: tuple[str, ...]
    intercept: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray
    checks: tuple[Check, ...]

    def frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row for each estimate: threshold, term, estimate, std_error, lower, upper, interval, p_value."""
        estimate = np.column_stack([self.intercept, self.slope]).ravel()
        std_error = np.sqrt(np.diag(self.covariance))
        reach = stats.norm.ppf(0.5 * (1 + level)) * std_error
        return pd.DataFrame(
            {
                "threshold": np.repeat(self.thresholds, 1 + len(self.terms)),
                "term": ["threshold", *self.terms] * len(self.thresholds),
                "estimate": estimate,
                "std_error": std_error,
                "lower": estimate - reach,
                "upper": estimate + reach,
                "interval": f"{100 * level:g}% Wald confidence",
                "p_value": 2 * stats.norm.sf(np.abs(estimate / std_error)),
            }
        )


@dataclass(frozen=True, slots=True)
class Brant:
    """Brant's test of proportional odds.

    Attributes
    ----------
    cuts : BinaryCuts
    omnibus : ChiSquareTest
        All terms together, df n_terms (K - 2).
    per_term, per_factor : tuple of ChiSquareTest
    checks : tuple of Check
    """

    cuts: BinaryCuts
    omnibus: ChiSquareTest
    per_term: tuple[ChiSquareTest, ...]
    per_factor: tuple[ChiSquareTest, ...]
    checks: tuple[Check, ...]

    def frame(self) -> pd.DataFrame:
        """One row a test: scope ("omnibus", "term" or "factor"), name, statistic, df, p_value."""
        return chi_square_table({"omnibus": (self.omnibus,), "factor": self.per_factor, "term": self.per_term})


def binary_cuts(design: Design, spec: CumulativeSpec) -> BinaryCuts:
    """Estimate the K - 1 binary models and their joint covariance.

    The covariance is Brant's (1990, doi:10.2307/2532457): that of two models' estimates follows from the covariance of
    their outcomes in one row, P(y <= j) (1 - P(y <= k)) for j < k, at the models' own fitted probabilities. For
    other links than the logit the same argument holds with the scores of those links.

    Parameters
    ----------
    design : Design
        Nominal and scale terms are not used.
    spec : CumulativeSpec
        Its link.
    """
    fits = [_binary_fit(design, spec, cut) for cut in range(design.n_categories - 1)]
    checks = tuple(_cut_check(fit, name) for fit, name in zip(fits, design.thresholds, strict=True))
    estimate = np.array([fit.parameters for fit in fits])
    failed = np.array([check.status == "fail" for check in checks])
    covariance = _joint_covariance(design, spec.link, estimate, np.flatnonzero(~failed))
    estimate[failed] = np.nan
    return BinaryCuts(
        design.thresholds, design.terms, design.factors, estimate[:, 0], estimate[:, 1:], covariance, checks
    )


def brant(design: Design, spec: CumulativeSpec) -> Brant:
    """Wald tests that the slopes of the K - 1 binary models are the same (Brant 1990, doi:10.2307/2532457).

    Parameters
    ----------
    design : Design
    spec : CumulativeSpec

    Returns
    -------
    Brant
        Statistics are NaN where a binary model has no finite estimate; its check names threshold and variable.
    """
    cuts = binary_cuts(design, spec)
    columns = np.arange(design.n_terms)
    factors = np.array(design.factors)
    return Brant(
        cuts=cuts,
        omnibus=_equal_slopes(cuts, "all terms", columns),
        per_term=tuple(_equal_slopes(cuts, term, columns[[index]]) for index, term in enumerate(design.terms)),
        per_factor=tuple(
            _equal_slopes(cuts, factor, columns[factors == factor]) for factor in dict.fromkeys(design.factors)
        ),
        checks=cuts.checks,
    )


def _binary_fit(design: Design, spec: CumulativeSpec, cut: int) -> OrderedFit:
    """P(y <= cut) = F(theta - x beta), as an ordinal model of two levels."""
    low = design.levels[cut]
    binary = replace(
        design,
        y=(design.y > cut).astype(np.int64),
        levels=(f"outcome up to {low}", f"outcome above {low}"),
        nominal=(),
        scale_x=np.zeros((design.n_obs, 0)),
        scale_terms=(),
    )
    return fit_ordered(binary, CumulativeSpec(formula=spec.formula, link=spec.link))


def _cut_check(fit: OrderedFit, threshold: str) -> Check:
    name = f"binary_model[{threshold}]"
    for check in fit.checks:
        if check.status == "fail":
            return Check(name, check.value, check.threshold, "fail", f"threshold {threshold}: {check.advice}")
    return Check(name, None, None, "pass")


def _joint_covariance(design: Design, link: Link, estimate: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Covariance of the estimates of several binary models; NaN in the blocks of those that are not usable."""
    z = np.column_stack([np.ones(design.n_obs), -design.x])
    size = z.shape[1]
    distance = {cut: z @ estimate[cut] - design.offset for cut in usable}
    log_below = {cut: links.log_cdf(link, e) for cut, e in distance.items()}
    log_above = {cut: links.log_sf(link, e) for cut, e in distance.items()}
    # d log-likelihood / d e = (1{y <= k} - F) f / (F (1 - F))
    log_score = {cut: links.log_pdf(link, e) - log_below[cut] - log_above[cut] for cut, e in distance.items()}

    def middle(low: int, high: int) -> np.ndarray:
        # cov(1{y <= j}, 1{y <= k}) = P(y <= j) (1 - P(y <= k)) for j <= k
        weight = design.weights * np.exp(log_score[low] + log_score[high] + log_below[low] + log_above[high])
        return np.asarray(z.T @ (weight[:, None] * z))

    bread = {cut: np.linalg.inv(middle(cut, cut)) for cut in usable}
    blocks = np.full((len(estimate), size, len(estimate), size), np.nan)
    for low, high in combinations_with_replacement(usable, 2):
        block = bread[low] @ middle(low, high) @ bread[high]
        blocks[low, :, high], blocks[high, :, low] = block, block.T
    return blocks.reshape(len(estimate) * size, len(estimate) * size)


def _equal_slopes(cuts: BinaryCuts, name: str, columns: np.ndarray) -> ChiSquareTest:
    """Wald test that the slopes of some columns are those of the first model in all the others."""
    n_cuts, size = cuts.slope.shape[0], 1 + cuts.slope.shape[1]
    # contrast of each model with the first
    contrast = np.column_stack([np.ones((n_cuts - 1, 1)), -np.eye(n_cuts - 1)])
    whole = np.kron(contrast, np.eye(columns.size))
    position = (size * np.arange(n_cuts)[:, None] + 1 + columns).ravel()
    difference = whole @ cuts.slope[:, columns].ravel()
    variance = whole @ cuts.covariance[np.ix_(position, position)] @ whole.T
    if not np.all(np.isfinite(variance)):
        return ChiSquareTest(name, float("nan"), difference.size)
    return ChiSquareTest(name, float(difference @ np.linalg.solve(variance, difference)), difference.size)

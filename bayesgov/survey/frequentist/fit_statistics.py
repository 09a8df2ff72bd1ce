r"""How well an ordinal regression fits: deviances, goodness of fit, pseudo-R² and information criteria.

SPSS prints -2 log-likelihood over *covariate patterns*, the distinct rows of predictors, as multinomial counts. With
:math:`n_{ik}` respondents of pattern i on level k, the individual rows give the kernel
:math:`-2 \sum n_{ik} \log p_{ik}`; the counts add the constant :math:`-2 \sum_i \log(n_i! / \prod_k n_{ik}!)`, which no
model changes. Both are reported, by name, because a printed number without its convention cannot be checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import gammaln

from bayesgov.fits import Check
from bayesgov.survey import links
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.margins import coefficients_of
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered
from bayesgov.survey.margins import Coefficients, probabilities
from bayesgov.survey.response import Response
from bayesgov.survey.spec import CumulativeSpec

_NULL = {"covariance": "model"}  # of the model with thresholds only, whose likelihood alone is used
_SMALL_EXPECTED = 5.0
_SMALL_SHARE = 0.2  # Cochran 1954, doi:10.2307/3001616: at most a fifth of expected counts below 5


@dataclass(frozen=True, slots=True)
class ModelSize:
    """A fitted model as its fit statistics see it.

    Attributes
    ----------
    log_likelihood : float
        Of the individual rows, weighted.
    n_parameters : int
    """

    log_likelihood: float
    n_parameters: int


@dataclass(frozen=True, slots=True)
class FitStatistics:
    """Fit statistics of one model.

    Attributes
    ----------
    n_observations : float
        Sum of the frequency weights.
    model, null : ModelSize
        The model and the one with thresholds only.
    n_patterns : int
        Distinct rows of predictors, offset and scale predictors.
    pattern_constant : float
        Log multinomial coefficients of the patterns; NaN where weights are no whole numbers.
    pearson, deviance : float
        Goodness of fit over patterns, against the saturated model.
    goodness_df : int
        n_patterns (K - 1) - n_parameters.
    small_expected : float
        Share of the cells of patterns by levels with an expected count below 5.
    cox_snell, nagelkerke, mcfadden : float
        From the individual rows' log-likelihoods (Cox & Snell 1989; Nagelkerke 1991, doi:10.1093/biomet/78.3.691;
        McFadden 1974).
    mckelvey_zavoina : float
        Explained share of the latent variance (McKelvey & Zavoina 1975, doi:10.1080/0022250X.1975.9989847); NaN
        outside the cumulative family, with nominal effects and for the Cauchy link, which have no such variance.
    """

    n_observations: float
    model: ModelSize
    null: ModelSize
    n_patterns: int
    pattern_constant: float
    pearson: float
    deviance: float
    goodness_df: int
    small_expected: float
    cox_snell: float
    nagelkerke: float
    mcfadden: float
    mckelvey_zavoina: float

    @property
    def chi2(self) -> float:
        """Likelihood-ratio statistic of the model against thresholds only; the multinomial constant cancels."""
        return 2 * (self.model.log_likelihood - self.null.log_likelihood)

    @property
    def df(self) -> int:
        return self.model.n_parameters - self.null.n_parameters

    @property
    def p_value(self) -> float:
        return _upper_tail(self.chi2, self.df)

    @property
    def aic(self) -> float:
        return -2 * self.model.log_likelihood + 2 * self.model.n_parameters

    @property
    def bic(self) -> float:
        return float(-2 * self.model.log_likelihood + np.log(self.n_observations) * self.model.n_parameters)

    def frame(self) -> pd.DataFrame:
        """One row a statistic: statistic, label, value, df, p_value (NaN where there is none)."""
        kernel, null = -2 * self.model.log_likelihood, -2 * self.null.log_likelihood
        constant = -2 * self.pattern_constant
        none = (np.nan, np.nan)
        goodness = self.goodness_df
        rows = [
            ("minus2ll_null", "-2LL, thresholds only (individual rows; SPSS's kernel)", null, *none),
            ("minus2ll", "-2LL (individual rows; SPSS's kernel)", kernel, *none),
            (
                "minus2ll_patterns_null",
                "-2LL, thresholds only (covariate patterns, with constant)",
                null + constant,
                *none,
            ),
            ("minus2ll_patterns", "-2LL (covariate patterns, with constant)", kernel + constant, *none),
            ("chi2", "likelihood ratio against thresholds only", self.chi2, self.df, self.p_value),
            ("pearson", "Pearson goodness of fit", self.pearson, goodness, _upper_tail(self.pearson, goodness)),
            ("deviance", "deviance goodness of fit", self.deviance, goodness, _upper_tail(self.deviance, goodness)),
            ("cox_snell", "Cox–Snell R²", self.cox_snell, *none),
            ("nagelkerke", "Nagelkerke R²", self.nagelkerke, *none),
            ("mcfadden", "McFadden R²", self.mcfadden, *none),
            ("mckelvey_zavoina", "McKelvey–Zavoina R² (latent)", self.mckelvey_zavoina, *none),
            ("aic", "AIC", self.aic, *none),
            ("bic", "BIC", self.bic, *none),
        ]
        return pd.DataFrame(rows, columns=["statistic", "label", "value", "df", "p_value"])

    def checks(self) -> tuple[Check, ...]:
        """Whether the goodness-of-fit statistics can be read against chi-square at all."""
        sparse = self.small_expected > _SMALL_SHARE or self.goodness_df <= 0
        advice = "too few respondents a covariate pattern: Pearson and deviance do not follow chi-square"
        return (
            Check(
                "small_expected_counts",
                self.small_expected,
                _SMALL_SHARE,
                "warn" if sparse else "pass",
                advice if sparse else "",
            ),
        )


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Counts by covariate pattern, shape (n_patterns, n_categories), and a Design with one row a pattern."""

    counts: np.ndarray
    design: Design


def fit_statistics(fit: OrderedFit, spec: CumulativeSpec) -> FitStatistics:
    """Fit statistics of a maximum-likelihood fit.

    Parameters
    ----------
    fit : OrderedFit
    spec : CumulativeSpec
        What it was fitted with; the model with thresholds only keeps its family, link, threshold structure and offset.

    Returns
    -------
    FitStatistics
    """
    design, values = fit.problem.design, coefficients_of(fit)
    model, null = _size(fit), _size(fit_ordered(_without_predictors(design), spec.model_copy(update=_NULL)))
    patterns = _patterns(design)
    expected = patterns.counts.sum(axis=1, keepdims=True) * probabilities(patterns.design, values, fit.problem)[0]
    pearson, deviance = _goodness(patterns.counts, expected)
    n_obs = float(design.weights.sum())
    # 1 - (L0 / L1)^(2/N), and its largest value 1 - L0^(2/N)
    cox_snell = -float(np.expm1(2 * (null.log_likelihood - model.log_likelihood) / n_obs))
    ceiling = -float(np.expm1(2 * null.log_likelihood / n_obs))
    return FitStatistics(
        n_observations=n_obs,
        model=model,
        null=null,
        n_patterns=patterns.design.n_obs,
        pattern_constant=_pattern_constant(patterns.counts),
        pearson=pearson,
        deviance=deviance,
        goodness_df=patterns.design.n_obs * (design.n_categories - 1) - model.n_parameters,
        small_expected=float(np.mean(expected < _SMALL_EXPECTED)),
        cox_snell=cox_snell,
        nagelkerke=cox_snell / ceiling,
        mcfadden=1 - model.log_likelihood / null.log_likelihood,
        mckelvey_zavoina=_latent_share(design, values, fit.problem),
    )


def _size(fit: OrderedFit) -> ModelSize:
    return ModelSize(fit.log_likelihood, fit.parameters.size)


def _without_predictors(design: Design) -> Design:
    nothing = np.zeros((design.n_obs, 0))
    return replace(design, x=nothing, terms=(), factors=(), nominal=(), monotonic=(), scale_x=nothing, scale_terms=())


def _patterns(design: Design) -> _Patterns:
    """Merge the rows that every predictor has in common."""
    keys = np.column_stack([design.x, design.offset, design.scale_x])
    _, first, pattern = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    cell = pattern.ravel() * design.n_categories + design.y
    counts = np.bincount(cell, design.weights, first.size * design.n_categories)
    return _Patterns(counts.reshape(first.size, design.n_categories), design.take(first))


def _pattern_constant(counts: np.ndarray) -> float:
    """sum_i log(n_i! / prod_k n_ik!), of whole counts only."""
    if np.any(np.abs(counts - np.round(counts)) > 1e-9):
        return float("nan")
    return float(gammaln(counts.sum(axis=1) + 1).sum() - gammaln(counts + 1).sum())


def _goodness(observed: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Pearson's chi² and the deviance of counts; infinite where a cell was thought impossible and has somebody."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pearson = np.where((observed == 0) & (expected == 0), 0.0, (observed - expected) ** 2 / expected)
        deviance = np.where(observed > 0, observed * np.log(observed / expected), 0.0)
    return float(pearson.sum()), max(0.0, float(2 * deviance.sum()))


def _latent_share(design: Design, values: Coefficients, response: Response) -> float:
    """Var(eta) / (Var(eta) + mean error variance), variances with the number of observations as divisor."""
    variance = links.latent_variance(response.link)
    if response.family != "cumulative" or values.departure.shape[1] or not np.isfinite(variance):
        return float("nan")
    eta = design.offset + design.x @ values.beta[0]
    explained = float(np.average((eta - np.average(eta, weights=design.weights)) ** 2, weights=design.weights))
    error = np.average(np.exp(2 * design.scale_x @ values.log_scale[0]), weights=design.weights)
    return explained / (explained + float(error) * variance)


def _upper_tail(statistic: float, df: int) -> float:
    return float(stats.chi2.sf(statistic, df)) if df > 0 else float("nan")

r"""The Lasso's penalty as a prior: what each penalty says before the data, and what the posterior under it says after.

With N observations and predictors scaled to standard deviation one, the Lasso minimises

.. math:: -\tfrac1N \ell(\theta, b) + \lambda \sum_j |b_j| ,

minus 1/N times the log posterior under independent Laplace(0, s) priors, :math:`s = 1/(N\lambda)`, and flat priors of
the thresholds: the Lasso's estimate is the mode of that posterior (Tibshirani 1996, section 5,
doi:10.1111/j.2517-6161.1996.tb02080.x; Park & Casella 2008, doi:10.1198/016214508000000337). Its median is not zero
where the mode is: a Laplace prior that makes modes sparse does not make posteriors sparse.

Group intercepts, nominal departures and scale models are no part of the Lasso and are left out here of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import entr

from bayesgov.data import as_table
from bayesgov.errors import InputError
from bayesgov.fits import Check
from bayesgov.sampling import SamplingOptions
from bayesgov.steps import Progress
from bayesgov.survey.bayesian.baseline import draw_induced_dirichlet
from bayesgov.survey.bayesian.refit import RHAT_MAX, largest_rhat, refit
from bayesgov.survey.build import encode
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.lasso_ordinal import ordinal_path
from bayesgov.survey.frequentist.lasso_path import LassoPath
from bayesgov.survey.margins import coefficients, probabilities
from bayesgov.survey.ordinal import ordinal_problem
from bayesgov.survey.prepare import prepare
from bayesgov.survey.spec import CoefficientPrior, CumulativeSpec

POINTS = 7
_REACH = (0.15, 3.0)  # powers of ten below the smallest penalty that leaves no predictor
_PRIOR_DRAWS, _PRIOR_ROWS = 500, 1000
_INTERVAL = (2.5, 50, 97.5)


@dataclass(frozen=True, slots=True, eq=False)
class Dial:
    """The correspondence at several penalties.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a penalty: ``lambda``, ``log_lambda``, ``scale`` of the Laplace prior of a standardised coefficient;
        ``mcfadden_median``, ``mcfadden_lower``, ``mcfadden_upper`` (95%) of McFadden's R² that the prior implies;
        ``lasso_mcfadden`` of the Lasso's estimate; ``effective_prior`` and ``effective_posterior``, the effective
        number of coefficients (:func:`effective_number`), averaged over draws; ``lasso_nonzero``, the number of
        non-zero coefficients, which estimates the Lasso's degrees of freedom without bias (Zou, Hastie & Tibshirani
        2007, doi:10.1214/009053607000000127; proved for least squares).
    path : pandas.DataFrame
        One row for each penalty and term: ``term``, ``lambda``, ``log_lambda``, ``scale``, ``lasso``, and of the
        posterior ``median``, ``lower``, ``upper`` (95% equal-tailed); coefficients in the predictors' own units.
    checks : tuple of Check
    """

    table: pd.DataFrame
    path: pd.DataFrame
    checks: tuple[Check, ...]


def lasso_prior_dial(
    spec: CumulativeSpec,
    data: Any,
    lambdas: np.ndarray | None = None,
    *,
    options: SamplingOptions | None = None,
    progress: Progress = lambda _message: None,
) -> Dial:
    """Fit the Lasso and the posterior under the Laplace prior of every penalty.

    Parameters
    ----------
    spec : CumulativeSpec
        Its family, link and prior of the thresholds are used; its prior of the coefficients is not.
    data : Design, pandas.DataFrame, bayesgov.data.Table or anything that speaks Arrow
        Incomplete rows are left out.
    lambdas : ndarray, optional
        Penalties above zero; by default seven, from near the smallest that leaves no predictor down to a thousandth
        of it.
    options : SamplingOptions, optional
        Of every posterior; by default the spec's.
    progress : callable

    Raises
    ------
    InputError
        If a penalty is not above zero, thresholds are structured, there is no predictor, or a level has no row.
    """
    design = _location_only(data if isinstance(data, Design) else _complete(spec, data))
    if spec.thresholds != "flexible":
        raise InputError(f'the dial needs thresholds = "flexible"; the spec has "{spec.thresholds}"')
    if not design.n_terms:
        raise InputError("the dial needs a predictor; the formula has none")
    if np.unique(design.y[design.weights > 0]).size < design.n_categories:
        raise InputError(f"the dial needs an observation of every level of {design.outcome}: drop the others")
    path = ordinal_path(design, family=spec.family, link=spec.link, lambdas=_penalties(design, spec, lambdas))
    options = SamplingOptions(**spec.sampling.model_dump()) if options is None else options
    standard = _standardised(design, path)
    information = _information(design, standard, spec, path)
    rng = np.random.default_rng(options.seed)
    rows, parts, rhat = [], [], []
    for index, penalty in enumerate(path.lambdas):
        progress(f"posterior under the prior of penalty {index + 1} of {path.lambdas.size}")
        scale = 1 / (path.n_obs * penalty)
        posterior = refit(design, with_laplace(spec, scale), options)
        rhat.append(largest_rhat(posterior, ("beta",)))
        where = {"lambda": penalty, "log_lambda": np.log(penalty), "scale": scale}
        rows.append(where | _row(standard, spec, path, index, information, posterior, rng))
        parts.append(_path_part(path, index, posterior).assign(**where))
    worst = float(np.max(rhat))
    advice = "" if worst < RHAT_MAX else "the posteriors along the path have not mixed: draw more"
    mixed = Check("dial_rhat_max", worst, RHAT_MAX, "pass" if worst < RHAT_MAX else "warn", advice)
    table, joined = pd.DataFrame(rows), pd.concat(parts, ignore_index=True)
    columns = ["term", "lambda", "log_lambda", "scale", "lasso", "median", "lower", "upper"]
    return Dial(table, joined[columns], (*path.checks()[:1], mixed))


def with_laplace(spec: CumulativeSpec, scale: float) -> CumulativeSpec:
    """The spec with independent Laplace priors of standardised coefficients, contrasts of one factor among them."""
    prior = CoefficientPrior(kind="laplace", scale=scale, by_factor=False, standardise=True)
    return spec.model_copy(update={"prior": prior})


def effective_number(information: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Effective number of coefficients under normal priors, sum_j (1 - kappa_j).

    With orthogonal predictors the shrinkage factors are kappa_j = 1 / (1 + I_j v_j) (Piironen & Vehtari 2017,
    doi:10.1214/17-EJS1337SI, section 2.3, I_j = n s_j² / sigma²); with others the sum generalises to the trace of
    I (I + V^-1)^-1, the degrees of freedom of a ridge regression.

    Parameters
    ----------
    information : ndarray, shape (n_terms, n_terms)
        Of the coefficients, thresholds profiled out.
    variance : ndarray, shape (..., n_terms)
        Prior variances.

    Returns
    -------
    ndarray, shape (...)
        Between 0 and n_terms.
    """
    root = np.sqrt(variance)
    scaled = np.linalg.eigvalsh(root[..., :, None] * information * root[..., None, :])
    size = np.maximum(scaled, 0)
    return np.asarray((size / (1 + size)).sum(axis=-1))


def implied_mcfadden(probability: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """McFadden's R² that rows of known probabilities have in expectation, shape (n_draws,).

    1 - H(y | x) / H(y), H the entropy: what 1 - log L(model) / log L(thresholds alone) tends to with many outcomes.

    Parameters
    ----------
    probability : ndarray, shape (n_draws, n_obs, n_categories)
    weights : ndarray, shape (n_obs,)
    """
    share = weights / weights.sum()
    within = np.einsum("i,dik->d", share, entr(probability))
    total = entr(np.einsum("i,dik->dk", share, probability)).sum(axis=1)
    # one level alone: nothing to explain
    return np.asarray(np.where(total > 0, 1 - within / np.where(total > 0, total, 1), 0.0))


def _complete(spec: CumulativeSpec, data: Any) -> Design:
    listwise = spec.model_copy(update={"missing": "listwise"})
    return encode(prepare(listwise, as_table(data))).design


def _location_only(design: Design) -> Design:
    return replace(
        design,
        nominal=(),
        monotonic=(),
        scale_x=np.zeros((design.n_obs, 0)),
        scale_terms=(),
        group_name="",
        groups=(),
        group=np.zeros(design.n_obs, dtype=np.int64),
    )


def _penalties(design: Design, spec: CumulativeSpec, lambdas: np.ndarray | None) -> np.ndarray:
    if lambdas is None:
        largest = ordinal_path(design, family=spec.family, link=spec.link, n_lambda=1).lambdas[0]
        return np.asarray(largest * 10 ** -np.linspace(*_REACH, POINTS))
    values = np.asarray(lambdas, dtype=float)
    if not values.size or not np.all(np.isfinite(values) & (values > 0)):
        raise InputError(f"lambdas must be above zero: a penalty of zero has no prior; got {values.tolist()}")
    return values


def _standardised(design: Design, path: LassoPath) -> Design:
    mean = design.weights @ design.x / design.weights.sum()
    return replace(design, x=(design.x - mean) / np.where(path.deviation > 0, path.deviation, 1.0))


def _information(design: Design, standard: Design, spec: CumulativeSpec, path: LassoPath) -> np.ndarray:
    """Observed information of standardised coefficients at the least penalised estimate, thresholds profiled out."""
    problem = ordinal_problem(standard, family=spec.family, link=spec.link)
    n_cuts, last = standard.n_categories - 1, path.coefficients[-1]
    # theta_k - x b = (theta_k - m b) - ((x - m) / s) (s b)
    mean = (design.weights @ design.x / design.weights.sum()) @ last
    found = -problem.evaluate(np.concatenate([path.intercepts[-1] - mean, path.deviation * last])).hessian
    shared, crossed = found[:n_cuts, :n_cuts], found[:n_cuts, n_cuts:]
    return np.asarray(found[n_cuts:, n_cuts:] - crossed.T @ np.linalg.solve(shared, crossed))


def _row(
    standard: Design,
    spec: CumulativeSpec,
    path: LassoPath,
    index: int,
    information: np.ndarray,
    posterior: xr.Dataset,
    rng: np.random.Generator,
) -> dict[str, float]:
    """What prior, posterior and Lasso of one penalty amount to."""
    scale = 1 / (path.n_obs * path.lambdas[index])
    # Laplace(0, s) is Normal(0, 2 s² E) with E ~ Exponential(1)
    variance = 2 * scale**2 * rng.exponential(size=(_PRIOR_DRAWS, standard.n_terms))
    drawn = 2 * scale**2 * posterior["mixing"].transpose("chain", "draw", ...).values
    lower, median, upper = np.percentile(_prior_mcfadden(standard, spec, variance, rng), _INTERVAL)
    return {
        "mcfadden_median": float(median),
        "mcfadden_lower": float(lower),
        "mcfadden_upper": float(upper),
        "lasso_mcfadden": float(path.dev_ratio[index]),
        "effective_prior": float(effective_number(information, variance).mean()),
        "effective_posterior": float(effective_number(information, drawn).mean()),
        "lasso_nonzero": int(path.df[index]),
    }


def _prior_mcfadden(
    standard: Design, spec: CumulativeSpec, variance: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Implied R² of prior draws over (a sample of) the rows."""
    n_draws, n_cuts = len(variance), standard.n_categories - 1
    beta = np.sqrt(variance) * rng.standard_normal(variance.shape)
    prior = spec.threshold_prior
    if prior.kind == "induced_dirichlet":
        threshold = draw_induced_dirichlet(
            prior.concentration, n_cuts, spec.family, spec.link, rng=rng, size=(n_draws,)
        )
    else:
        threshold = rng.normal(0, prior.scale, (n_draws, n_cuts))
        threshold = np.sort(threshold, axis=1) if spec.family == "cumulative" else threshold
    rows = standard
    if standard.n_obs > _PRIOR_ROWS:
        rows = standard.take(np.sort(rng.choice(standard.n_obs, _PRIOR_ROWS, replace=False)))
    return implied_mcfadden(probabilities(rows, coefficients(threshold, beta), spec), rows.weights)


def _path_part(path: LassoPath, index: int, posterior: xr.Dataset) -> pd.DataFrame:
    beta = posterior["beta"].transpose("chain", "draw", "term").values.reshape(-1, len(path.terms))
    lower, median, upper = np.percentile(beta, _INTERVAL, axis=0)
    columns = {"term": path.terms, "lasso": path.coefficients[index], "median": median, "lower": lower, "upper": upper}
    return pd.DataFrame(columns)

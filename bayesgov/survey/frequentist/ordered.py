"""The ordinal regression by maximum likelihood: estimates, their covariance, and what says whether to believe them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy.linalg import block_diag

from bayesgov.errors import InputError
from bayesgov.fits import Check, EstimatorFit, Status, estimator_tree
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.covariance import clustered_covariance, robust_covariance
from bayesgov.survey.frequentist.newton import Optimum, maximise
from bayesgov.survey.frequentist.separation import Separation, find_separation
from bayesgov.survey.links import quantile
from bayesgov.survey.ordinal import OrdinalProblem, ordinal_problem
from bayesgov.survey.spec import CumulativeSpec

_SINGULAR = 1e-10  # smallest eigenvalue of the scaled information below which a parameter is not identified
_MOVES = 1e-6  # share of a flat direction above which a parameter takes part in it
_FLAT = (
    1e-5  # information per observation, for a predictor of standard deviation one, that asks for a look at separation
)
_CONDITION_MAX = 1e6  # ordinal::clm warns above 1e4 in raw units; ours are standardised
_INTERVALS = {
    "model": "Wald confidence",
    "robust": "robust Wald confidence",
    "cluster": "cluster-robust Wald confidence",
}


@dataclass(frozen=True, slots=True)
class OrderedFit:
    """A maximum-likelihood fit.

    Attributes
    ----------
    problem : OrdinalProblem
        The likelihood in the predictors' own units; ``problem.names`` names the parameters.
    parameters : ndarray, shape (n_parameters,)
    log_likelihood : float
    covariance : ndarray, shape (n_parameters, n_parameters)
        Of the kind asked for; NaN for parameters that are not identified.
    model_covariance : ndarray, shape (n_parameters, n_parameters)
        Inverse observed information.
    covariance_kind : {"model", "robust", "cluster"}
    gradient_norm : float
        Largest absolute derivative per observation, predictors scaled to standard deviation one.
    condition : float
        Condition number of the information, predictors scaled likewise and the information to a unit diagonal.
    correct_decimals : ndarray of int, shape (n_parameters,)
        Decimals that are right, from the Newton step that would come next (as ``ordinal::convergence``).
    iterations : int
    converged : bool
    checks : tuple of Check
    """

    problem: OrdinalProblem
    parameters: np.ndarray
    log_likelihood: float
    covariance: np.ndarray
    model_covariance: np.ndarray
    covariance_kind: str
    gradient_norm: float
    condition: float
    correct_decimals: np.ndarray
    iterations: int
    converged: bool
    checks: tuple[Check, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return self.problem.names

    @property
    def std_errors(self) -> np.ndarray:
        """Standard errors, shape (n_parameters,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def n_observations(self) -> float:
        """Sum of the weights."""
        return self.problem.n_observations

    @property
    def usable(self) -> bool:
        """Whether no check failed: estimates and tests mean what they say."""
        return all(check.status != "fail" for check in self.checks)


def fit_ordered(design: Design, spec: CumulativeSpec, start: np.ndarray | None = None) -> OrderedFit:
    """Fit by maximum likelihood; random intercepts are left out (see :mod:`bayesgov.survey.frequentist.mixed`).

    Parameters
    ----------
    design : Design
    spec : CumulativeSpec
        Its family, link, threshold structure and covariance are used.
    start : ndarray, shape (n_parameters,), optional
        In own units.

    Returns
    -------
    OrderedFit
        Separation, singular information and non-convergence are checks that failed, not exceptions.

    Raises
    ------
    InputError
        If a level has no observation, or a clustered covariance has no clusters.
    """
    problem = problem_of(design, spec)
    working = standardised(problem, spec)
    first = _starting_values(working.problem) if start is None else np.linalg.solve(working.to_own, start)
    found = maximise(working.problem, first)
    inverse, condition, flat_directions = _inverse_information(-found.evaluation.hessian)
    parameters = working.to_own @ found.parameters
    bread = working.to_own @ inverse @ working.to_own.T
    loose = _moved(working.to_own, flat_directions)
    step = np.abs(working.to_own @ found.next_step)
    gradient_norm = float(np.abs(found.evaluation.gradient).max() / problem.n_observations)
    return OrderedFit(
        problem=problem,
        parameters=parameters,
        log_likelihood=found.evaluation.value,
        covariance=_unknown(_covariance(problem, parameters, bread, spec.covariance), loose),
        model_covariance=_unknown(bread, loose),
        covariance_kind=spec.covariance,
        gradient_norm=gradient_norm,
        condition=condition,
        correct_decimals=np.clip(np.floor(-np.log10(np.maximum(2 * step, 1e-16))), 0, 15).astype(int),
        iterations=found.iterations,
        converged=found.converged,
        checks=_checks(problem, parameters, working.problem, found, condition, loose),
    )


def problem_of(design: Design, spec: CumulativeSpec) -> OrdinalProblem:
    """The likelihood that a spec asks for, in own units.

    Raises
    ------
    InputError
        If a level has no observation: its thresholds then have no finite estimate.
    """
    totals = np.bincount(design.y, weights=design.weights, minlength=design.n_categories)
    empty = [level for level, total in zip(design.levels, totals, strict=True) if total <= 0]
    if empty:
        raise InputError(
            f"every level of {design.outcome} needs an observation; none in {', '.join(empty)}: merge or drop levels"
        )
    return ordinal_problem(design, family=spec.family, link=spec.link, thresholds=spec.thresholds)


def to_fit(ordered: OrderedFit, label: str = "ordered") -> EstimatorFit:
    """The fit as an :class:`EstimatorFit`, every threshold and departure written out.

    The tree's groups: ``estimates``; ``covariance`` of the same terms; ``convergence`` of the parameters as they were
    estimated; ``fit`` with the log-likelihood, its degrees of freedom and the number of observations.
    """
    problem, expand = ordered.problem, ordered.problem.expand
    # a parameter without a covariance makes NaN of those that need it and of no others
    covariance = _expanded(expand, ordered.covariance)
    terms = list(problem.full_names)
    groups = {
        "covariance": xr.Dataset(
            {"covariance": (("term", "other_term"), covariance)}, coords={"term": terms, "other_term": terms}
        ),
        "convergence": xr.Dataset(
            {
                "estimate": ("parameter", ordered.parameters),
                "std_error": ("parameter", ordered.std_errors),
                "correct_decimals": ("parameter", ordered.correct_decimals),
            },
            coords={"parameter": list(problem.names)},
        ),
        "fit": xr.Dataset(
            {
                "log_likelihood": ordered.log_likelihood,
                "df": len(problem.names),
                "n_observations": ordered.n_observations,
            }
        ),
    }
    tree = estimator_tree(
        terms,
        expand @ ordered.parameters,
        np.sqrt(np.diag(covariance)),
        interval=_INTERVALS[ordered.covariance_kind],
        groups=groups,
    )
    return EstimatorFit(label=label, tree=tree, checks_run=ordered.checks)


@dataclass(frozen=True, slots=True)
class Working:
    """The problem with predictors centred and scaled, and the matrix that takes its parameters to own units."""

    problem: OrdinalProblem
    to_own: np.ndarray


def standardised(problem: OrdinalProblem, spec: CumulativeSpec) -> Working:
    design = problem.design
    centre = np.average(design.x, axis=0, weights=design.weights)
    spread = _spread(design.x - centre, design.weights)
    scale_spread = _spread(design.scale_x, design.weights)
    moved = replace(design, x=(design.x - centre) / spread, scale_x=design.scale_x / scale_spread)
    n_cuts, n_terms, nominal = design.n_categories - 1, design.n_terms, list(design.nominal)
    full = block_diag(
        np.eye(n_cuts),
        np.diag(1 / spread),
        np.kron(np.diag(1 / spread[nominal]), np.eye(n_cuts)),
        np.diag(1 / scale_spread),
    )
    # theta_k = theta_k(working) + sum over j of mean_j / sd_j (beta_j + delta_jk)
    full[:n_cuts, n_cuts : n_cuts + n_terms] = centre / spread
    for position, column in enumerate(nominal):
        first = n_cuts + n_terms + position * n_cuts
        full[:n_cuts, first : first + n_cuts] = np.eye(n_cuts) * centre[column] / spread[column]
    # parameters from the full vector: every structure of the thresholds can take up a shift
    to_own = np.linalg.pinv(problem.expand) @ full @ problem.expand
    return Working(problem_of(moved, spec), to_own)


def _spread(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Root mean square of columns, one for those that are all zero."""
    size = np.sqrt(np.average(columns**2, axis=0, weights=weights)) if columns.shape[1] else np.zeros(0)
    return np.where(size > 1e-12 * (1 + np.abs(columns).max(initial=0.0, axis=0)), size, 1.0)


def _starting_values(problem: OrdinalProblem) -> np.ndarray:
    """Thresholds of the model without predictors, coefficients zero."""
    design = problem.design
    totals = np.bincount(design.y, weights=design.weights, minlength=design.n_categories)
    share = totals / totals.sum()
    match problem.family:
        case "cumulative":
            below = np.cumsum(share)[:-1]
        case "continuation":
            below = share[:-1] / np.cumsum(share[::-1])[::-1][:-1]
        case "adjacent":
            below = share[:-1] / (share[:-1] + share[1:])
    thresholds = quantile(problem.link, below) + np.average(design.offset, weights=design.weights)
    full = np.concatenate([thresholds, np.zeros(problem.n_full - thresholds.size)])
    return np.asarray(np.linalg.pinv(problem.expand) @ full)


def _inverse_information(information: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Pseudo-inverse, condition number, and flat directions of the likelihood, shape (n_parameters, n_flat)."""
    size = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    sound = values > _SINGULAR
    inverse = (vectors[:, sound] / values[sound]) @ vectors[:, sound].T / np.outer(size, size)
    flat = np.where(np.abs(vectors[:, ~sound]) > _MOVES, vectors[:, ~sound], 0.0)
    condition = float(values[-1] / values[0]) if values[0] > 0 else np.inf
    return inverse, condition, flat / np.where(np.any(flat != 0, axis=1), size, 1.0)[:, None]


def _moved(to_own: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Which parameters in own units change along a flat direction: the data do not identify them."""
    return np.asarray(np.any(np.abs(to_own @ flat) > _MOVES * (np.abs(to_own) @ np.abs(flat)), axis=1))


def _unknown(covariance: np.ndarray, loose: np.ndarray) -> np.ndarray:
    """The covariance with NaN for parameters that are not identified."""
    return np.where(loose[:, None] | loose, np.nan, covariance)


def _covariance(problem: OrdinalProblem, parameters: np.ndarray, model: np.ndarray, kind: str) -> np.ndarray:
    if kind == "model":
        return model
    if kind == "robust":
        return robust_covariance(problem, parameters, model)
    design = problem.design
    cluster = design.cluster if design.cluster is not None else design.group
    if design.cluster is None and not design.groups:
        raise InputError("a clustered covariance needs a cluster variable; the spec names none: set cluster")
    return clustered_covariance(problem, parameters, model, cluster)


def _expanded(expand: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    known = np.isfinite(np.diag(covariance))
    result: np.ndarray = expand[:, known] @ covariance[np.ix_(known, known)] @ expand[:, known].T
    unknown = np.any(expand[:, ~known] != 0, axis=1)
    result[unknown, :] = result[:, unknown] = np.nan
    return result


def _checks(
    problem: OrdinalProblem,
    parameters: np.ndarray,
    working: OrdinalProblem,
    found: Optimum,
    condition: float,
    loose: np.ndarray,
) -> tuple[Check, ...]:
    flat = float(np.diag(-found.evaluation.hessian).min() / problem.n_observations)
    suspicious = not found.converged or flat < _FLAT or condition > _CONDITION_MAX
    separation = find_separation(working) if suspicious else Separation("none", ())
    checks = [
        _separation_check(separation, problem),
        _identified_check(tuple(np.array(problem.names)[loose]), separation),
    ]
    if problem.family == "cumulative" and problem.design.nominal:
        checks.append(_order_check(problem, parameters))
    checks.append(_convergence_check(found, problem, separation))
    checks.append(_condition_check(condition, separation))
    return tuple(checks)


def _condition_check(condition: float, separation: Separation) -> Check:
    if separation.kind != "none":
        return Check("condition_number", None, _CONDITION_MAX, "not applicable", "separated: the information vanishes")
    status: Status = "pass" if condition < _CONDITION_MAX else "warn"
    advice = "" if status == "pass" else "predictors are nearly collinear: see the condition indices"
    return Check("condition_number", condition, _CONDITION_MAX, status, advice)


def _separation_check(separation: Separation, problem: OrdinalProblem) -> Check:
    if separation.kind == "none":
        return Check("separation", 0.0, 0.0, "pass")
    named = separation.names
    cells = "; ".join(filter(None, (_empty_cells(problem, name) for name in named)))
    advice = (
        f"{separation.kind} separation: {', '.join(named)} {'runs' if len(named) == 1 else 'run'} off to infinity, "
        f"estimates and standard errors mean nothing{f' ({cells})' if cells else ''}; "
        "merge categories, drop the predictor, or use a prior"
    )
    return Check("separation", float(len(named)), 0.0, "fail", advice)


def _empty_cells(problem: OrdinalProblem, name: str) -> str:
    """Which outcome levels a two-valued predictor never meets, in words."""
    design = problem.design
    term = next((term for term in design.terms if name == f"beta[{term}]"), None)
    if term is None:
        return ""
    column = design.x[:, design.terms.index(term)]
    values = np.unique(column)
    if values.size != 2:
        return ""
    seen = {value: set(design.y[(column == value) & (design.weights > 0)]) for value in values}
    return "; ".join(
        f"{term} = {value:g} has no {', '.join(design.levels[k] for k in range(design.n_categories) if k not in met)}"
        for value, met in seen.items()
        if len(met) < design.n_categories
    )


def _identified_check(loose: tuple[str, ...], separation: Separation) -> Check:
    if not loose:
        return Check("unidentified_parameters", 0.0, 0.0, "pass")
    if separation.kind != "none":
        return Check("unidentified_parameters", None, 0.0, "not applicable", "separated: see above")
    blamed = [name for name in loose if not name.startswith("threshold[")] or list(loose)
    advice = f"{', '.join(blamed)} not identified (constant or linearly dependent columns): drop one of them"
    return Check("unidentified_parameters", float(len(loose)), 0.0, "fail", advice)


def _order_check(problem: OrdinalProblem, parameters: np.ndarray) -> Check:
    """Whether thresholds with nominal effects stay in order for every row, observed in that level or not."""
    values = problem.unpack(parameters)
    gaps = np.diff(values.threshold) - problem.x[:, list(problem.design.nominal)] @ np.diff(values.departure, axis=1)
    crossed = float(problem.weights[(gaps <= 0).any(axis=1)].sum())
    advice = f"thresholds cross for {crossed:g} of {problem.n_observations:g} observations: fewer nominal effects"
    return Check("thresholds_crossed", crossed, 0.0, "pass" if crossed == 0 else "fail", "" if crossed == 0 else advice)


def _convergence_check(found: Optimum, problem: OrdinalProblem, separation: Separation) -> Check:
    """The Newton decrement: how far, in standard errors, the next step would go."""
    if found.converged:
        return Check("newton_decrement", found.decrement, 1e-6, "pass")
    if separation.kind != "none":
        return Check("newton_decrement", None, 1e-6, "not applicable", "separated: there is no maximum to converge to")
    worst = problem.names[int(np.argmax(np.abs(found.evaluation.gradient)))]
    advice = f"no maximum after {found.iterations} iterations; {worst} is furthest from it: simplify the model"
    return Check("newton_decrement", found.decrement, 1e-6, "fail", advice)

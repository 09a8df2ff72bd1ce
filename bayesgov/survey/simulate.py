"""Simulated survey rows with known truth: a benchmark Design, and questionnaires at a published study's design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr

from bayesgov.errors import InputError
from bayesgov.study import Study
from bayesgov.survey.copula import ItemCopula, extend_copula, fit_copula, nearest_correlation
from bayesgov.survey.design import Design, design_from_arrays
from bayesgov.survey.nonresponse import MissingCells, NonResponse, draw_missing_cells
from bayesgov.survey.targets import Targets, survey_targets

_POINTS = 5  # of the benchmark's rating scales
_CORRELATION = 0.5  # between the normals under any two of them

DONT_KNOW, REFUSED = 8, 9
# six of the survey study's fourteen predictors matter, weak and strong, one of them negatively; the others do not
_COEFFICIENTS = {"1": 0.4, "4": 0.25, "7": 0.3, "10": 0.35, "11": -0.2, "14": 0.15}


@dataclass(frozen=True, slots=True)
class SimulatedDesign:
    """A Design with the parameters that made it.

    Attributes
    ----------
    design : Design
    beta : ndarray, shape (n_terms,)
        Coefficients for the predictors in their own units.
    thresholds : ndarray, shape (n_categories - 1,)
        P(y <= k) = F(thresholds[k] - eta), R's convention.
    group_effect : ndarray, shape (n_groups,)
        Sums to zero.
    """

    design: Design
    beta: np.ndarray
    thresholds: np.ndarray
    group_effect: np.ndarray


def benchmark_design(
    n_obs: int = 10_808,
    n_terms: int = 14,
    n_categories: int = 6,
    n_groups: int = 105,
    *,
    seed: int,
    group_sd: float = 0.5,
) -> SimulatedDesign:
    """A cumulative-logit problem of the survey study's size, for benchmarks and tests.

    Predictors are scores 1..5, each equally frequent, of normals with correlation 0.5. Coefficients 1, 3, 5, ... are
    0.4, -0.32, 0.256, ...; the others are zero. Thresholds make the levels about equally frequent.

    Parameters
    ----------
    n_obs, n_terms, n_categories : int
    n_groups : int
        0 for no group effects; otherwise every group has a row.
    seed : int
    group_sd : float
        Standard deviation of the group effects, which are then centred.

    Raises
    ------
    ValueError
        If there are more groups than rows, or fewer than two categories.
    """
    if n_groups > n_obs or n_categories < 2:
        raise ValueError(
            f"wanted n_groups <= n_obs and n_categories >= 2; "
            f"got n_groups={n_groups}, n_obs={n_obs}, n_categories={n_categories}"
        )
    rng = np.random.default_rng(seed)
    # z_ij = sqrt(rho) f_i + sqrt(1 - rho) e_ij, cut into equally likely points
    common, own = rng.normal(size=(n_obs, 1)), rng.normal(size=(n_obs, n_terms))
    z = np.sqrt(_CORRELATION) * common + np.sqrt(1 - _CORRELATION) * own
    x = 1 + np.floor(_POINTS * ndtr(z))
    beta = np.zeros(n_terms)
    beta[::2] = 0.4 * (-0.8) ** np.arange(beta[::2].size)
    group = rng.permutation(
        np.concatenate([np.arange(n_groups), rng.integers(max(n_groups, 1), size=n_obs - n_groups)])
    )
    group_effect = rng.normal(0, group_sd, size=n_groups)
    group_effect -= group_effect.mean() if n_groups else 0.0
    eta = x @ beta + (group_effect[group] if n_groups else 0.0)
    # a normal eta of variance v stretches the logistic's quantiles by about sqrt(1 + 3 v / pi^2)
    stretch = np.sqrt(1 + 3 * eta.var() / np.pi**2)
    thresholds = eta.mean() + stretch * logit(np.arange(1, n_categories) / n_categories)
    y = (eta + rng.logistic(size=n_obs) > thresholds[:, None]).sum(axis=0)
    design = design_from_arrays(
        y,
        x,
        levels=[str(level) for level in range(1, n_categories + 1)],
        terms=[f"x{term}" for term in range(1, n_terms + 1)],
        group=group if n_groups else None,
        groups=[f"village {village}" for village in range(1, n_groups + 1)],
        group_name="village",
    )
    return SimulatedDesign(design=design, beta=beta, thresholds=thresholds, group_effect=group_effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyDesign:
    """What a simulated survey looks like; the sizes are the survey study's, the effects are assumptions.

    Attributes
    ----------
    seed : int
        Items, villages, outcome and non-response have streams of their own: changing an effect leaves the items alone.
    n_questionnaires, complete, villages : int
        Questionnaires collected, those without a missing answer, and villages.
    levels : int
        Outcome levels: as many as the study's grades, or twice as many (each grade split in two).
    coefficients : mapping of item id to float
        Logits for one option of the item; items left out have none.
    village_sd : float
        Standard deviation of the villages' effects on the outcome, which are then centred, in logits.
    village_size_spread : float
        Standard deviation of the logarithm of the villages' expected sizes.
    nonresponse : NonResponse
    """

    seed: int
    n_questionnaires: int = 23_928
    complete: int = 10_808
    villages: int = 105
    levels: int = 6
    coefficients: Mapping[str, float] = field(default_factory=lambda: dict(_COEFFICIENTS))
    village_sd: float = 0.5
    village_size_spread: float = 0.5
    nonresponse: NonResponse = field(default_factory=NonResponse)


@dataclass(frozen=True, slots=True)
class SurveyTruth:
    """The parameters that made a simulated survey.

    Attributes
    ----------
    coefficients : ndarray, shape (n_items,)
        For scores 1, 2, ... of the items in the order of the frame's columns.
    thresholds : ndarray, shape (n_levels - 1,)
        P(y <= k) = F(thresholds[k] - eta), R's convention.
    village_effect : ndarray, shape (n_villages,)
        Sums to zero.
    copula : ItemCopula
    missing : MissingCells
    """

    coefficients: np.ndarray
    thresholds: np.ndarray
    village_effect: np.ndarray
    copula: ItemCopula
    missing: MissingCells


@dataclass(frozen=True, slots=True)
class Distance:
    """Between two correlation matrices, over the cells below the diagonal."""

    largest: float
    root_mean_square: float


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How near simulated rows are to what the study printed.

    Attributes
    ----------
    option_distance, outcome_distance : float
        Largest difference between a share of the rows and its target, over all questionnaires.
    any_data : Distance
        From the printed correlations to the nearest matrix that any data can have (by sum of squares).
    these_items : Distance
        From the printed correlations to those of items with these margins under the fitted Gaussian copula.
    these_rows : Distance
        From the printed correlations to those of the simulated questionnaires, before non-response.
    smallest_village, largest_village : int
    """

    option_distance: float
    outcome_distance: float
    any_data: Distance
    these_items: Distance
    these_rows: Distance
    smallest_village: int
    largest_village: int


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSurvey:
    """Questionnaires as a file would hold them, and what made them.

    Attributes
    ----------
    frame : DataFrame
        ``respondent``, ``village``, ``outcome`` (codes 1..n_levels) and ``item_<id>`` (codes 1..n_options), with 8 for
        "don't know" and 9 for "refused".
    answers : DataFrame
        The same before non-response.
    options : SurveyDesign
    targets : Targets
    truth : SurveyTruth
    fidelity : Fidelity
    """

    frame: pd.DataFrame
    answers: pd.DataFrame
    options: SurveyDesign
    targets: Targets
    truth: SurveyTruth
    fidelity: Fidelity


def simulate_survey(study: Study, options: SurveyDesign) -> SimulatedSurvey:
    """Questionnaires at a study's design.

    Items follow the copula of :mod:`bayesgov.survey.copula`, the outcome a cumulative logit with village effects, its
    thresholds put so that the expected level shares are the targets; answers are then lost as in
    :mod:`bayesgov.survey.nonresponse`.

    Raises
    ------
    InputError
        If an option cannot be met, or the study lacks a table that is needed.
    """
    targets = survey_targets(study, options.levels)
    _check_options(options, targets)
    village_rng, item_rng, outcome_rng, loss_rng = np.random.default_rng(options.seed).spawn(4)
    village = _village_codes(options, village_rng)
    copula = item_copula(targets)
    codes = copula.draw(options.n_questionnaires, item_rng)
    coefficients = np.array([options.coefficients.get(item, 0.0) for item in targets.items])
    village_effect = village_rng.normal(0, options.village_sd, size=options.villages)
    village_effect -= village_effect.mean()
    eta = (codes + 1) @ coefficients + village_effect[village]
    thresholds = thresholds_of_shares(eta, targets.level_shares)
    outcome = (eta + outcome_rng.logistic(size=eta.size) > thresholds[:, None]).sum(axis=0)
    missing = draw_missing_cells(
        options.nonresponse,
        outcome,
        codes,
        village,
        complete=options.complete,
        required=np.arange(codes.shape[1]) < len(targets.correlation),
        rng=loss_rng,
    )
    answers = _frame(village, outcome, codes, targets)
    return SimulatedSurvey(
        frame=_with_missing_codes(answers, missing, options.nonresponse.refused_share, loss_rng),
        answers=answers,
        options=options,
        targets=targets,
        truth=SurveyTruth(coefficients, thresholds, village_effect, copula, missing),
        fidelity=_fidelity(targets, copula, codes, outcome, village),
    )


def item_copula(targets: Targets) -> ItemCopula:
    """The copula of all items: fitted to the printed correlations, extended by the items without any."""
    n_printed = len(targets.correlation)
    fitted = fit_copula(targets.correlation, targets.shares[:n_printed], targets.scores)
    return extend_copula(fitted, targets.shares[n_printed:])


def thresholds_of_shares(eta: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Thresholds at which the expected level shares of a cumulative logit are the given ones.

    Parameters
    ----------
    eta : ndarray, shape (n_obs,)
    shares : ndarray, shape (n_levels,)
        Positive, summing to one.

    Returns
    -------
    ndarray, shape (n_levels - 1,)
    """
    # mean_i F(theta - eta_i) = P(y <= k) has one root: between the logits of P shifted by the extremes of eta
    return np.array(
        [
            brentq(
                lambda theta, below=below: expit(theta - eta).mean() - below,
                logit(below) + eta.min() - 1e-6,
                logit(below) + eta.max() + 1e-6,
                xtol=1e-12,
            )
            for below in np.cumsum(shares)[:-1]
        ]
    )


def _check_options(options: SurveyDesign, targets: Targets) -> None:
    unknown = sorted(set(options.coefficients) - set(targets.items))
    if unknown:
        raise InputError(
            f"coefficients are given by item id, one of {', '.join(targets.items)}; got {', '.join(unknown)}"
        )
    if max(options.levels, targets.shares.shape[1]) >= DONT_KNOW:
        raise InputError(
            f"codes {DONT_KNOW} and {REFUSED} stand for a missing answer, so there can be {DONT_KNOW - 1} levels or "
            f"options; got {options.levels} levels and {targets.shares.shape[1]} options"
        )
    if not 0 <= options.complete <= options.n_questionnaires:
        raise InputError(
            f"complete questionnaires should be between 0 and all {options.n_questionnaires}; got {options.complete}"
        )
    if not 1 <= options.villages <= options.n_questionnaires:
        raise InputError(
            f"villages should be between 1 and the {options.n_questionnaires} questionnaires; got {options.villages}"
        )
    if min(options.village_sd, options.village_size_spread) < 0:
        raise InputError(f"village_sd and village_size_spread should not be negative; got {options}")


def _village_codes(options: SurveyDesign, rng: np.random.Generator) -> np.ndarray:
    """Village of every questionnaire, ascending; every village has one."""
    weight = np.exp(options.village_size_spread * rng.normal(size=options.villages))
    rest = rng.choice(options.villages, size=options.n_questionnaires - options.villages, p=weight / weight.sum())
    return np.sort(np.concatenate([np.arange(options.villages), rest]))


def _frame(village: np.ndarray, outcome: np.ndarray, codes: np.ndarray, targets: Targets) -> pd.DataFrame:
    columns = {f"item_{item}": codes[:, column] + 1 for column, item in enumerate(targets.items)}
    n_villages = village.max() + 1
    width = max(3, len(str(n_villages)))  # so that the names sort as the numbers do
    names = np.array([f"V{number:0{width}d}" for number in range(1, n_villages + 1)])
    return pd.DataFrame(
        {"respondent": np.arange(1, village.size + 1), "village": names[village], "outcome": outcome + 1, **columns}
    )


def _with_missing_codes(
    answers: pd.DataFrame, missing: MissingCells, refused_share: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Cells without an answer say why."""
    lost = np.column_stack([missing.outcome, missing.items])
    code = np.where(rng.random(lost.shape) < refused_share, REFUSED, DONT_KNOW)
    asked = answers.columns[2:]
    return answers.assign(**pd.DataFrame(np.where(lost, code, answers[asked]), columns=asked))


def _fidelity(
    targets: Targets, copula: ItemCopula, codes: np.ndarray, outcome: np.ndarray, village: np.ndarray
) -> Fidelity:
    n_printed, (n_items, n_options) = len(targets.correlation), targets.shares.shape
    shares = np.array([np.bincount(codes[:, item], minlength=n_options) for item in range(n_items)]) / len(codes)
    level_shares = np.bincount(outcome, minlength=targets.level_shares.size) / outcome.size
    scores = targets.scores

    def distance(correlation: np.ndarray) -> Distance:
        difference = (correlation - targets.correlation)[np.tril_indices(n_printed, -1)]
        return Distance(float(np.abs(difference).max()), float(np.sqrt((difference**2).mean())))

    sizes = np.bincount(village)
    return Fidelity(
        option_distance=float(np.abs(shares - targets.shares).max()),
        outcome_distance=float(np.abs(level_shares - targets.level_shares).max()),
        any_data=distance(nearest_correlation(targets.correlation)),
        these_items=distance(copula.score_correlation(scores)[:n_printed, :n_printed]),
        these_rows=distance(np.corrcoef(scores[codes[:, :n_printed]], rowvar=False)),
        smallest_village=int(sizes.min()),
        largest_village=int(sizes.max()),
    )

"""Item non-response of a simulated survey: missing at random, with exactly the wanted number of complete rows.

Three kinds of questionnaire are incomplete. Those *without an outcome* and those *incomplete given the answers* are the
likelier the lower the first item's answer and the less willing the village; the latter depend on the outcome too, which
they all have. Those *incomplete by chance* depend on nothing. Village and first item are always there, so that every
probability of a pattern depends on what that pattern shows: missing at random (Rubin 1976,
doi:10.1093/biomet/63.3.581).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class NonResponse:
    """Why questionnaires are incomplete; the defaults are assumptions, for no study printed any of it.

    Attributes
    ----------
    outcome_share, random_share : float
        Shares of the incomplete questionnaires that lack the outcome, and that are incomplete by chance; the rest are
        incomplete given the answers.
    item_effect, outcome_effect : float
        Log odds of being incomplete for one option of the first item, and for one standard deviation of the outcome's
        level code. With an outcome effect, listwise deletion is biased and not only wasteful: at the survey study's
        size, -0.2 moves the thresholds by about -0.15 (two standard errors) and the first item's coefficient by -0.04.
    village_sd : float
        Standard deviation of the villages' log odds of being incomplete.
    cell_share : float
        Mean probability that an item of an incomplete questionnaire is not answered, rising along the questionnaire
        from half of it to one and a half times it.
    refused_share : float
        Probability that a cell without answer says "refused" rather than "don't know".
    """

    outcome_share: float = 0.15
    random_share: float = 0.35
    item_effect: float = -0.3
    outcome_effect: float = 0.0
    village_sd: float = 0.5
    cell_share: float = 0.15
    refused_share: float = 0.4

    def __post_init__(self) -> None:
        shares = (self.outcome_share, self.random_share, self.cell_share, self.refused_share)
        if min(shares) < 0 or max(shares) > 1 or self.outcome_share + self.random_share > 1 or self.village_sd < 0:
            raise ValueError(
                "non-response wants shares between 0 and 1, outcome_share + random_share of at most 1 and village_sd "
                f"of at least 0; got {self}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class MissingCells:
    """Which cells of a survey have no answer, and the parameters of their loss.

    Attributes
    ----------
    outcome : ndarray of bool, shape (n_obs,)
    items : ndarray of bool, shape (n_obs, n_items)
    village_effect : ndarray, shape (n_villages,)
        Log odds of being incomplete.
    outcome_intercept, answers_intercept : float
        Log odds of lacking the outcome, and of being incomplete given the answers, where the predictors of
        non-response are zero: the first item's code and the outcome's standardised code count from their means.
    """

    outcome: np.ndarray
    items: np.ndarray
    village_effect: np.ndarray
    outcome_intercept: float
    answers_intercept: float


def draw_missing_cells(
    mechanism: NonResponse,
    outcome: np.ndarray,
    items: np.ndarray,
    village: np.ndarray,
    *,
    complete: int,
    required: np.ndarray,
    rng: np.random.Generator,
) -> MissingCells:
    """Cells without an answer.

    Parameters
    ----------
    mechanism : NonResponse
    outcome : ndarray of int, shape (n_obs,)
        Level codes.
    items : ndarray of int, shape (n_obs, n_items)
        Option codes.
    village : ndarray of int, shape (n_obs,)
    complete : int
        Rows left without a missing cell.
    required : ndarray of bool, shape (n_items,)
        Items of which every incomplete row with an outcome lacks at least one. The first is always answered, so
        another one is needed.

    Raises
    ------
    ValueError
        If ``complete`` exceeds the rows, or no item after the first is required.
    """
    n_obs, n_items = items.shape
    if not (0 <= complete <= n_obs and required[1:].any()):
        raise ValueError(f"wanted complete between 0 and {n_obs} rows and a required item after the first")
    n_incomplete = n_obs - complete
    n_outcome = round(mechanism.outcome_share * n_incomplete)
    n_random = min(round(mechanism.random_share * n_incomplete), n_incomplete - n_outcome)
    village_effect = rng.normal(0, mechanism.village_sd, size=village.max() + 1)
    first = items[:, 0] - items[:, 0].mean()
    standardised = (outcome - outcome.mean()) / max(outcome.std(), np.finfo(float).tiny)
    odds = mechanism.item_effect * first + village_effect[village]

    everyone = np.ones(n_obs, dtype=bool)
    no_outcome, outcome_intercept = _rows_lost(odds, everyone, n_outcome, rng)
    by_chance, _ = _rows_lost(np.zeros(n_obs), ~no_outcome, n_random, rng)
    by_answers, answers_intercept = _rows_lost(
        odds + mechanism.outcome_effect * standardised,
        ~(no_outcome | by_chance),
        n_incomplete - n_outcome - n_random,
        rng,
    )
    probability = mechanism.cell_share * np.linspace(0.5, 1.5, n_items)
    probability[0] = 0.0
    lost = no_outcome | by_chance | by_answers
    cells = lost[:, None] & (rng.random((n_obs, n_items)) < probability)
    untouched = np.flatnonzero((by_chance | by_answers) & ~(cells & required).any(axis=1))
    candidates = 1 + np.flatnonzero(required[1:])
    cells[untouched, rng.choice(candidates, size=untouched.size)] = True
    return MissingCells(no_outcome, cells, village_effect, outcome_intercept, answers_intercept)


def _rows_lost(
    odds: np.ndarray, eligible: np.ndarray, n_lost: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Mask of ``n_lost`` eligible rows, and the intercept that logistic sampling of so many rows implies.

    A row is lost where odds + logistic noise exceeds a cut, P(lost) = F(odds - cut); the cut is put so that exactly
    ``n_lost`` rows exceed it.
    """
    noisy = np.where(eligible, odds + rng.logistic(size=odds.size), -np.inf)
    order = np.argsort(-noisy, kind="stable")
    lost = np.zeros(odds.size, dtype=bool)
    lost[order[:n_lost]] = True
    cut = noisy[order[n_lost - 1]] if n_lost else np.inf
    return lost, -float(cut)

r"""Separation: predictors that tell outcome levels apart without error, so that no finite estimate exists.

A direction d of the parameters along which no row's probability falls, and some row's rises, leads the likelihood to
its supremum at infinity. Whether there is one is a linear programme (Albert & Anderson 1984,
doi:10.1093/biomet/71.1.1; Konis 2007, https://ora.ox.ac.uk/objects/uuid:8f9ee0d0-d78e-4101-9ab4-f9cbceed2a2a): maximise
the sum of a_i d subject to a_i d >= 0 and -1 <= d <= 1, where a_i runs over the linear terms that must grow for row i.
Its solution names the parameters that run off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linprog

from bayesgov.survey.ordinal import OrdinalProblem

_MOVES = 1e-6  # of the unit box in which the direction lies
_ROWS_AT_ONCE = 4_000


@dataclass(frozen=True, slots=True)
class Separation:
    """What a search for a separating direction found.

    Attributes
    ----------
    kind : {"complete", "quasi-complete", "none"}
        Complete: every row's probability rises along the direction.
    names : tuple of str
        Coefficients and departures that run off; under complete separation, a set of them that suffices for it.
    """

    kind: Literal["complete", "quasi-complete", "none"]
    names: tuple[str, ...]


def find_separation(problem: OrdinalProblem) -> Separation:
    """Search for a separating direction.

    Parameters
    ----------
    problem : OrdinalProblem
        Best with standardised predictors. A scale model is left out of account.
    """
    size = len(problem.names) - problem.scale_x.shape[1]
    rows = _growing_terms(problem)[:, :size]
    widest = _best_direction(rows.sum(axis=0), rows)
    if np.all(rows @ widest < _MOVES):
        return Separation("none", ())
    complete = _separates_completely(rows)
    moving = _needed(problem, rows) if complete else np.abs(widest) > _MOVES
    named = tuple(name for name, moves in zip(problem.names, moving, strict=False) if moves)
    effects = tuple(name for name in named if name.startswith(("beta", "departure")))
    return Separation("complete" if complete else "quasi-complete", effects or named)


def _best_direction(gain: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The d in the unit box with rows @ d >= 0 that maximises gain @ d, from as few of the rows as settle it.

    Rows are left out until a solution violates them, so that a million rows cost little more than thousands.
    """
    used = np.zeros(len(rows), dtype=bool)
    used[:: max(1, len(rows) // _ROWS_AT_ONCE)] = True
    while True:
        found = linprog(-gain, A_ub=-rows[used], b_ub=np.zeros(used.sum()), bounds=(-1, 1), method="highs")
        if found.x is None:  # the solver gave up: no direction to report
            return np.zeros_like(gain)
        shortfall = np.where(used, 0.0, rows @ found.x)
        violated = np.flatnonzero(shortfall < -_MOVES)
        if violated.size == 0:
            return np.asarray(found.x)
        used[violated[np.argsort(shortfall[violated])[:_ROWS_AT_ONCE]]] = True


def _separates_completely(rows: np.ndarray) -> bool:
    """Whether some direction raises every term by at least t > 0."""
    raised = np.column_stack([rows, -np.ones(len(rows))])
    return bool(_best_direction(np.eye(raised.shape[1])[-1], raised)[-1] > _MOVES)


def _needed(problem: OrdinalProblem, rows: np.ndarray) -> np.ndarray:
    """Parameters without which separation is not complete: where everything may run off, few are to blame."""
    kept = np.ones(rows.shape[1], dtype=bool)
    for position, name in enumerate(problem.names[: rows.shape[1]]):
        if name.startswith(("beta", "departure")):
            kept[position] = False
            kept[position] = not _separates_completely(rows[:, kept])
    return kept


def _growing_terms(problem: OrdinalProblem) -> np.ndarray:
    """Linear terms that must not fall for no row's probability to fall, shape (n_terms_in_all, n_parameters)."""
    pieces = []
    for level in range(problem.design.n_categories):
        rows = np.arange(problem.starts[level], problem.starts[level + 1])
        for signed in _signed_sums(problem, level):
            pieces.append(sum((sign * problem.distance_rows(rows, k) for k, sign in signed), np.zeros(1)))
    return np.concatenate(pieces)


def _signed_sums(problem: OrdinalProblem, level: int) -> list[list[tuple[int, int]]]:
    """Sums of +/- e_k that must not fall along the direction."""
    last = problem.design.n_categories - 2
    if problem.family == "adjacent":
        # P(y) against P(m): the e_j between them, towards the observed level
        upward = [[(j, 1) for j in range(level, m)] for m in range(level + 1, last + 2)]
        return upward + [[(j, -1) for j in range(m, level)] for m in range(level)]
    above = [[(level, 1)]] if level <= last else []
    passed = range(level) if problem.family == "continuation" else range(max(level - 1, 0), level)
    return above + [[(j, -1)] for j in passed]

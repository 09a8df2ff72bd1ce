"""The Design of an ordinal regression: arrays with names, and the account of every row that did not get in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class RowStep:
    """One step of the flow of rows.

    Attributes
    ----------
    reason : str
        Why rows were lost at this step.
    lost, left : int
        Rows, not weights.
    """

    reason: str
    lost: int
    left: int


@dataclass(frozen=True, slots=True)
class MonotonicTerm:
    """An ordinal predictor with a monotonic effect (Bürkner & Charpentier 2020, doi:10.1111/bmsp.12195).

    Attributes
    ----------
    column : int
        Its column of ``x``, which holds the scores 0, 1, ..., n_steps.
    levels : tuple of str, length n_steps + 1
    """

    column: int
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissingColumn:
    """A predictor with missing cells that the Bayesian model treats as parameters.

    Attributes
    ----------
    column : int
        Its column of ``x``; missing cells hold NaN there.
    rows : ndarray of int, shape (n_missing,)
    kind : {"continuous", "binary", "ordinal"}
    support : tuple of float
        The values that a binary or ordinal cell can take, ascending; empty for a continuous one.
    """

    column: int
    rows: np.ndarray
    kind: Literal["continuous", "binary", "ordinal"]
    support: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that a likelihood needs, and nothing that it does not.

    Attributes
    ----------
    outcome : str
    levels : tuple of str, length n_categories
        From the lowest.
    y : ndarray of int, shape (n_obs,)
        Level codes, 0-based.
    weights : ndarray, shape (n_obs,)
        Frequency weights.
    x : ndarray, shape (n_obs, n_terms)
        No intercept. NaN only where ``missing`` says so.
    terms : tuple of str, length n_terms
        Columns of ``x``: ``temp[warm]`` for a contrast, ``age`` for a number.
    factors : tuple of str, length n_terms
        The term of the formula that each column belongs to: ``temp``, ``age``, ``temp:contact``.
    offset : ndarray, shape (n_obs,)
    nominal : tuple of int
        Columns of ``x`` whose effects may differ between thresholds.
    scale_x : ndarray, shape (n_obs, n_scale_terms)
    scale_terms : tuple of str
    group_name : str
        Variable of the random intercept; empty for none.
    groups : tuple of str
        Its levels.
    group : ndarray of int, shape (n_obs,)
        Codes into ``groups``; zeros where there are none.
    cluster : ndarray of int, shape (n_obs,), or None
        Codes of the clusters of the sandwich covariance.
    monotonic : tuple of MonotonicTerm
    missing : tuple of MissingColumn
    flow : tuple of RowStep
        The first step has ``lost`` 0 and ``left`` the number of rows in the data.
    row : ndarray of int, shape (n_obs,)
        Position of each row in the data.
    """

    outcome: str
    levels: tuple[str, ...]
    y: np.ndarray
    weights: np.ndarray
    x: np.ndarray
    terms: tuple[str, ...]
    factors: tuple[str, ...]
    offset: np.ndarray
    nominal: tuple[int, ...]
    scale_x: np.ndarray
    scale_terms: tuple[str, ...]
    group_name: str
    groups: tuple[str, ...]
    group: np.ndarray
    cluster: np.ndarray | None
    monotonic: tuple[MonotonicTerm, ...]
    missing: tuple[MissingColumn, ...]
    flow: tuple[RowStep, ...]
    row: np.ndarray

    @property
    def n_obs(self) -> int:
        """Rows of the arrays; ``weights.sum()`` is the number of observations."""
        return self.y.size

    @property
    def n_categories(self) -> int:
        return len(self.levels)

    @property
    def n_terms(self) -> int:
        return len(self.terms)

    @property
    def thresholds(self) -> tuple[str, ...]:
        """Names of the thresholds, ``1|2`` as R's ordinal writes them."""
        return tuple(f"{low}|{high}" for low, high in zip(self.levels[:-1], self.levels[1:], strict=True))

    def take(self, rows: np.ndarray) -> Design:
        """The Design of some rows (boolean mask or positions); group codes keep their meaning.

        Raises
        ------
        ValueError
            With modelled missing cells: their positions would have to move.
        """
        if self.missing:
            raise ValueError("a Design with modelled missing cells cannot be subset; fit with missing = 'listwise'")
        return replace(
            self,
            y=self.y[rows],
            weights=self.weights[rows],
            x=self.x[rows],
            offset=self.offset[rows],
            scale_x=self.scale_x[rows],
            group=self.group[rows],
            cluster=None if self.cluster is None else self.cluster[rows],
            row=self.row[rows],
        )


def design_from_arrays(
    y: np.ndarray,
    x: np.ndarray,
    *,
    levels: Sequence[str],
    terms: Sequence[str],
    outcome: str = "y",
    factors: Sequence[str] = (),
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
    nominal: Sequence[int] = (),
    scale_x: np.ndarray | None = None,
    scale_terms: Sequence[str] = (),
    group: np.ndarray | None = None,
    groups: Sequence[str] = (),
    group_name: str = "group",
    cluster: np.ndarray | None = None,
    monotonic: Sequence[MonotonicTerm] = (),
    missing: Sequence[MissingColumn] = (),
    flow: Sequence[RowStep] = (),
    row: np.ndarray | None = None,
) -> Design:
    """A Design from arrays that already are what a likelihood needs; shapes as in :class:`Design`."""
    n_obs = y.size
    return Design(
        outcome=outcome,
        levels=tuple(levels),
        y=np.ascontiguousarray(y, dtype=np.int64),
        weights=np.ones(n_obs) if weights is None else np.ascontiguousarray(weights, dtype=float),
        x=np.ascontiguousarray(x, dtype=float).reshape(n_obs, len(terms)),
        terms=tuple(terms),
        factors=tuple(factors) or tuple(terms),
        offset=np.zeros(n_obs) if offset is None else np.ascontiguousarray(offset, dtype=float),
        nominal=tuple(nominal),
        scale_x=np.zeros((n_obs, 0)) if scale_x is None else np.ascontiguousarray(scale_x, dtype=float),
        scale_terms=tuple(scale_terms),
        group_name="" if group is None else group_name,
        groups=tuple(groups),
        group=np.zeros(n_obs, dtype=np.int64) if group is None else np.ascontiguousarray(group, dtype=np.int64),
        cluster=cluster,
        monotonic=tuple(monotonic),
        missing=tuple(missing),
        flow=tuple(flow) or (RowStep("rows in the data", 0, n_obs),),
        row=np.arange(n_obs) if row is None else row,
    )

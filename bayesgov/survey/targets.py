"""What a study's printed tables ask of simulated questionnaires: option shares, level shares, correlations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesgov.errors import InputError
from bayesgov.spec import ContingencySpec, read_published_spec
from bayesgov.study import Study

CORRELATION_TABLE = "2"


@dataclass(frozen=True, slots=True)
class Targets:
    """What the printed tables ask of simulated rows.

    Attributes
    ----------
    items : tuple of str, length n_items
        Ids; those of the correlation table first.
    shares : ndarray, shape (n_items, n_options)
        Option shares over all grades.
    correlation : ndarray, shape (n_printed, n_printed)
        As printed: of the logarithms of the first items' scores 1, 2, ...
    level_shares : ndarray, shape (n_levels,)
        Of the outcome, from the lowest.
    level_labels : tuple of str
    notes : tuple of str
        What the tables contradict themselves in, and how it was settled.
    """

    items: tuple[str, ...]
    shares: np.ndarray
    correlation: np.ndarray
    level_shares: np.ndarray
    level_labels: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def scores(self) -> np.ndarray:
        """What the printed correlations are of: logarithms of the scores 1, 2, ..., shape (n_options,)."""
        return np.asarray(np.log(np.arange(1, self.shares.shape[1] + 1)))


def survey_targets(study: Study, levels: int) -> Targets:
    """Margins and correlations that a study's tables print.

    Where the options of a grade do not sum to the grade's n, they are scaled to it. With twice as many levels as
    grades, the lower level takes 35 % of the lowest grade and 65 % of the highest, shares between them rising evenly:
    an assumption, for no shares of the levels are printed.

    Parameters
    ----------
    study : Study
    levels : int
        The number of grades in the contingency table, or twice that.

    Raises
    ------
    InputError
        If the study lacks a table that is needed, or ``levels`` is another number.
    """
    table = read_published_spec(study.folder).contingency
    if table is None or CORRELATION_TABLE not in study.tables:
        raise InputError(
            f"{study.folder}: a simulated survey needs option counts by grade, and correlations as table 2"
        )
    size = np.array([_printed(study, f"{table.table}/n/{grade}") for grade in table.outcome])
    counts = _option_counts(study, table)
    totals = counts.sum(axis=1)
    correlated = [item for item in table.items if (item, item) in study.tables[CORRELATION_TABLE].cells]
    if len(correlated) < 2:
        raise InputError(f"{study.folder}: table 2 should correlate two items or more; got {len(correlated)}")
    order = [*correlated, *(item for item in table.items if item not in correlated)]
    shares = (counts / totals[:, None]) @ (size / size.sum())
    level_shares, level_labels = _levels(
        size / size.sum(), [study.label(grade) for grade in table.outcome], levels, study.key
    )
    return Targets(
        items=tuple(order),
        shares=shares[[table.items.index(item) for item in order]],
        correlation=_printed_correlation(study, correlated),
        level_shares=level_shares,
        level_labels=level_labels,
        notes=tuple(
            f"item {item}: the options of grade {grade} sum to {total:g}, not {n:g}; scaled to {n:g}"
            for item, sums in zip(table.items, totals, strict=True)
            for grade, total, n in zip(table.outcome, sums, size, strict=True)
            if total != n
        ),
    )


def _option_counts(study: Study, table: ContingencySpec) -> np.ndarray:
    """Printed counts, shape (n_items, n_options, n_grades); no option and no grade is empty."""
    counts = np.array(
        [
            [
                [_printed(study, f"{table.table}/{item}.{option}/{grade}") for grade in table.outcome]
                for option in table.options
            ]
            for item in table.items
        ]
    )
    for item, by_option, by_grade in zip(table.items, counts.sum(axis=2), counts.sum(axis=1), strict=True):
        if min(*by_option, *by_grade) <= 0:
            raise InputError(
                f"{study.folder}: every option and grade of item {item} needs a count above 0 to simulate it"
            )
    return counts


def _levels(shares: np.ndarray, labels: list[str], levels: int, study: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Shares and labels of the outcome levels, from those of the grades."""
    if levels == len(labels):
        return shares, tuple(labels)
    if levels != 2 * len(labels):
        raise InputError(
            f"levels should be {len(labels)}, the grades of study {study}, or {2 * len(labels)}; got {levels}"
        )
    lower = np.linspace(0.35, 0.65, len(labels))
    halves = np.column_stack([lower, 1 - lower]) * shares[:, None]
    return halves.ravel(), tuple(f"{label}, {half} part" for label in labels for half in ("lower", "upper"))


def _printed(study: Study, reference: str) -> float:
    return float(study.number(reference).value)


def _printed_correlation(study: Study, items: list[str]) -> np.ndarray:
    """The lower triangle that a table prints, made symmetric."""
    lower = np.zeros((len(items), len(items)))
    for i, row in enumerate(items):
        for j, column in enumerate(items[:i]):
            lower[i, j] = _printed(study, f"{CORRELATION_TABLE}/{row}/{column}")
    return lower + lower.T + np.eye(len(items))

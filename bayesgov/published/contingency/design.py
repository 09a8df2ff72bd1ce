"""Printed contingency tables of an ordinal outcome as arrays, with what had to be assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.spec import ContingencySpec
from bayesgov.study import Study
from bayesgov.survey.mode import CumulativeMode, find_mode


@dataclass(frozen=True, slots=True, eq=False)
class ContingencyDesign:
    """Counts of every item's table.

    Attributes
    ----------
    counts : ndarray, shape (n_items, n_options, n_levels)
        As printed; levels from the lowest to the highest.
    items, options, levels : tuple of str
        Ids.
    item_labels : tuple of str
    option_labels : tuple of tuple of str
        By item.
    margins : pandas.DataFrame
        item, level, stated, summed, difference: printed group sizes against the sum of the cells; empty where the
        table prints no group sizes.
    basis : ndarray, shape (n_items, n_options, n_options - 1)
        Orthonormal zero-sum contrasts, turned for every item so that the likelihood curvature is diagonal.
    mode, curvature : ndarray, shape (n_items, n_options - 1)
        Maximum-likelihood contrasts in that basis and their profile precision.
    maxima : tuple of CumulativeMode
        The maximum of every item's likelihood, coefficients in that basis.
    """

    counts: np.ndarray
    items: tuple[str, ...]
    options: tuple[str, ...]
    levels: tuple[str, ...]
    item_labels: tuple[str, ...]
    option_labels: tuple[tuple[str, ...], ...]
    margins: pd.DataFrame
    basis: np.ndarray
    mode: np.ndarray
    curvature: np.ndarray
    maxima: tuple[CumulativeMode, ...]

    @property
    def option_totals(self) -> np.ndarray:
        """Printed respondents of every option, shape (n_items, n_options)."""
        totals: np.ndarray = self.counts.sum(axis=2)
        return totals


def zero_sum_basis(n_options: int) -> np.ndarray:
    """Orthonormal (Helmert) basis of the vectors that sum to zero, shape (n_options, n_options - 1)."""
    basis = np.zeros((n_options, n_options - 1))
    for column in range(n_options - 1):
        basis[: column + 1, column] = 1.0
        basis[column + 1, column] = -(column + 1.0)
    normalised: np.ndarray = basis / np.linalg.norm(basis, axis=0)
    return normalised


def make_design(
    counts: np.ndarray,
    items: tuple[str, ...],
    options: tuple[str, ...],
    levels: tuple[str, ...],
    *,
    item_labels: tuple[str, ...] | None = None,
    option_labels: tuple[tuple[str, ...], ...] | None = None,
    margins: pd.DataFrame | None = None,
) -> ContingencyDesign:
    """A design from counts, shape (n_items, n_options, n_levels), levels from lowest to highest."""
    maxima, bases, curvatures = [], [], []
    for table in counts:
        first = zero_sum_basis(len(options))
        found = find_mode(table, first)
        values, vectors = np.linalg.eigh(np.linalg.inv(found.coefficient_covariance))
        bases.append(first @ vectors)
        maxima.append(find_mode(table, bases[-1]))
        curvatures.append(values)
    return ContingencyDesign(
        counts=counts,
        items=items,
        options=options,
        levels=levels,
        item_labels=item_labels or items,
        option_labels=option_labels or tuple(options for _ in items),
        margins=pd.DataFrame(columns=["item", "level", "stated", "summed", "difference"])
        if margins is None
        else margins,
        basis=np.array(bases),
        mode=np.array([found.coefficients for found in maxima]),
        curvature=np.array(curvatures),
        maxima=tuple(maxima),
    )


def read_design(study: Study, spec: ContingencySpec) -> ContingencyDesign:
    """The printed tables that the spec names.

    Raises
    ------
    InputError
        If a cell is missing, no whole number or negative, or if a row or a column of a table is empty.
    """
    counts = np.array(
        [
            [
                [_count(study, f"{spec.table}/{item}.{option}/{level}") for level in spec.outcome]
                for option in spec.options
            ]
            for item in spec.items
        ]
    )
    for item, table in zip(spec.items, counts, strict=True):
        if np.any(table.sum(axis=0) == 0) or np.any(table.sum(axis=1) == 0):
            raise InputError(
                f"{study.folder}: table {spec.table}, item {item}: a row or column without any count: drop it"
            )
    codebook = {item.id: item.options for item in study.items}
    return make_design(
        counts,
        spec.items,
        spec.options,
        spec.outcome,
        item_labels=tuple(study.label(item) for item in spec.items),
        option_labels=tuple(
            codebook.get(item, ()) if len(codebook.get(item, ())) == len(spec.options) else spec.options
            for item in spec.items
        ),
        margins=_margins(study, spec, counts),
    )


def _count(study: Study, reference: str) -> float:
    number = study.number(reference)
    if not number.is_integer or number.value < 0:
        raise InputError(f"{study.folder}: {reference!r} should be a count; got {number.text!r}")
    return float(number)


def _margins(study: Study, spec: ContingencySpec, counts: np.ndarray) -> pd.DataFrame:
    cells = study.tables[spec.table].cells
    rows = []
    for item, table in zip(spec.items, counts, strict=True):
        for level, summed in zip(spec.outcome, table.sum(axis=0), strict=True):
            stated = cells.get(("n", level))
            if isinstance(stated, PrintedNumber):
                rows.append((item, level, float(stated), float(summed), float(summed) - float(stated)))
    return pd.DataFrame(rows, columns=["item", "level", "stated", "summed", "difference"])


def assumptions(design: ContingencyDesign) -> tuple[str, ...]:
    """What was assumed to fit the printed tables, in plain sentences."""
    off = design.margins[design.margins["difference"] != 0]
    uneven = ", ".join(f"item {row.item} level {row.level} ({row.difference:+g})" for row in off.itertuples())
    sentences = [
        f"Outcome levels are ordered {' < '.join(design.levels)}; a positive effect means higher levels.",
        "Cells are used as printed; nothing is dropped or corrected.",
        f"The {len(design.items)} tables share respondents and their joint table is not printed. Their product is a "
        "composite likelihood (independence of margins; Varin, Reid & Firth 2011): point estimates are consistent, but "
        "intervals of quantities that combine items take the tables as independent samples. Fits at other weights of "
        "the likelihood show how far that matters.",
        "Respondents are taken as independent of one another; how they cluster (in villages, say) is not printed.",
        "Option effects sum to zero within an item and share one prior scale, so no option is the reference.",
        "Options of an item are treated as alternatives of which every respondent holds one.",
    ]
    if len(off):
        sentences.append(f"Cells that do not add up to the stated group size: {uneven}.")
    elif len(design.margins):
        sentences.append("All cells add up to the stated group sizes.")
    return tuple(sentences)

"""The numbers that a claim's evidence names, and what they answer under a rule.

A rule can be another than the claim's own: :mod:`bayesgov.flips` asks how far it must move for another answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.claims import Answer, Claim, PosteriorEvidence, Rule, TableEvidence
from bayesgov.errors import InputError
from bayesgov.fits import Fit
from bayesgov.printed import PrintedNumber
from bayesgov.study import Study

# A posterior probability of the claim above this (or below its complement) decides it.
DECISIVE_PROBABILITY = 0.95


def printed_numbers(claim: Claim, study: Study) -> dict[str, PrintedNumber]:
    """Printed numbers by reference "table/row/column".

    Raises
    ------
    InputError
        If the claim names a cell that does not exist, or no number.
    """
    named = {key: cell for reference in claim.printed.cells for key, cell in study.cells(reference).items()}
    numbers = {key: cell for key, cell in named.items() if isinstance(cell, PrintedNumber)}
    if not numbers:
        raise InputError(f"claim {claim.id!r}: {', '.join(claim.printed.cells)} names no printed number")
    return numbers


def printed_answers(numbers: Iterable[PrintedNumber], rule: Rule) -> list[bool | None]:
    """Whether each printed number meets the rule; None where its rounding, or neither condition, decides."""
    met = [(number, rule.meets.of_printed(number)) for number in numbers]
    if rule.refutes is None:
        return [answer for _, answer in met]
    return [True if answer else False if rule.refutes.of_printed(number) else None for number, answer in met]


@dataclass(frozen=True, slots=True, eq=False)
class TableValues:
    """What a result table says.

    Attributes
    ----------
    frame : DataFrame
        The rows that the claim is about.
    columns : tuple of str
    values : ndarray, shape (n_rows * n_columns,)
        Column by column.
    opposite : ndarray, shape (n_rows * n_columns,)
        What is held against the refuting condition: the other limit of an interval, say.
    """

    frame: pd.DataFrame
    columns: tuple[str, ...]
    values: np.ndarray
    opposite: np.ndarray

    def answers(self, rule: Rule) -> list[bool | None]:
        """Whether each value meets the rule; None where it is not finite, or neither condition decides."""
        met, finite = rule.meets.of(self.values), np.isfinite(self.values)
        if rule.refutes is None:
            return [bool(answer) if known else None for answer, known in zip(met, finite, strict=True)]
        refuted = rule.refutes.of(self.opposite) & np.isfinite(self.opposite)
        return [
            True if answer and known else False if against else None
            for answer, known, against in zip(met, finite, refuted, strict=True)
        ]


def table_values(claim: Claim, evidence: TableEvidence, tables: Mapping[str, pd.DataFrame]) -> TableValues:
    """The values that a claim names in a result table.

    Raises
    ------
    InputError
        If there is no such table, column or row.
    """
    frame = named(tables, evidence.table, f"claim {claim.id!r}: result table")
    for column, allowed in evidence.where.items():
        frame = frame[_column(frame, column, claim).astype(str).isin(allowed)]
    columns = (evidence.column,) if isinstance(evidence.column, str) else evidence.column
    values = np.concatenate([_column(frame, name, claim).to_numpy(dtype=float) for name in columns])
    if values.size == 0:
        raise InputError(f"claim {claim.id!r}: no row of {evidence.table} matches {evidence.where}")
    against = evidence.against_column
    opposite = _column(frame, against, claim).to_numpy(dtype=float) if against else values
    return TableValues(frame, columns, values, opposite)


def posterior_draws(claim: Claim, evidence: PosteriorEvidence, fit: Fit) -> np.ndarray:
    """Draws of the claim's variable, shape (n_draws, n_elements).

    Raises
    ------
    InputError
        If the fit has no such variable, dimension or element.
    """
    posterior = fit.tree["posterior"].to_dataset()
    if evidence.variable not in posterior:
        raise InputError(
            f"claim {claim.id!r}: fit {fit.label!r} has no variable {evidence.variable!r}; there are: "
            f"{', '.join(map(str, posterior))}"
        )
    variable = posterior[evidence.variable]
    for dim, labels in evidence.select.items():
        if dim not in variable.dims:
            raise InputError(f"claim {claim.id!r}: {evidence.variable!r} has no dimension {dim!r}")
        known = variable[dim].values.astype(str)
        # a joint event of fewer elements than were named would be another claim
        if unknown := [label for label in labels if label not in known]:
            raise InputError(
                f"claim {claim.id!r}: {evidence.variable!r} of {fit.label!r} has no {dim} {unknown[0]!r}; there are: "
                f"{', '.join(known)}"
            )
        variable = variable.isel({dim: np.isin(known, labels)})
    if variable.size == 0:
        raise InputError(f"claim {claim.id!r}: no element of {evidence.variable!r} matches {evidence.select}")
    stacked = variable.stack(sample=("chain", "draw")).transpose("sample", ...)
    values: np.ndarray = stacked.to_numpy().reshape(stacked.sizes["sample"], -1)
    return values


def event(draws: np.ndarray, rule: Rule) -> np.ndarray:
    """Whether the claim's event is true in each draw, shape (n_draws,)."""
    truth = rule.meets.of(draws)
    found: np.ndarray = {"all": truth.all(axis=1), "any": truth.any(axis=1), "none": ~truth.any(axis=1)}[rule.expect]
    return found


def decided(probability: float, level: float = DECISIVE_PROBABILITY) -> Answer:
    """What a posterior probability of the claim answers."""
    if probability >= level:
        return "holds"
    # 1 - 0.95 is not 0.05 in binary: the complement is compared as the probability is
    return "does not hold" if round(1 - probability, 12) >= level else "undetermined"


def named[Value](mapping: Mapping[str, Value], name: str, what: str) -> Value:
    """The value under a name; InputError with the names that there are."""
    if name not in mapping:
        raise InputError(f"{what} {name!r} does not exist; there are: {', '.join(mapping)}")
    return mapping[name]


def _column(frame: pd.DataFrame, name: str, claim: Claim) -> pd.Series:
    if name not in frame:
        raise InputError(f"claim {claim.id!r}: no column {name!r}; there are: {', '.join(map(str, frame.columns))}")
    return frame[name]

"""Innocent readings of printed cells, tried on numbers that do not agree.

Readings that belong to one kind of check (one-tailed p, Yates, another level) stand beside that check; these here
alter the cells and run the check again, whatever it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bayesgov.printed import PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding
from bayesgov.published.audit.registry import CheckKind, Reading
from bayesgov.published.audit.typo import (
    Arguments,
    References,
    digit_typos,
    evenly_spaced,
    printed_cells,
    transpositions,
    with_cells,
)
from bayesgov.published.audit.wording import listing
from bayesgov.study import Study

_SHOWN = 4
# more than any check of one row needs; a whole table is sampled evenly
_TRIED = 1000


@dataclass(frozen=True, slots=True)
class Trial:
    """A check with its arguments as printed, to be run again on altered cells."""

    kind: CheckKind
    arguments: Arguments
    references: References

    @property
    def cells(self) -> dict[str, PrintedNumber]:
        """The printed numbers that the check reads, by reference."""
        return printed_cells(self.arguments, self.references)

    def run(self, altered: Mapping[str, PrintedNumber]) -> Finding:
        return self.kind.function(**with_cells(self.arguments, self.references, altered))


@dataclass(frozen=True, slots=True)
class Alteration:
    """One cell read as another number."""

    reference: str
    printed: PrintedNumber
    read: PrintedNumber


def _is_rounded(number: PrintedNumber) -> bool:
    return number.decimals > 0 and number.comparator == "="


def _other_sign(number: PrintedNumber) -> Iterator[PrintedNumber]:
    # counts and degrees of freedom have no sign to drop
    if _is_rounded(number) and number.value:
        yield number.with_value(-number.value)


type _Alterer = Callable[[PrintedNumber], Iterable[PrintedNumber]]

_ONE_CELL: Mapping[Reading, tuple[str, _Alterer]] = {
    "sign": ("one sign dropped or added", _other_sign),
    "typo": ("one digit misprinted", digit_typos),
    "transposed": ("two neighbouring digits exchanged", transpositions),
}


def cell_readings(study: Study, trial: Trial) -> tuple[Explanation, ...]:
    """Try every reading that the kind of check lists.

    Parameters
    ----------
    study : Study
        Its tables say which cells are neighbours.
    trial : Trial
        A check whose numbers do not agree as printed.

    Returns
    -------
    tuple of Explanation
        One for each reading that can be tried on these cells, resolving or not.
    """
    tried = (_reading(study, trial, reading) for reading in trial.kind.readings)
    return tuple(explanation for explanation in tried if explanation is not None)


def _reading(study: Study, trial: Trial, reading: Reading) -> Explanation | None:
    if reading == "truncated":
        return _truncated(trial)
    if reading == "neighbour":
        return _one_cell(trial, "the value of a neighbouring row", _neighbours(study, trial.cells))
    name, alter = _ONE_CELL[reading]
    return _one_cell(
        trial, name, (Alteration(ref, cell, read) for ref, cell in trial.cells.items() for read in alter(cell))
    )


def _truncated(trial: Trial) -> Explanation | None:
    read = {reference: truncated(cell) for reference, cell in trial.cells.items() if _is_rounded(cell)}
    if not read:
        return None
    finding = trial.run(read)
    return Explanation("truncated instead of rounded", _gives(finding), finding.verdict == "consistent")


def _gives(finding: Finding) -> str:
    return finding.recomputed or finding.verdict


def _one_cell(trial: Trial, name: str, alterations: Iterable[Alteration]) -> Explanation | None:
    """Whether altering any one cell makes the numbers agree; names the cells where it does."""
    tried = evenly_spaced(tuple(alterations), _TRIED)
    if not tried:
        return None
    # for each cell the altered value nearest to the printed one
    found: dict[str, Alteration] = {}
    for step in sorted(tried, key=lambda step: abs(step.read.value - step.printed.value)):
        if step.reference not in found and trial.run({step.reference: step.read}).verdict == "consistent":
            found[step.reference] = step
    if found:
        in_order = [found[reference] for reference in trial.cells if reference in found]
        value = listing((f"{step.reference}: {step.printed} -> {step.read}" for step in in_order), _SHOWN)
    else:
        value = f"none of {len(tried)} makes them agree"
    return Explanation(name, value, resolves=bool(found))


def truncated(number: PrintedNumber) -> PrintedNumber:
    """The number whose bounds are the values that truncate to what was printed, [v, v + unit] away from zero.

    A zero is read with the sign that is printed, plus where there is none.
    """
    half = Decimal(5).scaleb(-number.decimals - 1)
    return replace(number, value=number.value + half.copy_sign(number.value))


def _neighbours(study: Study, cells: Mapping[str, PrintedNumber]) -> Iterator[Alteration]:
    """Each cell read as the one above or below it in its column."""
    for reference, cell in cells.items():
        table, row, column = reference.split("/")
        printed = study.tables[table].cells
        rows = [name for name, other in printed if other == column and _quantity(name) == _quantity(row)]
        place = rows.index(row)
        for name in rows[max(place - 1, 0) : place] + rows[place + 1 : place + 2]:
            neighbour = printed[name, column]
            if isinstance(neighbour, PrintedNumber) and neighbour.value != cell.value:
                yield Alteration(reference, cell, neighbour)


def _quantity(row: str) -> str:
    """What a row holds, where its name says so: "gdp.t" and "gdp.estimate" are no neighbours, "1.2" and "1.3" are."""
    suffix = row.rpartition(".")[2]
    return suffix if "." in row and suffix.isalpha() else ""

"""Runs the checks that a study declares and accounts for every one of them."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.published.audit import catalogue as _catalogue  # noqa: F401  registers the checks
from bayesgov.published.audit.explanations import Trial, cell_readings
from bayesgov.published.audit.finding import FLAGS, Finding
from bayesgov.published.audit.power import Power, typo_power
from bayesgov.published.audit.registry import CheckKind, Parameter, registered
from bayesgov.published.audit.report import AuditReport, AuditRow
from bayesgov.published.audit.wording import finite
from bayesgov.study import AuditDeclaration, Study

_REFERENCE = re.compile(r"[^\s/]+/[^/]+/[^/]+")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """A check with its arguments bound to printed cells.

    Attributes
    ----------
    id : str
    kind : CheckKind
    arguments : mapping
        Keyword arguments of the check.
    references : mapping
        Argument name -> references as declared.
    unusable : tuple of str
        What stands in the way of running it: "7/1/p is printed empty".
    place : str
    """

    id: str
    kind: CheckKind
    arguments: Mapping[str, Any]
    references: Mapping[str, tuple[str, ...]]
    unusable: tuple[str, ...]
    place: str


def audit(study: Study, *, power: bool = True) -> AuditReport:
    """Run every check that the study declares.

    Parameters
    ----------
    study : Study
    power : bool
        Whether to evaluate each check's power to catch a one-digit typo (most of the run time).

    Returns
    -------
    AuditReport
        One row per declared check, in the order of declaration.

    Raises
    ------
    InputError
        If a declaration names an unknown check, lacks an argument or refers to a cell that does not exist.
    """
    bound = [check for declaration in study.audit for check in _expand(study, declaration)]
    repeated = [name for name, count in Counter(check.id for check in bound).items() if count > 1]
    if repeated:
        raise InputError(f"{_where(study, repeated[0])} the id stands twice; give each check its own")
    return AuditReport(study.key, tuple(_run(study, check, power) for check in bound))


def _run(study: Study, bound: BoundCheck, with_power: bool) -> AuditRow:
    finding = _find(study, bound)
    power = typo_power(bound.kind, bound.arguments, bound.references, finding) if with_power else Power(None)
    references = tuple(dict.fromkeys(itertools.chain.from_iterable(bound.references.values())))
    return AuditRow(
        id=bound.id,
        source=(*references, bound.place),
        kind=bound.kind.name,
        reported=finding.reported,
        recomputed=finding.recomputed,
        low=None if finding.low is None else finite(finding.low),
        high=None if finding.high is None else finite(finding.high),
        verdict=finding.verdict,
        explanations=finding.explanations,
        note=" ".join(part for part in (finding.note, power.reason) if part),
        power=power.share,
    )


def _find(study: Study, bound: BoundCheck) -> Finding:
    if bound.kind.classical and study.inference != "classical":
        note = f"an identity of classical inference; the study declares {study.inference} inference."
        return Finding("", "", None, None, "not checkable", note=note)
    if bound.unusable:
        return Finding("", "", None, None, "not checkable", note="; ".join(bound.unusable) + ".")
    try:
        finding = bound.kind.function(**bound.arguments)
    except InputError as error:
        raise InputError(f"{_where(study, bound.id)} {error}") from None
    if finding.verdict not in FLAGS:
        return finding
    own = bound.kind.explain(**bound.arguments) if bound.kind.explain else ()
    trial = Trial(bound.kind, bound.arguments, bound.references)
    return replace(finding, explanations=(*finding.explanations, *own, *cell_readings(study, trial)))


def _expand(study: Study, declaration: AuditDeclaration) -> Iterator[BoundCheck]:
    names = tuple(declaration.over)
    for values in itertools.product(*declaration.over.values()):
        yield _bind(study, declaration, dict(zip(names, values, strict=True)))


def _bind(study: Study, declaration: AuditDeclaration, over: Mapping[str, str]) -> BoundCheck:
    identifier = _fill(declaration.id, over)
    where = _where(study, identifier)
    for value in (declaration.id, *_strings(tuple(declaration.arguments.values()))):
        unknown = [name for name in _PLACEHOLDER.findall(value) if name not in over]
        if unknown:
            raise InputError(f"{where} placeholder {{{unknown[0]}}} has no values; add over.{unknown[0]} = [...]")
    kinds = registered()
    if declaration.check not in kinds:
        raise InputError(f"{where} check {declaration.check!r} is not known; checks: {', '.join(sorted(kinds))}")
    kind = kinds[declaration.check]
    given = {name: _fill(value, over) for name, value in declaration.arguments.items()}
    place = str(given.pop("place", ""))
    _match_names(where, kind, given)
    arguments: dict[str, Any] = {}
    references: dict[str, tuple[str, ...]] = {}
    unusable: list[str] = []
    for name, value in given.items():
        arguments[name] = _argument(study, f"{where} argument {name!r}", kind.parameters[name], value, unusable)
        found = tuple(text for text in _strings(value) if _REFERENCE.fullmatch(text))
        if found:
            references[name] = found
    return BoundCheck(identifier, kind, arguments, references, tuple(unusable), place or _place(study, references))


def _where(study: Study, identifier: str) -> str:
    return f"{study.folder}/study.toml: audit {identifier!r}:"


def _fill(value: Any, over: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: over.get(match[1], match[0]), value)
    if isinstance(value, tuple):
        return tuple(_fill(entry, over) for entry in value)
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from _strings(entry)


def _match_names(where: str, kind: CheckKind, given: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in kind.parameters]
    if unknown:
        known = ", ".join(kind.parameters)
        raise InputError(f"{where} check {kind.name!r} has no argument {unknown[0]!r}; its arguments: {known}")
    missing = [name for name, parameter in kind.parameters.items() if parameter.required and name not in given]
    if missing:
        raise InputError(f"{where} check {kind.name!r} needs the argument {missing[0]!r}; add it to the declaration")


def _argument(study: Study, where: str, parameter: Parameter, value: Any, unusable: list[str]) -> Any:
    if parameter.binding == "constant":
        return _constant(study, where, parameter, value)
    references = (value,) if isinstance(value, str) else value
    if not isinstance(references, tuple) or not all(
        isinstance(text, str) and _REFERENCE.fullmatch(text) for text in references
    ):
        raise InputError(f"{where} should be a cell reference table/row/column; got {value!r}")
    cells: dict[str, PrintedNumber | str] = {}
    for reference in references:
        cells |= _cells(study, where, reference)
    if parameter.binding == "cells":
        return cells
    for reference, cell in cells.items():
        if isinstance(cell, str):
            unusable.append(f"{reference} {'holds words' if cell else 'is printed empty'}, a number is needed")
    if parameter.binding == "numbers":
        return cells
    if len(cells) != 1:
        raise InputError(f"{where} should name one cell; {value!r} names {len(cells)}")
    return next(iter(cells.values()))


def _constant(study: Study, where: str, parameter: Parameter, value: Any) -> Any:
    if str in parameter.constant and isinstance(value, str) and _REFERENCE.fullmatch(value):
        return str(next(iter(_cells(study, where, value).values())))
    # bool is an int to Python, not to a reader of the declaration
    if not isinstance(value, parameter.constant) or (isinstance(value, bool) and bool not in parameter.constant):
        wanted = " or ".join(kind.__name__ for kind in parameter.constant)
        raise InputError(f"{where} should be {wanted}; got {value!r}")
    return float(value) if float in parameter.constant and isinstance(value, int) else value


def _cells(study: Study, where: str, reference: str) -> Mapping[str, PrintedNumber | str]:
    table, row, column = reference.split("/")
    if table in study.tables and (row, column) in study.tables[table].cells:
        return {reference: study.tables[table].cells[row, column]}
    try:
        return study.cells(reference)
    except InputError as error:
        raise InputError(f"{where} {str(error).removeprefix(f'{study.folder}: ')}") from None


def _place(study: Study, references: Mapping[str, tuple[str, ...]]) -> str:
    """Where a reader finds the cells: "Table 7", "text"."""
    tables = dict.fromkeys(text.split("/")[0] for group in references.values() for text in group)
    return ", ".join(f"Table {name}" if name.isdigit() else name for name in tables)

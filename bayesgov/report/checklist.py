"""Reporting checklists, filled from what a report really shows.

The guidelines' items are data (``checklists/*.toml``), and so is what answers them (``checklists/evidence.toml``):
patterns over the keys of sections, tables, figures, checks and files. An item is satisfied only where all that it asks
for stands in the report, and links to it; the rest is left to the author, or does not apply and says why.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from bayesgov.report.content import Equation, Paragraph, ReportFigure, ReportTable, Section, StoredFigure, StudyPart
from bayesgov.report.stored import StoredRun

Status = Literal["satisfied", "needs the author", "not applicable"]
STATUSES: tuple[Status, ...] = ("satisfied", "needs the author", "not applicable")
_FOLDER = Path(__file__).parent / "checklists"
_FAILED = "the report shows it, but a diagnostic of a fit fails: mend that first, for example with more draws"
_GUIDELINES = ("barg", "wambs", "robust", "sampl")


class Item(BaseModel):
    """One item of a guideline.

    Attributes
    ----------
    id, asks : str
    shown_by : tuple of str
        Names of evidence, all of which satisfy it; empty where only the author can answer.
    helps : tuple of str
        Names of evidence that the author's own answer can draw on.
    author : str
        What to write where the report does not show it.
    only_with, unless : str
        Evidence with or without which alone the item applies.
    otherwise : str
        Why it does not apply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    asks: str
    author: str
    shown_by: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    only_with: str = ""
    unless: str = ""
    otherwise: str = ""


class Guideline(BaseModel):
    """A published checklist.

    Attributes
    ----------
    name, title : str
    reference : str
        Its key in the bibliography.
    school : {"bayesian", "any"}
        Whose analyses it is about.
    item : tuple of Item
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    title: str
    reference: str
    school: Literal["bayesian", "any"]
    item: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Something on the page that answers an item: its title and its id; ``failed`` where it shows a failed check."""

    title: str
    target: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One item, answered.

    Attributes
    ----------
    item : Item
    status : {"satisfied", "needs the author", "not applicable"}
    places : tuple of Place
        What satisfies it; for an item that needs the author, what is there already, failed checks among it.
    words : str
        What to write, or why the item does not apply; empty where it is satisfied.
    """

    item: Item
    status: Status
    places: tuple[Place, ...]
    words: str


@dataclass(frozen=True, slots=True)
class FilledChecklist:
    """One guideline, answered for one part of a report."""

    guideline: Guideline
    part: StudyPart
    answers: tuple[Answer, ...]

    def count(self, status: Status) -> int:
        """Number of items with this status."""
        return sum(answer.status == status for answer in self.answers)


@functools.cache
def guidelines() -> tuple[Guideline, ...]:
    """Every guideline, Bayesian ones first."""
    return tuple(Guideline(**tomllib.loads((_FOLDER / f"{key}.toml").read_text("utf-8"))) for key in _GUIDELINES)


@functools.cache
def evidence() -> Mapping[str, tuple[str, ...]]:
    """Name -> patterns; the first that is found answers."""
    return {
        name: tuple(patterns)
        for name, patterns in tomllib.loads((_FOLDER / "evidence.toml").read_text("utf-8")).items()
    }


def filled_checklists(run: StoredRun) -> tuple[FilledChecklist, ...]:
    """Every guideline for every part of a run that has a fit."""
    return tuple(
        FilledChecklist(guideline, part, tuple(_answer(item, guideline, part, run) for item in guideline.item))
        for part in run.document.parts
        if part.diagnostics
        for guideline in guidelines()
    )


def guideline_keys(filled: Iterable[FilledChecklist]) -> tuple[str, ...]:
    """Keys of the filled guidelines in the bibliography."""
    return tuple(dict.fromkeys(checklist.guideline.reference for checklist in filled))


def _answer(item: Item, guideline: Guideline, part: StudyPart, run: StoredRun) -> Answer:
    if guideline.school == "bayesian" and all(fit.approach != "bayesian" for fit in part.diagnostics):
        return Answer(item, "not applicable", (), "no posterior was computed")
    if (item.only_with and not _found(item.only_with, part, run)) or (item.unless and _found(item.unless, part, run)):
        return Answer(item, "not applicable", (), item.otherwise)
    found = [_found(name, part, run) for name in item.shown_by]
    helpful = [_found(name, part, run) for name in item.helps]
    places = tuple(dict.fromkeys(place for group in (*found, *helpful) for place in group))
    if any(place.failed for place in places):
        return Answer(item, "needs the author", places, _FAILED)
    if found and all(found):
        return Answer(item, "satisfied", places, "")
    return Answer(item, "needs the author", places, item.author)


def _found(name: str, part: StudyPart, run: StoredRun) -> tuple[Place, ...]:
    """What answers to a name of evidence: the places of its first pattern that is met whole."""
    for pattern in evidence()[name]:
        places = [_first(single, part, run) for single in pattern.split(" & ")]
        if all(places):
            return tuple(place for place in places if place is not None)
    return ()


def _first(pattern: str, part: StudyPart, run: StoredRun) -> Place | None:
    kind, _, name = pattern.partition(":")
    return next((place for key, place in _KINDS[kind](part, run) if fnmatchcase(key, name)), None)


type _Keyed = Iterator[tuple[str, Place]]


def _sections(part: StudyPart, run: StoredRun) -> _Keyed:
    for section in part.sections:
        yield section.key, _section_place(section, part, run)


def _section_place(section: Section, part: StudyPart, run: StoredRun) -> Place:
    return Place(section.title, f"{run.anchor}{part.key}-{section.key}")


def _tables(part: StudyPart, run: StoredRun) -> _Keyed:
    for block in part.blocks:
        if isinstance(block, ReportTable):
            yield block.key, Place(block.title, f"{run.anchor}table-{block.key}")


def _figures(part: StudyPart, run: StoredRun) -> _Keyed:
    for block in part.blocks:
        if isinstance(block, (ReportFigure, StoredFigure)):
            yield block.key, Place(block.title, f"{run.anchor}figure-{block.key}")


def _methods(_part: StudyPart, run: StoredRun) -> _Keyed:
    for section in run.document.methods:
        yield section.key, Place(f"Methods: {section.title}", f"{run.anchor}methods-{section.key}")


def _equations(part: StudyPart, run: StoredRun) -> _Keyed:
    for section in part.sections:
        if any(isinstance(block, Equation) for block in section.blocks):
            yield section.key, _section_place(section, part, run)
    for section in run.document.methods:
        if any(isinstance(block, Equation) for block in section.blocks):
            yield section.key, Place(f"Methods: {section.title}", f"{run.anchor}methods-{section.key}")


def _assumptions(part: StudyPart, run: StoredRun) -> _Keyed:
    for section in part.sections:
        for block in section.blocks:
            if isinstance(block, Paragraph) and block.kind == "assumption":
                yield block.text, _section_place(section, part, run)


def _checks(part: StudyPart, _run: StoredRun) -> _Keyed:
    checks = [check for fit in part.diagnostics for check in fit.checks if check.value is not None]
    for check in sorted(checks, key=lambda check: check.status != "fail"):
        yield check.name, Place("Diagnostics of every fit", "diagnostics", check.status == "fail")


def _provenance(_part: StudyPart, run: StoredRun) -> _Keyed:
    for name in run.document.provenance:
        yield name, Place("Provenance", "provenance")


def _specs(_part: StudyPart, run: StoredRun) -> _Keyed:
    for name in run.specs:
        yield name, Place("Files: specifications", "files")


def _trees(_part: StudyPart, run: StoredRun) -> _Keyed:
    for name in run.trees:
        yield name, Place("Files: fits with their draws", "files")


def _parts(part: StudyPart, run: StoredRun) -> _Keyed:
    yield "source", Place("Data used", f"{run.anchor}{part.key}")
    if part.verdicts:
        yield "verdicts", Place("Verdicts", f"{run.anchor}verdicts-{part.key}")


_KINDS: Mapping[str, Callable[[StudyPart, StoredRun], _Keyed]] = {
    "section": _sections,
    "table": _tables,
    "figure": _figures,
    "methods": _methods,
    "equation": _equations,
    "assumption": _assumptions,
    "check": _checks,
    "provenance": _provenance,
    "spec": _specs,
    "tree": _trees,
    "part": _parts,
}


def checklist_table(filled: Sequence[FilledChecklist]) -> ReportTable:
    """The answers as a table for an appendix."""
    rows = [
        {
            "study": checklist.part.title,
            "guideline": checklist.guideline.name,
            "item": answer.item.id,
            "asks": answer.item.asks,
            "status": answer.status,
            "answer": answer.words or "; ".join(place.title for place in answer.places),
        }
        for checklist in filled
        for answer in checklist.answers
    ]
    caption = (
        "Satisfied: the report shows it, at the place named. Needs the author: what to write. Not applicable: why. "
        "Items in our own words; the guidelines' texts are authoritative."
    )
    columns = ["study", "guideline", "item", "asks", "status", "answer"]
    return ReportTable("reporting-checklist", "Reporting checklist", caption, pd.DataFrame(rows, columns=columns))

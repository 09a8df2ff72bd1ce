"""Slips of a typesetter: the printed cells that a check reads, and one of them altered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bayesgov.printed import PrintedNumber

type Arguments = Mapping[str, Any]
type References = Mapping[str, tuple[str, ...]]


def printed_cells(arguments: Arguments, references: References) -> dict[str, PrintedNumber]:
    """The printed numbers among a check's arguments, by cell reference, each once."""
    cells: dict[str, PrintedNumber] = {}
    for name, value in arguments.items():
        if isinstance(value, PrintedNumber):
            cells[references[name][0]] = value
        elif isinstance(value, Mapping):
            cells |= {reference: cell for reference, cell in value.items() if isinstance(cell, PrintedNumber)}
    return cells


def with_cells(arguments: Arguments, references: References, altered: Mapping[str, PrintedNumber]) -> dict[str, Any]:
    """The arguments with some cells altered, wherever a check reads them."""
    changed = dict(arguments)
    for name, value in arguments.items():
        if isinstance(value, PrintedNumber):
            changed[name] = altered.get(references[name][0], value)
        elif isinstance(value, Mapping):
            changed[name] = {reference: altered.get(reference, cell) for reference, cell in value.items()}
    return changed


def digit_typos(number: PrintedNumber) -> Iterator[PrintedNumber]:
    """Every reading of the number with one digit printed as another; decimals, sign and marks stay."""
    for position, old in enumerate(number.text):
        if old in "0123456789":
            for new in "0123456789":
                if new != old:
                    yield PrintedNumber.parse(number.text[:position] + new + number.text[position + 1 :])


def transpositions(number: PrintedNumber) -> Iterator[PrintedNumber]:
    """Every reading with two neighbouring digits exchanged, the decimal point in its place."""
    places = [position for position, character in enumerate(number.text) if character in "0123456789"]
    for first, second in itertools.pairwise(places):
        text = list(number.text)
        text[first], text[second] = text[second], text[first]
        if text[first] != text[second]:
            yield PrintedNumber.parse("".join(text))


def evenly_spaced[Entry](entries: Sequence[Entry], limit: int) -> Sequence[Entry]:
    """At most ``limit`` entries, evenly spaced, in order; all of them where they are no more."""
    if len(entries) <= limit:
        return entries
    return [entries[k * len(entries) // limit] for k in range(limit)]

"""Slips of a typesetter: the printed cells that a check reads, and one of them altered."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bayesgov.printed import PrintedNumber

type Arguments = Mapping[str, Any]
type References = Mapping[str, tuple[str, ...]]

_DIGITS = "0123456789"
_LEADING_ZERO = re.compile(r"(?<![\d.,])0[\d,]")


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
            changed[name] = {**value, **{reference: cell for reference, cell in altered.items() if reference in value}}
    return changed


@functools.lru_cache(maxsize=4096)
def digit_typos(number: PrintedNumber) -> tuple[PrintedNumber, ...]:
    """Every reading of the number with one digit printed as another; decimals, sign and marks stay."""
    text = number.text
    return _numbers(
        text[:position] + digit + text[position + 1 :]
        for position, old in enumerate(text)
        if old in _DIGITS
        for digit in _DIGITS
        if digit != old
    )


def transpositions(number: PrintedNumber) -> tuple[PrintedNumber, ...]:
    """Every reading with two neighbouring digits exchanged, the decimal point in its place."""
    text = number.text
    places = [position for position, character in enumerate(text) if character in _DIGITS]
    return _numbers(
        text[:first] + text[second] + text[first + 1 : second] + text[first] + text[second + 1 :]
        for first, second in itertools.pairwise(places)
        if text[first] != text[second]
    )


def _numbers(texts: Iterable[str]) -> tuple[PrintedNumber, ...]:
    """Those texts that a table would print: 14 has no reading 04."""
    return tuple(PrintedNumber.parse(text) for text in texts if not _LEADING_ZERO.search(text))


def evenly_spaced[Entry](entries: Sequence[Entry], limit: int) -> Sequence[Entry]:
    """At most ``limit`` entries, evenly spaced, in order; all of them where they are no more."""
    if len(entries) <= limit:
        return entries
    return [entries[k * len(entries) // limit] for k in range(limit)]

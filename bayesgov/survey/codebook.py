"""The codebook applied: codes to labels, codes that mean missing to missing, levels in their order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from bayesgov.data import categorical, code_text
from bayesgov.errors import InputError
from bayesgov.survey.spec import VariableSpec

_MOST_LEVELS = 100  # of an ordinal variable whose levels are not declared
_MOST_NAMED = 5  # offending values in one message


@dataclass(frozen=True, slots=True)
class MissingCode:
    """Rows of one variable that hold one code for missing.

    Attributes
    ----------
    variable, code : str
        The code as the codebook writes it.
    rows : int
        0 where the code never occurs.
    """

    variable: str
    code: str
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class CodedData:
    """Data with the codebook applied.

    Attributes
    ----------
    frame : pandas.DataFrame
        Ordinal variables as ordered categories, nominal ones as unordered categories with the reference level first,
        continuous ones as floats.
    missing : tuple of MissingCode
    """

    frame: pd.DataFrame
    missing: tuple[MissingCode, ...]


def apply_codebook(
    frame: pd.DataFrame,
    variables: Mapping[str, VariableSpec],
    value_labels: Mapping[str, Mapping[str, str]] | None = None,
) -> CodedData:
    """Recode the variables that the codebook names; the other columns stay as they are.

    Parameters
    ----------
    frame : pandas.DataFrame
    variables : mapping of str to VariableSpec
        Codes match as numbers and as text: 1, 1.0 and "1" are one code.
    value_labels : mapping of str to mapping of str to str, optional
        Labels by code and column as in :class:`bayesgov.data.Table`; with them the codebook may name a value by its
        code where the frame holds its label.

    Raises
    ------
    InputError
        If a variable is no column, or has values that its levels do not include.
    """
    require_columns(variables, frame, "the codebook")
    columns: dict[str, pd.Series] = {}
    missing: list[MissingCode] = []
    for name, entry in variables.items():
        codes = dict((value_labels or {}).get(name, {}))
        columns[name], counted = _recoded(frame[name], name, entry, codes)
        missing += counted
    return CodedData(frame.assign(**columns), tuple(missing))


def require_columns(names: Iterable[str], frame: pd.DataFrame, source: str) -> None:
    """InputError, with the nearest names, for the first name that is no column."""
    columns = [str(name) for name in frame.columns]
    for name in names:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=3)
            among = f"nearest: {', '.join(near)}" if near else f"columns: {', '.join(columns[:20])}"
            raise InputError(f"{source} names {name!r}, which is no column of the data; {among}")


def sorted_values(values: Iterable[object]) -> list[object]:
    """Values in order: numbers, and text that holds numbers, by size; other text by the alphabet."""
    listed = list(values)
    try:
        return sorted(listed, key=lambda value: float(str(value)))
    except ValueError:
        return sorted(listed, key=str)


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """The distinct values of a column.

    ``codes`` has one entry for each row, -1 for missing; ``texts``, ``meaning`` and ``rows`` one for each distinct
    value, and ``meaning`` is None where the codebook says that the value means missing.
    """

    codes: np.ndarray
    texts: list[str]
    meaning: list[str | None]
    rows: np.ndarray


def _recoded(
    column: pd.Series, name: str, entry: VariableSpec, labels: Mapping[str, str]
) -> tuple[pd.Series, list[MissingCode]]:
    if types.is_datetime64_any_dtype(column):
        raise InputError(f"variable {name} holds dates; make a number or a category of them first")
    levels = _declared_levels(entry)
    numeric = types.is_numeric_dtype(column)
    if numeric and not levels and entry.kind in (None, "continuous"):
        return _numbers(column, name, entry, labels)
    values, counted = _meanings(column, name, entry, labels)
    if not levels and entry.kind in (None, "continuous"):
        return _undeclared(column, values, name, entry), counted
    if not levels:
        levels = _observed_levels(column, values, name, ordinal=entry.kind == "ordinal")
    position = {code_text(level): place for place, level in enumerate(levels)}
    places = np.array([-1 if value is None else position.get(code_text(value), -2) for value in values.meaning] + [-1])
    _require_declared(values, places, name, levels)
    return categorical(places[values.codes], levels, ordered=entry.kind == "ordinal", index=column.index), counted


def _declared_levels(entry: VariableSpec) -> list[str]:
    missing = {code_text(code) for code in entry.missing}
    return list(entry.levels) or list(dict.fromkeys(v for v in entry.values.values() if code_text(v) not in missing))


def _numbers(
    column: pd.Series, name: str, entry: VariableSpec, labels: Mapping[str, str]
) -> tuple[pd.Series, list[MissingCode]]:
    """A column of numbers as floats; done in one sweep because it may have as many values as rows."""
    result = column.astype(float)
    codes_of: dict[str, list[str]] = {}
    for code, label in labels.items():
        codes_of.setdefault(label, []).append(code)
    counted = []
    for code in entry.missing:
        numbers = [number for text in (code, *codes_of.get(code, [])) if (number := _number(text)) is not None]
        hit = np.isin(column.to_numpy(dtype=float, na_value=np.nan), numbers)
        counted.append(MissingCode(name, code, int(hit.sum())))
        result = result.mask(hit)
    return result, counted


def _meanings(
    column: pd.Series, name: str, entry: VariableSpec, labels: Mapping[str, str]
) -> tuple[_Values, list[MissingCode]]:
    codes, uniques = pd.factorize(column)
    rows = np.bincount(codes[codes >= 0], minlength=len(uniques))
    code_of = {label: code for code, label in labels.items()}
    values = {code_text(code): label for code, label in entry.values.items()}
    found: list[str | None] = []
    counts = dict.fromkeys(entry.missing, 0)
    for value, n_rows in zip(uniques, rows.tolist(), strict=True):
        text = code_text(value)
        code = code_of.get(text, text)  # a value of a file with labels answers to its code as well
        meaning = values.get(text, values.get(code, text))
        means_missing = [m for m in entry.missing if code_text(m) in (text, code, meaning)]
        if means_missing:
            counts[means_missing[0]] += n_rows
        found.append(None if means_missing else meaning)
    return _Values(codes, [code_text(value) for value in uniques], found, rows), [
        MissingCode(name, code, count) for code, count in counts.items()
    ]


def _undeclared(column: pd.Series, values: _Values, name: str, entry: VariableSpec) -> pd.Series:
    """Text without declared levels: numbers if all of it is numbers, otherwise as it was without what means missing."""
    numbers = [None if value is None else _number(value) for value in values.meaning]
    wrong = [v for v, number in zip(values.meaning, numbers, strict=True) if v is not None and number is None]
    if entry.kind == "continuous" and wrong:
        raise InputError(
            f"variable {name} is continuous but holds {_listed(wrong)}; declare what means missing, or another kind"
        )
    if entry.kind == "continuous" or (not wrong and not isinstance(column.dtype, pd.CategoricalDtype)):
        known = np.array([np.nan if number is None else number for number in numbers] + [np.nan])
        return pd.Series(known[values.codes], index=column.index)
    is_missing = np.array([value is None for value in values.meaning] + [True])
    kept = column.mask(is_missing[values.codes])
    if isinstance(kept.dtype, pd.CategoricalDtype):
        distinct = column.dropna().unique()
        gone = {value for value, meaning in zip(distinct, values.meaning, strict=True) if meaning is None}
        kept = kept.cat.set_categories([value for value in kept.cat.categories if value not in gone])
    return kept


def _observed_levels(column: pd.Series, values: _Values, name: str, *, ordinal: bool) -> list[str]:
    """Levels that the codebook leaves to the data: the categories' order, or the order of the numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        gone = {text for text, meaning in zip(values.texts, values.meaning, strict=True) if meaning is None}
        known = [text for value in column.cat.categories if (text := code_text(value)) not in gone]
        if column.cat.ordered or not ordinal or known != sorted(known):
            return known  # somebody chose this order; the alphabet is what pandas takes for want of one
    else:
        known = [value for value in values.meaning if value is not None]
    ordered = [str(value) for value in sorted_values(dict.fromkeys(known))]
    return _ordinal_levels(ordered, name) if ordinal else ordered


def _ordinal_levels(ordered: list[str], name: str) -> list[str]:
    """Numbers as levels; InputError for words, which have no order of their own, and for measurements."""
    numbers = [number for value in ordered if (number := _number(value)) is not None]
    if len(numbers) < len(ordered):
        raise InputError(
            f"the order of {name}'s levels is not known ({_listed(ordered)}): give levels = [...], lowest first"
        )
    if len(ordered) > _MOST_LEVELS:
        raise InputError(
            f"variable {name} has {len(ordered)} distinct values, too many for levels; it looks continuous"
        )
    if all(number.is_integer() for number in numbers) and numbers and numbers[-1] - numbers[0] < _MOST_LEVELS:
        # an integer that nobody chose is a level all the same
        return [str(level) for level in range(int(numbers[0]), int(numbers[-1]) + 1)]
    return ordered


def _require_declared(values: _Values, places: np.ndarray, name: str, levels: list[str]) -> None:
    outside = [
        f"{value!r} ({n_rows} {'row' if n_rows == 1 else 'rows'})"
        for value, place, n_rows in zip(values.meaning, places, values.rows.tolist(), strict=False)
        if place == -2
    ]
    if outside:
        raise InputError(
            f"variable {name} holds {_listed(outside)}, outside its levels {', '.join(levels)}; "
            "add to levels or values, or to missing"
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")

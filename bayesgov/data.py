"""Tables in: CSV, Parquet, Stata and SPSS files, and frames of other libraries, as pandas frames with provenance."""

from __future__ import annotations

import csv
import hashlib
import importlib
import struct
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from bayesgov.errors import InputError

# What an empty cell of a CSV file looks like: nothing, R's NA, pandas' NaN. "None" and "n/a" may be answers.
EMPTY_CELLS = ("", "NA", "NaN", "nan")
_STATA_MISSING = 2**31 - 27  # codes from here on are Stata's ., .a, ..., .z


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of a file and what the file says about them.

    Attributes
    ----------
    name : str
        The file's name.
    frame : pandas.DataFrame
        Codes replaced by their value labels (an ordered category in the order of the codes) in every column whose
        observed values all have one; a column with labels for some values only, such as an age with a label for 999,
        keeps its numbers. Missing and user-missing values are NaN.
    checksum : str
        SHA-256 of the file; of the frame's values where there is no file.
    labels : mapping of str to str
        Question texts by column, where the file has them.
    value_labels : mapping of str to mapping of str to str
        By column, the label of each code, so that a codebook may go by either.
    missing : mapping of str to mapping of str to int
        By column, rows with each user-missing value (SPSS) or extended missing value (Stata's .a to .z).
    """

    name: str
    frame: pd.DataFrame
    checksum: str
    labels: Mapping[str, str] = field(default_factory=dict)
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    missing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@runtime_checkable
class ArrowStream(Protocol):
    """What pyarrow, polars and others offer: the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def code_text(value: object) -> str:
    """A code as text, so that 1, 1.0, "1" and "1.0" are one code."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    digits, _, decimals = text.partition(".")
    return digits if decimals and not decimals.strip("0") and digits.lstrip("+-").isdigit() else text


def categorical(codes: np.ndarray, levels: Sequence[str], *, ordered: bool, index: pd.Index | None = None) -> pd.Series:
    """A column of categories from codes into ``levels``, -1 for missing."""
    values = pd.Categorical.from_codes(codes.astype(np.int64), categories=pd.Index(list(levels)), ordered=ordered)
    return pd.Series(values, index=index)


def read_table(path: Path | str) -> Table:
    """Read a table; the suffix says how: .csv, .tsv, .parquet, .dta (Stata) or .sav (SPSS).

    CSV is UTF-8 with commas (tabs for .tsv) and a header line; empty cells, ``NA`` and ``NaN`` are missing.

    Raises
    ------
    InputError
        If the file does not exist, has another suffix, no rows, a column name twice or content that is not what the
        suffix says, or if the library that reads it is not installed.
    """
    path = Path(path)
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet, ".dta": _read_stata, ".sav": _read_spss}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: data files end in {', '.join(readers)}; got {path.suffix or 'no suffix'}")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    table = reader(path)
    _require_rows(table.frame, str(path))
    return table


def as_frame(data: Any) -> pd.DataFrame:
    """A pandas frame of ``data``: pandas itself, a :class:`Table`, or anything that speaks Arrow (pyarrow, polars).

    Raises
    ------
    InputError
        If ``data`` is none of these, has no rows or a column name twice.
    """
    if isinstance(data, Table):
        return data.frame
    if isinstance(data, ArrowStream) and not isinstance(data, pd.DataFrame):
        data = _from_arrow(_optional("pyarrow", "data of another library").table(data))
    if not isinstance(data, pd.DataFrame):
        raise InputError(
            f"data should be a pandas frame or speak Arrow as polars and pyarrow do; got {type(data).__name__}"
        )
    _require_rows(data, "data")
    return data.set_axis([str(name) for name in data.columns], axis=1)


def as_table(data: Any) -> Table:
    """``data`` as a :class:`Table`; one made from a frame has the checksum of its values.

    Raises
    ------
    InputError
        As in :func:`as_frame`.
    """
    if isinstance(data, Table):
        return data
    frame = as_frame(data)
    digest = hashlib.sha256(repr([(str(name), str(kind)) for name, kind in frame.dtypes.items()]).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return Table(name="data frame", frame=frame, checksum=digest.hexdigest())


def _read_csv(path: Path) -> Table:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file, delimiter=separator), [])
        if len(header) == 1 and ";" in header[0]:
            raise InputError(f"{path}: columns should be separated by commas; they seem to be separated by semicolons")
        _require_unique(header, str(path))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=separator,
                encoding="utf-8-sig",
                keep_default_na=False,
                na_values=list(EMPTY_CELLS),
                low_memory=False,
                index_col=False,
            )
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8") from None
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: the file is empty") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: some rows do not have the header's {len(header)} columns: {reason}") from None
    return Table(path.name, frame, _checksum(path))


def _read_parquet(path: Path) -> Table:
    arrow, parquet = _optional("pyarrow", "Parquet files"), _optional("pyarrow.parquet", "Parquet files")
    try:
        frame = _from_arrow(parquet.read_table(path))
    except (arrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}") from None
    return Table(path.name, frame, _checksum(path))


def _from_arrow(table: Any) -> pd.DataFrame:
    """A pandas frame of an Arrow table.

    Unordered categories that pandas did not write become text: others list them as they come, which is no order that
    anybody chose.
    """
    frame: pd.DataFrame = table.to_pandas()
    if table.schema.pandas_metadata is None:
        for name, dtype in frame.dtypes.items():
            if isinstance(dtype, pd.CategoricalDtype) and not dtype.ordered:
                frame[name] = frame[name].astype(dtype.categories.dtype)
    return frame


def _read_stata(path: Path) -> Table:
    try:
        with pd.read_stata(path, iterator=True) as stream:
            reader: Any = stream
            frame = reader.read(convert_categoricals=False)
            sets = reader.value_labels()
            # pandas names the label set of each column only here
            owner = dict(zip(reader._varlist, reader._lbllist, strict=True))
            labels = {name: label for name, label in reader.variable_labels().items() if label}
    except (ValueError, struct.error, OSError) as error:
        raise InputError(f"{path}: not a readable Stata file: {error}") from None
    value_labels = {
        name: _by_code({code: label for code, label in sets[key].items() if code < _STATA_MISSING})
        for name, key in owner.items()
        if key in sets
    }
    incomplete = [name for name in frame if frame[name].isna().any() and pd.api.types.is_numeric_dtype(frame[name])]
    missing = {}
    if incomplete:
        coded = pd.read_stata(path, columns=incomplete, convert_categoricals=False, convert_missing=True)
        for name in incomplete:
            counts = Counter(str(value) for value in coded.loc[frame[name].isna(), name])
            missing[str(name)] = {code: rows for code, rows in sorted(counts.items()) if code != "."}
    frame = _labelled(frame, value_labels)
    return Table(
        path.name, frame, _checksum(path), labels, value_labels, {name: rows for name, rows in missing.items() if rows}
    )


def _read_spss(path: Path) -> Table:
    spss = _optional("pyreadstat", "SPSS files")
    try:
        frame, meta = spss.read_sav(str(path), user_missing=True)
    except (spss.ReadstatError, spss.PyreadstatError, OSError) as error:
        raise InputError(f"{path}: not a readable SPSS file: {error}") from None
    value_labels = {name: _by_code(pairs) for name, pairs in meta.variable_value_labels.items()}
    valid, missing = dict(value_labels), {}
    for name, ranges in meta.missing_ranges.items():
        declared = _within(frame[name], ranges)
        counts = frame.loc[declared, name].value_counts().sort_index()
        if len(counts):
            missing[name] = {code_text(code): int(rows) for code, rows in counts.items()}
        frame[name] = frame[name].mask(declared)
        valid[name] = _by_code(
            {c: label for c, label in meta.variable_value_labels.get(name, {}).items() if not _is_within(c, ranges)}
        )
    labels = {name: label for name, label in meta.column_names_to_labels.items() if label}
    return Table(path.name, _labelled(frame, valid), _checksum(path), labels, value_labels, missing)


def _within(column: pd.Series, ranges: list[dict[str, Any]]) -> np.ndarray:
    """Rows whose value lies in one of SPSS's ranges of user-missing values."""
    uniques = {value: _is_within(value, ranges) for value in column.dropna().unique()}
    return column.map(uniques).fillna(False).to_numpy(dtype=bool)


def _is_within(value: Any, ranges: list[dict[str, Any]]) -> bool:
    return any(limits["lo"] <= value <= limits["hi"] for limits in ranges)


def _by_code(pairs: Mapping[Any, str]) -> dict[str, str]:
    """Labels by the text of their codes, in the order of the codes; labels that two codes share carry the code."""
    counts = Counter(pairs.values())
    return {
        code_text(code): label if counts[label] == 1 else f"{label} ({code_text(code)})"
        for code, label in sorted(pairs.items())
    }


def _labelled(frame: pd.DataFrame, value_labels: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """The frame with labels for codes in the columns where every observed code has one, and blank text as missing."""
    replaced: dict[str, Any] = {
        str(name): frame[name].mask(frame[name] == "")  # neither program has a missing text other than blanks
        for name in frame
        if pd.api.types.is_string_dtype(frame[name])
    }
    for name, labels in value_labels.items():
        codes, uniques = pd.factorize(frame[name])
        texts = [code_text(value) for value in uniques]
        if texts and all(text in labels for text in texts):
            order = {text: position for position, text in enumerate(labels)}
            positions = np.array([*(order[text] for text in texts), -1])  # factorize gives -1 to a missing value
            replaced[name] = categorical(positions[codes], list(labels.values()), ordered=True, index=frame.index)
    return frame.assign(**replaced)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _optional(module: str, purpose: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(f"{purpose} need {module}, which is not installed: pip install 'bayesgov[io]'") from None


def _require_rows(frame: pd.DataFrame, source: str) -> None:
    _require_unique([str(name) for name in frame.columns], source)
    if frame.empty:
        raise InputError(f"{source}: a table needs rows and columns; it has {len(frame)} and {frame.shape[1]}")


def _require_unique(names: list[str], source: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise InputError(f"{source}: column names should differ; {', '.join(map(repr, twice))} appears more than once")

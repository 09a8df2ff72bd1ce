"""A Study: a paper's citation, codebook, printed tables, audit declarations and claims, read from one folder.

A study folder holds ``study.toml`` (citation, codebook, sample, tables, audit), ``claims.toml`` and the tables as
tidy CSV with the columns ``table, row, column, printed, decimals``; two studies ship with the package under
``models/``. Everything is validated on reading, and what is wrong is said in one line.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.resources
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber

TABLE_COLUMNS = ("table", "row", "column", "printed", "decimals")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Citation(_Record):
    """Where the printed numbers come from."""

    title: str
    authors: tuple[str, ...] = Field(min_length=1)
    affiliation: str = ""
    journal: str = ""
    year: int | None = None
    doi: str = ""


class Item(_Record):
    """One row variable of the codebook: a survey item, a regression term."""

    id: str
    label: str
    dimension: str = ""
    options: tuple[str, ...] = ()


class Group(_Record):
    """One group that the tables' columns stand for: an outcome grade, a region."""

    id: str
    label: str


class TableSource(_Record):
    """One printed table and the CSV file that holds it."""

    id: str
    file: str
    caption: str
    place: str = ""


class AuditDeclaration(BaseModel):
    """One check applied to cells of the tables; every further key is an argument of that check.

    ``over`` maps placeholder names to values: the declaration is repeated for every combination, with
    ``{name}`` replaced in every string argument.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    check: str
    id: str
    over: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def arguments(self) -> Mapping[str, Any]:
        return dict(self.model_extra or {})


class _StudyFile(_Record):
    key: str
    summary: str
    inference: Literal["classical", "robust", "clustered", "weighted"]
    inference_note: str = ""
    citation: Citation
    dimensions: tuple[Group, ...] = ()
    items: tuple[Item, ...] = ()
    groups: tuple[Group, ...] = ()
    sample: dict[str, int] = Field(default_factory=dict)
    thresholds: dict[str, float] = Field(default_factory=dict)
    tables: tuple[TableSource, ...] = Field(min_length=1)
    audit: tuple[AuditDeclaration, ...] = ()


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """One printed table: cells by (row, column), in printed order.

    A cell is a :class:`PrintedNumber`, or the printed text where the table holds words, or ``""`` where the paper
    prints nothing.
    """

    id: str
    caption: str
    cells: Mapping[tuple[str, str], PrintedNumber | str]

    def select(self, row: str, column: str) -> dict[tuple[str, str], PrintedNumber | str]:
        """Cells whose row and column match the shell patterns, in printed order."""
        return {
            key: cell for key, cell in self.cells.items() if fnmatchcase(key[0], row) and fnmatchcase(key[1], column)
        }

    def frame(self) -> pd.DataFrame:
        """The table as printed text, rows × columns (missing cells are empty)."""
        rows = list(dict.fromkeys(row for row, _ in self.cells))
        columns = list(dict.fromkeys(column for _, column in self.cells))
        return pd.DataFrame(
            [[str(self.cells.get((row, column), "")) for column in columns] for row in rows],
            index=pd.Index(rows, name="row"),
            columns=columns,
        )


@dataclass(frozen=True, slots=True)
class Study:
    """A published study as this package sees it.

    Attributes
    ----------
    folder : Path
        Where it was read from.
    checksum : str
        SHA-256 over every file read, for provenance.
    """

    folder: Path
    key: str
    summary: str
    inference: str
    inference_note: str
    citation: Citation
    dimensions: tuple[Group, ...]
    items: tuple[Item, ...]
    groups: tuple[Group, ...]
    sample: Mapping[str, int]
    thresholds: Mapping[str, float]
    tables: Mapping[str, PrintedTable]
    audit: tuple[AuditDeclaration, ...]
    checksum: str
    files: tuple[Path, ...] = field(repr=False)

    def cells(self, reference: str) -> dict[str, PrintedNumber | str]:
        """Cells under a reference ``table/row/column``, where row and column may hold ``*`` patterns.

        Returns
        -------
        dict
            ``{"table/row/column": cell}`` in printed order.

        Raises
        ------
        InputError
            If the table does not exist or no cell matches.
        """
        parts = reference.split("/")
        if len(parts) != 3:
            raise InputError(f"a cell reference is written table/row/column; got {reference!r}")
        table_id, row, column = parts
        if table_id not in self.tables:
            raise InputError(
                f"{self.folder}: no table {table_id!r} (reference {reference!r}); tables: {', '.join(self.tables)}"
            )
        found = self.tables[table_id].select(row, column)
        if not found:
            raise InputError(
                f"{self.folder}: no cell matches {reference!r}; look at the rows and columns of table {table_id}"
            )
        return {f"{table_id}/{r}/{c}": cell for (r, c), cell in found.items()}

    def number(self, reference: str) -> PrintedNumber:
        """The one printed number at ``table/row/column``; InputError if it is missing or not a number."""
        found = list(self.cells(reference).values())
        if len(found) != 1 or not isinstance(found[0], PrintedNumber):
            raise InputError(
                f"{self.folder}: {reference!r} should name one printed number; it names {len(found)} cell(s)"
            )
        return found[0]

    def label(self, identifier: str) -> str:
        """The codebook's label of an item, group or dimension; the identifier itself if it has none."""
        entries: tuple[Item | Group, ...] = (*self.items, *self.groups, *self.dimensions)
        return next((entry.label for entry in entries if entry.id == identifier), identifier)


def models_folder() -> Path:
    """The folder of the studies that ship with the package: in the wheel, or at the top of a checkout."""
    package = Path(str(importlib.resources.files("bayesgov")))
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def shipped_studies() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in models_folder().glob("*/study.toml")))


def load_study(name_or_folder: str | Path) -> Study:
    """Read a study by the name of a shipped one or by its folder.

    Raises
    ------
    InputError
        If a file is missing, is not valid TOML or CSV, lacks a field, or holds a cell that is no printed number.
    """
    folder = _find_folder(name_or_folder)
    path = folder / "study.toml"
    parsed = read_toml(path, _StudyFile)
    files = [path]
    tables: dict[str, PrintedTable] = {}
    for source in parsed.tables:
        tables[source.id] = _read_table(folder / source.file, source, tables.get(source.id))
        files.append(folder / source.file)
    claims = folder / "claims.toml"
    if claims.is_file():
        files.append(claims)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return Study(
        folder=folder,
        key=parsed.key,
        summary=parsed.summary,
        inference=parsed.inference,
        inference_note=parsed.inference_note,
        citation=parsed.citation,
        dimensions=parsed.dimensions,
        items=parsed.items,
        groups=parsed.groups,
        sample=parsed.sample,
        thresholds=parsed.thresholds,
        tables=tables,
        audit=parsed.audit,
        checksum=digest.hexdigest(),
        files=tuple(files),
    )


def _find_folder(name_or_folder: str | Path) -> Path:
    if str(name_or_folder) in shipped_studies():
        return models_folder() / str(name_or_folder)
    folder = Path(name_or_folder)
    if (folder / "study.toml").is_file():
        return folder
    raise InputError(
        f"a study was wanted ({', '.join(shipped_studies())}, or a folder with study.toml); got {str(name_or_folder)!r}"
    )


def read_toml[Model: BaseModel](path: str | Path, model: type[Model]) -> Model:
    """Read and validate a TOML file; the first thing wrong with it is named in one line.

    Validators that read a file beside it find its folder as ``info.context["folder"]``.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: file not found") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML ({error})") from None
    try:
        return model.model_validate(_tuples(content), context={"folder": path.parent})
    except ValidationError as error:
        raise InputError(f"{path}: {_first_problem(error)}") from None


def _tuples(value: Any) -> Any:
    """TOML arrays become tuples, which strict frozen models want."""
    if isinstance(value, list):
        return tuple(_tuples(entry) for entry in value)
    if isinstance(value, dict):
        return {key: _tuples(entry) for key, entry in value.items()}
    return value


def _first_problem(error: ValidationError) -> str:
    problems = error.errors()
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    if first["type"] == "missing":
        return f"field {where!r} is missing: add it{more}"
    if first["type"] == "extra_forbidden":
        return f"field {where!r} is not known: remove it or check its spelling{more}"
    if first["type"] == "value_error":  # a validator's own sentence says what it got
        return f"{f'field {where!r}: ' if where else ''}{first['ctx']['error']}{more}"
    return f"field {where!r}: {first['msg'].lower()}; got {first['input']!r}{more}"


def _read_table(path: Path, source: TableSource, earlier: PrintedTable | None) -> PrintedTable:
    cells: dict[tuple[str, str], PrintedNumber | str] = dict(earlier.cells) if earlier else {}
    for line, record in _records(path):
        if record["table"] != source.id:
            raise InputError(f"{path}:{line}: table should be {source.id!r} as in study.toml; got {record['table']!r}")
        key = (record["row"], record["column"])
        if key in cells:
            raise InputError(f"{path}:{line}: row {key[0]!r}, column {key[1]!r} stands twice; keep one")
        cells[key] = _cell(record["printed"], record["decimals"], f"{path}:{line}")
    if not cells:
        raise InputError(f"{path}: the table has no rows")
    return PrintedTable(id=source.id, caption=source.caption, cells=cells)


def _records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: file not found; study.toml names it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    reader = csv.reader(text.splitlines())
    header = next(reader, [])
    if tuple(header) != TABLE_COLUMNS:
        raise InputError(f"{path}: the header should be {','.join(TABLE_COLUMNS)}; got {','.join(header)!r}")
    for row in reader:
        if len(row) != len(TABLE_COLUMNS):
            raise InputError(f"{path}:{reader.line_num}: {len(TABLE_COLUMNS)} columns wanted; got {len(row)}")
        yield reader.line_num, dict(zip(TABLE_COLUMNS, row, strict=True))


def _cell(printed: str, decimals: str, where: str) -> PrintedNumber | str:
    if decimals == "":  # words, or a cell that the paper left empty
        return printed
    try:
        number = PrintedNumber.parse(printed)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if str(number.decimals) != decimals:
        raise InputError(
            f"{where}: {printed!r} prints {number.decimals} decimals; the column decimals says {decimals!r}"
        )
    return number

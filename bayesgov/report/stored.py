"""A report as files: ``content.json`` keeps its structure, from which the page is written, at once or later.

The numbers stay where they are: a table's in ``tables/KEY.csv``, a drawing in ``figures/KEY.svg``, an audit in
``audit-STUDY.json``, rulings in ``verdicts.json``. ``content.json`` holds the words and the order, and which type each
column of a CSV has, so that a table reads back as it was written.
"""

from __future__ import annotations

import csv
import json
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from bayesgov.errors import InputError
from bayesgov.fits import Check
from bayesgov.published.audit import AuditReport, AuditRow
from bayesgov.report.content import (
    Block,
    Document,
    Equation,
    FitDiagnostics,
    Paragraph,
    ReportFigure,
    ReportTable,
    Section,
    StoredFigure,
    StudyPart,
)
from bayesgov.report.tables import with_index
from bayesgov.runs import PROVENANCE
from bayesgov.verdicts import ClaimVerdict

CONTENT = "content.json"
VERDICTS = "verdicts.json"
_FORMAT = 1
_FIGURE_WORDS = ("key", "title", "caption", "reading", "description")
_TABLE_WORDS = ("key", "title", "caption", "digits", "folded")
_PART_WORDS = ("key", "title", "citation", "source", "summary")
_AUDIT_ROWS = TypeAdapter(tuple[AuditRow, ...])
_CLAIMS = TypeAdapter(dict[str, tuple[ClaimVerdict, ...]])
_CHECKS = TypeAdapter(tuple[Check, ...])
_TRUTH = {"True": True, "False": False, "": None}


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run folder as a page shows it.

    Attributes
    ----------
    document : Document
        Its figures are :class:`StoredFigure`.
    trees, specs : tuple of str
        File names in ``trees/`` and ``spec/``.
    anchor : str
        Put before every id, so that several runs can stand on one page.
    base : str
        Way from the page to the folder, empty where they are together, else ending in a slash.
    """

    document: Document
    trees: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    anchor: str = ""
    base: str = ""


def write_content(folder: Path, document: Document, trees: Sequence[str], specs: Sequence[str]) -> None:
    """Write ``content.json``, the provenance, the audits and the rulings; figures and tables lie there already.

    Parameters
    ----------
    trees, specs : sequence of str
        File names in ``trees/`` and ``spec/``.
    """
    for part in document.parts:
        if part.audit is not None:
            (folder / f"audit-{part.key}.json").write_text(part.audit.to_json(), encoding="utf-8")
    if document.judged:
        _write(folder / VERDICTS, {part.key: [asdict(entry) for entry in part.verdicts] for part in document.parts})
    _write(folder / PROVENANCE, dict(document.provenance))
    content = {
        "format": _FORMAT,
        "title": document.title,
        "lead": document.lead,
        "parts": [_part_record(part) for part in document.parts],
        "methods": [_section_record(section) for section in document.methods],
        "references": document.references,
        "problems": document.problems,
        "trees": trees,
        "specs": specs,
    }
    _write(folder / CONTENT, content)


def read_run(folder: Path) -> StoredRun:
    """A run folder as it was written.

    Raises
    ------
    InputError
        If the folder is no run, or one of its files is missing or damaged.
    """
    if not (folder / CONTENT).is_file():
        raise InputError(
            f"{folder}: a run folder was wanted, as bayesgov fit and bayesgov reanalyse write it; this has no {CONTENT}"
        )
    try:
        content = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise InputError(
                f"{folder}: written in format {content['format']}; this version reads {_FORMAT}: run the analysis again"
            )
        return _run(folder, content)
    except OSError as error:
        raise InputError(
            f"{folder}: {Path(error.filename or CONTENT).name} cannot be read ({error.strerror})"
        ) from None
    except (KeyError, TypeError, ValueError) as error:  # pydantic's and json's errors are ValueErrors
        raise InputError(f"{folder}: damaged run, run the analysis again ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def _run(folder: Path, content: Mapping[str, Any]) -> StoredRun:
    provenance = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    judged = (folder / VERDICTS).is_file()
    verdicts = _CLAIMS.validate_json((folder / VERDICTS).read_bytes()) if judged else {}
    document = Document(
        title=content["title"],
        lead=content["lead"],
        parts=tuple(_part(folder, record, verdicts.get(record["key"], ())) for record in content["parts"]),
        methods=tuple(_section(folder, record) for record in content["methods"]),
        references=tuple(content["references"]),
        provenance=provenance,
        problems=tuple(content["problems"]),
    )
    return StoredRun(document, tuple(content["trees"]), tuple(content["specs"]))


def _part_record(part: StudyPart) -> dict[str, Any]:
    return {
        **{name: getattr(part, name) for name in _PART_WORDS},
        "audited": part.audit is not None,
        "audit_figures": [_block_record(figure) for figure in part.audit_figures],
        "sections": [_section_record(section) for section in part.sections],
        "diagnostics": [asdict(fit) for fit in part.diagnostics],
    }


def _part(folder: Path, record: Mapping[str, Any], verdicts: tuple[ClaimVerdict, ...]) -> StudyPart:
    words = {name: record[name] for name in _PART_WORDS} | {"summary": tuple(record["summary"])}
    return StudyPart(
        **words,
        verdicts=verdicts,
        audit=_audit(folder / f"audit-{record['key']}.json") if record["audited"] else None,
        sections=tuple(_section(folder, entry) for entry in record["sections"]),
        diagnostics=tuple(_diagnostics(entry) for entry in record["diagnostics"]),
        audit_figures=tuple(_figure(folder, entry) for entry in record["audit_figures"]),
    )


def _diagnostics(record: Mapping[str, Any]) -> FitDiagnostics:
    return FitDiagnostics(**{**record, "checks": _CHECKS.validate_python(record["checks"])})


def _audit(path: Path) -> AuditReport:
    content = json.loads(path.read_text(encoding="utf-8"))
    return AuditReport(content["study"], _AUDIT_ROWS.validate_python(content["checks"]))


def _section_record(section: Section) -> dict[str, Any]:
    return {"key": section.key, "title": section.title, "blocks": [_block_record(block) for block in section.blocks]}


def _section(folder: Path, record: Mapping[str, Any]) -> Section:
    return Section(record["key"], record["title"], tuple(_block(folder, entry) for entry in record["blocks"]))


def _block_record(block: Block) -> dict[str, Any]:
    if isinstance(block, (ReportFigure, StoredFigure)):
        return {"type": "figure", **{name: getattr(block, name) for name in _FIGURE_WORDS}}
    if isinstance(block, ReportTable):
        words = {name: getattr(block, name) for name in _TABLE_WORDS}
        return {"type": "table", **words, "columns": column_records(with_index(block.frame))}
    return {"type": type(block).__name__.lower(), **asdict(block)}


def _block(folder: Path, record: Mapping[str, Any]) -> Block:
    fields = {name: value for name, value in record.items() if name != "type"}
    match record["type"]:
        case "figure":
            return _figure(folder, record)
        case "table":
            frame = read_frame(folder / "tables" / f"{fields['key']}.csv", fields.pop("columns"))
            return ReportTable(**fields, frame=frame)
        case "equation":
            return Equation(**fields)
        case "paragraph":
            return Paragraph(**fields)
        case other:
            raise ValueError(f"unknown kind of block {other!r}")


def _figure(folder: Path, record: Mapping[str, Any]) -> StoredFigure:
    svg = (folder / "figures" / f"{record['key']}.svg").read_text(encoding="utf-8")
    words: dict[str, Any] = {name: record[name] for name in _FIGURE_WORDS}
    return StoredFigure(**words, svg=svg)


def column_records(flat: pd.DataFrame) -> list[dict[str, Any]]:
    """Name and type of each column: what a CSV does not say.

    A column that text cannot carry (numbers among words, empty words beside missing ones) has its values here as well.
    """
    records: list[dict[str, Any]] = []
    for position, name in enumerate(flat.columns):
        values = flat.iloc[:, position].tolist()
        kind = _kind(values)
        kept = {"values": [None if _missing(value) else value for value in values]} if kind == "mixed" else {}
        records.append({"name": str(name), "type": kind, **kept})
    return records


def _kind(values: Sequence[object]) -> str:
    present = [value for value in values if not _missing(value)]
    if all(isinstance(value, float) for value in present):
        return "number"
    if all(isinstance(value, numbers.Integral) and not isinstance(value, bool) for value in present):
        return "whole"
    if all(isinstance(value, bool) for value in present):
        return "truth"
    if all(isinstance(value, str) for value in present):
        if len(present) == len(values):
            return "text"
        return "mixed" if "" in present else "text or nothing"
    return "mixed"


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def read_frame(path: Path, columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A CSV with the types that :func:`column_records` noted.

    Raises
    ------
    ValueError
        If header or cells are not those that were written.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    if header != [column["name"] for column in columns]:
        raise ValueError(f"{path.name}: other columns than {CONTENT} names")
    cells: Sequence[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    series = [_column(texts, column) for texts, column in zip(cells, columns, strict=True)]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame()
    return frame.set_axis(header, axis="columns")


def _column(texts: Sequence[str], column: Mapping[str, Any]) -> pd.Series[Any]:
    match column["type"]:
        case "number":
            return pd.Series([float(text) if text else float("nan") for text in texts], dtype=float)
        case "whole":
            values: list[object] = [int(text) if text else None for text in texts]
        case "truth":
            values = [_TRUTH[text] for text in texts]
        case "text":
            values = list(texts)
        case "text or nothing":
            values = [text or None for text in texts]
        case "mixed":
            values = column["values"]
        case other:
            raise ValueError(f"unknown type of column {other!r}")
    return pd.Series(values, dtype=object)


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=_plain) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    """NumPy's scalars as Python's; anything else as it is shown."""
    return value.item() if hasattr(value, "item") else str(value)

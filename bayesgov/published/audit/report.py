"""What an audit found, and its forms: JSON, CSV, Markdown, a data frame and a terminal table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bayesgov.published.audit.finding import FLAGS, Explanation, Verdict

VERDICTS: tuple[Verdict, ...] = ("inconsistent", "impossible", "undetermined", "not checkable", "consistent")
_MEANING: dict[Verdict, str] = {
    "inconsistent": "the printed value cannot be what the others imply",
    "impossible": "no data give such a value",
    "undetermined": "rounding or an assumption allows both answers",
    "not checkable": "an input is missing or the check does not apply",
    "consistent": "the printed value can be what the others imply",
}


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One check of one study.

    Attributes
    ----------
    id : str
    source : tuple of str
        Cell references, then where a reader finds them: ``("7/1/p", "Table 7")``.
    kind : str
        Name of the check.
    reported, recomputed : str
        What is printed, and what the other printed numbers imply.
    low, high : float or None
        Certified bounds of the recomputed value; None where there is no finite one.
    verdict : str
        See :class:`bayesgov.published.audit.finding.Finding`.
    explanations : tuple of Explanation
        Readings tried, for numbers that do not agree.
    note : str
    power : float or None
        Share of the one-digit typos of its cells that the check would catch.
    """

    id: str
    source: tuple[str, ...]
    kind: str
    reported: str
    recomputed: str
    low: float | None
    high: float | None
    verdict: Verdict
    explanations: tuple[Explanation, ...]
    note: str
    power: float | None

    @property
    def place(self) -> str:
        """Where a reader finds the cells."""
        return self.source[-1] if self.source else ""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Every declared check of one study, in the order of declaration."""

    study: str
    rows: tuple[AuditRow, ...]

    def with_verdict(self, *verdicts: Verdict) -> tuple[AuditRow, ...]:
        """Rows with one of these verdicts, in order."""
        return tuple(row for row in self.rows if row.verdict in verdicts)

    def counts(self) -> dict[Verdict, int]:
        """Number of checks with each verdict, all five, those that do not agree first."""
        counted = Counter(row.verdict for row in self.rows)
        return {verdict: counted[verdict] for verdict in VERDICTS}

    def to_dict(self) -> dict[str, Any]:
        """``{"study", "checks": [{"id", "source", "kind", ...}]}``, of JSON types only."""
        return {"study": self.study, "checks": [_record(row) for row in self.rows]}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_frame(self) -> pd.DataFrame:
        """One row for each check; sources and explanations as text."""
        records = [
            _record(row) | {"source": "; ".join(row.source), "explanations": _readings(row)} for row in self.rows
        ]
        frame = pd.DataFrame(records, columns=[field.name for field in fields(AuditRow)])
        return frame.astype({"low": "float64", "high": "float64", "power": "float64"})

    def to_csv(self) -> str:
        return self.to_frame().to_csv(index=False, lineterminator="\n")

    def to_markdown(self) -> str:
        """Counts, then every check, those that do not agree first."""
        lines = [f"# Audit of {self.study}", ""]
        lines += _markdown_table(
            ("verdict", "checks", "meaning"),
            ((verdict, str(count), _MEANING[verdict]) for verdict, count in self.counts().items()),
        )
        for verdict in VERDICTS:
            rows = self.with_verdict(verdict)
            if rows:
                lines += ["", f"## {verdict.capitalize()}", ""]
                lines += _markdown_table(
                    ("check", "place", "printed", "implied", "note", "readings tried", "power"),
                    (_markdown_row(row) for row in rows),
                )
        return "\n".join(lines) + "\n"

    def to_rich(self) -> RenderableType:
        """For a terminal of 80 columns or more: what does not agree, kind by kind, then a line for each verdict."""
        groups: dict[tuple[str, str, Verdict], list[AuditRow]] = {}
        for row in self.with_verdict(*FLAGS):
            groups.setdefault((row.place, row.kind, row.verdict), []).append(row)
        asked = Counter((row.place, row.kind) for row in self.rows)
        blocks = [
            _rich_group(f"{place}: {kind}, {len(rows)} of {asked[place, kind]} {verdict}", rows)
            for (place, kind, verdict), rows in groups.items()
        ]
        return Group(*blocks, _rich_counts(self), Text(_FOOT, style="dim"))


_FOOT = (
    "Power: share of one-digit typos in its cells that a check would catch. Notes, bounds and every reading tried, "
    "with its value: --format json, csv or md."
)


def _record(row: AuditRow) -> dict[str, Any]:
    explanations = [asdict(explanation) for explanation in row.explanations]
    return {**asdict(row), "source": list(row.source), "explanations": explanations}


def _readings(row: AuditRow) -> str:
    return "; ".join(
        f"{entry.name}: {entry.value} ({'resolves' if entry.resolves else 'does not resolve'})"
        for entry in row.explanations
    )


def _markdown_table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        # a bar or a star of a printed number would be read as markup
        cells = (" ".join(cell.split()).replace("|", "\\|").replace("*", "\\*") for cell in row)
        yield f"| {' | '.join(cells)} |"


def _markdown_row(row: AuditRow) -> tuple[str, ...]:
    return row.id, row.place, row.reported, row.recomputed, row.note, _readings(row), power_text(row.power)


def power_text(power: float | None) -> str:
    """A share as a percentage; "–" for none."""
    return "–" if power is None else f"{100 * power:.0f} %"


def _rich_group(title: str, rows: Sequence[AuditRow]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("check", no_wrap=True, header_style="dim")
    table.add_column("printed", overflow="fold", header_style="dim")
    table.add_column("from the rest", overflow="fold", header_style="dim")
    resolving = ["; ".join(entry.name for entry in row.explanations if entry.resolves) for row in rows]
    if any(resolving):
        table.add_column("agrees if", overflow="fold", header_style="dim")
    for row, readings in zip(rows, resolving, strict=True):
        # without a recomputed value the note says what is wrong
        cells = (row.id, row.reported, row.recomputed or row.note, readings)
        table.add_row(*map(Text, cells[: len(table.columns)]))
    return Group(Text(title, style="bold"), table, "")


def _rich_counts(report: AuditReport) -> Table:
    table = Table(title=f"All checks of {report.study}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("verdict", no_wrap=True)
    table.add_column("checks", justify="right")
    table.add_column("power", justify="right")
    table.add_column("meaning")
    for verdict, count in report.counts().items():
        powers = [row.power for row in report.with_verdict(verdict) if row.power is not None]
        mean = sum(powers) / len(powers) if powers else None
        table.add_row(verdict, str(count), power_text(mean), _MEANING[verdict])
    return table

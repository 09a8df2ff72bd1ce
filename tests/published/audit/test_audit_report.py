"""The forms of an audit's report."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from rich.console import Console

from bayesgov.published.audit.finding import Explanation
from bayesgov.published.audit.report import VERDICTS, AuditReport, AuditRow

TRIED = (
    Explanation("one-tailed p", "0.0225", resolves=True),
    Explanation("t instead of z", "0.048 | 0.049", resolves=False),
)


def row(name: str, verdict: str, **changes: object) -> AuditRow:
    content: dict[str, object] = {
        "id": name,
        "source": ("7/1/p", "7/1/wald", "Table 7"),
        "kind": "p_from_wald",
        "reported": "0.022**",
        "recomputed": "0.0449 to 0.0451",
        "low": 0.0449,
        "high": 0.0451,
        "verdict": verdict,
        "explanations": TRIED if verdict in ("inconsistent", "impossible") else (),
        "note": "A note of some words, with a comma.",
        "power": 0.875,
    }
    return AuditRow(**{**content, **changes})  # type: ignore[arg-type]


@pytest.fixture
def report() -> AuditReport:
    rows = (
        row("agrees", "consistent"),
        row("differs-with-a-rather-long-identifier-of-a-check-1", "inconsistent"),
        row("open", "undetermined", low=None, high=None, power=None),
        row("reversed", "impossible", recomputed="", note="The limits are in reverse order."),
        row("elsewhere", "inconsistent", source=("1/1/chi2", "Table 1")),
    )
    return AuditReport("small", rows)


def rendered(report: AuditReport, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(report.to_rich())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_json_reads_back(report: AuditReport) -> None:
    content = json.loads(report.to_json())
    assert content == report.to_dict()
    assert content["study"] == "small"
    assert [entry["id"] for entry in content["checks"]] == [entry.id for entry in report.rows]
    assert content["checks"][1]["explanations"][0] == {"name": "one-tailed p", "value": "0.0225", "resolves": True}
    assert content["checks"][2]["low"] is None


def test_csv_reads_back(report: AuditReport) -> None:
    frame = pd.read_csv(io.StringIO(report.to_csv()))
    assert frame["id"].tolist() == [entry.id for entry in report.rows]
    assert frame["low"].isna().tolist() == [False, False, True, False, False]
    assert frame["reported"][0] == "0.022**"
    assert frame["source"][0] == "7/1/p; 7/1/wald; Table 7"
    assert frame["explanations"][1].startswith("one-tailed p: 0.0225 (resolves); t instead of z")


def test_an_empty_report_has_every_form() -> None:
    empty = AuditReport("none", ())
    assert json.loads(empty.to_json()) == {"study": "none", "checks": []}
    assert empty.to_csv().startswith("id,source,kind,")
    assert empty.counts() == dict.fromkeys(VERDICTS, 0)
    assert "0" in rendered(empty, 80)
    assert empty.to_markdown().startswith("# Audit of none")


def test_markdown_tables_have_equal_columns_and_escape_marks(report: AuditReport) -> None:
    text = report.to_markdown()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = {line.replace("\\|", "").count("|") for line in rows}
    assert widths == {4, 8}
    assert "0.022\\*\\*" in text
    assert text.index("## Inconsistent") < text.index("## Impossible") < text.index("## Consistent")
    assert all(f"| {entry.id} |" in text for entry in report.rows)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_terminal_shows_flags_first_within_its_width(report: AuditReport, width: int) -> None:
    text = rendered(report, width)
    assert max(len(line) for line in text.splitlines()) <= width
    places = [text.index(word) for word in ("differs-with", "reversed", "elsewhere", "All checks of small")]
    assert places == sorted(places)
    words = " ".join(text.split())
    assert "Table 7: p_from_wald, 1 of 4 inconsistent" in words
    assert "Table 1: p_from_wald, 1 of 1 inconsistent" in words
    assert "one-tailed" in words
    assert "t instead of z" not in words
    assert "reverse" in words
    # what agrees, or is open, is counted and not listed
    assert "p_from_wald, 1 of 4 consistent" not in words
    assert not any(line.startswith(("agrees ", "open ")) for line in text.splitlines())


def test_the_terminal_counts_every_verdict(report: AuditReport) -> None:
    lines = rendered(report, 100).splitlines()
    for verdict, count in report.counts().items():
        line = next(line for line in lines if line.strip().startswith(f"{verdict} ") and line.split(verdict)[1].strip())
        assert line.split(verdict)[1].split()[0] == str(count)
    assert sum(report.counts().values()) == len(report.rows)


def test_rows_by_verdict(report: AuditReport) -> None:
    assert [entry.id for entry in report.with_verdict("impossible", "undetermined")] == ["open", "reversed"]
    assert report.rows[0].place == "Table 7"

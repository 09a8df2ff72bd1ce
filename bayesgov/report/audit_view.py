"""An audit as the page shows it: grouped by place and kind, counted by verdict; nothing is judged here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bayesgov.published.audit import AuditReport, AuditRow
from bayesgov.published.audit.finding import Verdict
from bayesgov.published.audit.registry import registered
from bayesgov.published.audit.report import VERDICTS


@dataclass(frozen=True, slots=True)
class AuditGroup:
    """Rows of an audit that share a place in the paper.

    Attributes
    ----------
    place : str
    rows : tuple of AuditRow
    """

    place: str
    rows: tuple[AuditRow, ...]


@dataclass(frozen=True, slots=True)
class FlagGroup:
    """Flagged rows that share place and kind of check.

    Attributes
    ----------
    place, kind : str
    rows : tuple of AuditRow
    checked : int
        Checks of this kind at this place, flagged or not.
    """

    place: str
    kind: str
    rows: tuple[AuditRow, ...]
    checked: int

    @property
    def verdicts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.verdict for row in self.rows))


@dataclass(frozen=True, slots=True)
class AuditTally:
    """Number of checks with each verdict at one place; ``counts`` in the order of VERDICTS."""

    place: str
    counts: tuple[int, ...]


def audit_tallies(audit: AuditReport) -> tuple[AuditTally, ...]:
    """How often each verdict was reached, by place in the paper, with the sum over all places last."""
    tallies = [_tally(group.place, group.rows) for group in audit_groups(audit, VERDICTS)]
    return (*tallies, _tally("All", audit.rows))


def _tally(place: str, rows: Sequence[AuditRow]) -> AuditTally:
    counted = Counter(row.verdict for row in rows)
    return AuditTally(place, tuple(counted[verdict] for verdict in VERDICTS))


def audit_groups(audit: AuditReport, verdicts: Sequence[Verdict]) -> tuple[AuditGroup, ...]:
    """Rows with one of these verdicts, grouped by place in order of appearance."""
    groups: dict[str, list[AuditRow]] = {}
    for row in audit.with_verdict(*verdicts):
        groups.setdefault(row.place or "elsewhere", []).append(row)
    return tuple(AuditGroup(place, tuple(rows)) for place, rows in groups.items())


def flag_groups(audit: AuditReport, verdicts: Sequence[Verdict]) -> tuple[FlagGroup, ...]:
    """Rows with one of these verdicts, grouped by place and kind in order of appearance."""
    checked = Counter((row.place, row.kind) for row in audit.rows)
    groups: dict[tuple[str, str], list[AuditRow]] = {}
    for row in audit.with_verdict(*verdicts):
        groups.setdefault((row.place, row.kind), []).append(row)
    return tuple(
        FlagGroup(place or "elsewhere", kind, tuple(rows), checked[place, kind])
        for (place, kind), rows in groups.items()
    )


def check_question(kind: str) -> str:
    """What a kind of check asks, as its register says; a kind that is not registered is shown as its name."""
    known = registered().get(kind)
    return known.question if known else kind.replace("_", " ")


def bounds_text(low: float | None, high: float | None) -> str:
    """Certified bounds in words: "within [1.23, 1.25]", "at least 0"; empty where there are none."""
    if low is None and high is None:
        return ""
    if low is None:
        text = f"at most {high:.7g}"
    else:
        text = f"at least {low:.7g}" if high is None else f"within [{low:.7g}, {high:.7g}]"
    return text.replace("-", "−")

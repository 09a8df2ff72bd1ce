"""How many one-digit typos a check would have caught."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bayesgov.printed import PrintedNumber
from bayesgov.published.audit.finding import FLAGS, Finding
from bayesgov.published.audit.registry import CheckKind
from bayesgov.published.audit.typo import Arguments, References, digit_typos, evenly_spaced, printed_cells, with_cells


@dataclass(frozen=True, slots=True)
class Power:
    """Power of one check to catch a one-digit typo.

    Attributes
    ----------
    share : float or None
        Share of the one-digit typos of the check's cells that would make it report a disagreement; None where the
        question has no answer.
    reason : str
        One sentence on why there is none, or on which table it was evaluated; empty where nothing needs saying.
    """

    share: float | None
    reason: str = ""


def typo_power(kind: CheckKind, arguments: Arguments, references: References, finding: Finding) -> Power:
    """Alter every digit of every printed number that the check reads and count the disagreements that it reports.

    Parameters
    ----------
    kind : CheckKind
        ``kind.typo_limit`` caps the number of typos; beyond it evenly spaced ones are tried.
    finding : Finding
        Of the numbers as printed.

    Notes
    -----
    Numbers that disagree as printed would be reported whatever the typo, so the power is then that of the table with
    the ``target`` cell replaced by the value that the others imply, where the kind has a target.
    """
    if finding.verdict == "not checkable":
        return Power(None)  # the finding's own note says why
    if not printed_cells(arguments, references):
        return Power(None, "Power to catch a typo: none to state, since no printed number enters.")
    if finding.verdict not in FLAGS:
        return Power(_share(kind, arguments, references))
    repaired = _repaired(kind, arguments, references, finding)
    if repaired is None:
        return Power(None, "Power to catch a typo: not evaluated, since the numbers already disagree.")
    return Power(_share(kind, repaired, references), "Power evaluated on the table with the implied value.")


def _share(kind: CheckKind, arguments: Arguments, references: References) -> float:
    cells = printed_cells(arguments, references)
    typos = [(reference, typo) for reference, number in cells.items() for typo in digit_typos(number)]
    tried = evenly_spaced(typos, kind.typo_limit)
    caught = sum(
        kind.function(**with_cells(arguments, references, {reference: typo})).verdict in FLAGS
        for reference, typo in tried
    )
    return caught / len(tried)


def _repaired(kind: CheckKind, arguments: Arguments, references: References, finding: Finding) -> dict[str, Any] | None:
    """The arguments with the target as the other cells imply it; None where that gives no agreeing table."""
    target = arguments.get(kind.target) if kind.target else None
    low, high = finding.low, finding.high
    if kind.target is None or not isinstance(target, PrintedNumber) or low is None or high is None:
        return None
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    implied = target.with_value(Decimal(0.5 * (low + high)))
    repaired = with_cells(arguments, references, {references[kind.target][0]: implied})
    return None if kind.function(**repaired).verdict in FLAGS else repaired

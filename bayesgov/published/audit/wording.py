"""How the checks write numbers and lists in their findings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bayesgov.printed import Interval


def number(value: float, digits: int = 4) -> str:
    """A number to so many significant digits, without trailing exponent noise."""
    return f"{value:.{digits}g}"


def span(interval: Interval, digits: int = 4) -> str:
    """An interval as text: "0.312 to 0.314", "at least 0.9", or one number where both ends print alike."""
    low, high = number(interval.low, digits), number(interval.high, digits)
    if math.isinf(interval.low) and math.isinf(interval.high):
        return "any value"
    if math.isinf(interval.high):
        return f"at least {low}"
    if math.isinf(interval.low):
        return f"at most {high}"
    return low if low == high else f"{low} to {high}"


def finite(value: float) -> float | None:
    """The value, or None where there is no finite bound (JSON has no infinity)."""
    return value if math.isfinite(value) else None


def listing(entries: Iterable[str], limit: int = 12) -> str:
    """Entries separated by semicolons; beyond ``limit`` only their number is said."""
    texts: Sequence[str] = tuple(entries)
    if not texts:
        return "none"
    more = f"; and {len(texts) - limit} more" if len(texts) > limit else ""
    return "; ".join(texts[:limit]) + more

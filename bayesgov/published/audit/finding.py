"""What one consistency check found, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["consistent", "inconsistent", "impossible", "undetermined", "not checkable"]

# verdicts that say that numbers do not agree
FLAGS: tuple[Verdict, ...] = ("inconsistent", "impossible")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One innocent reading that was tried for numbers that do not agree.

    Attributes
    ----------
    name : str
        Such as "truncated instead of rounded", "one-tailed p", "Yates correction".
    value : str
        What the reading gives.
    resolves : bool
        Whether the numbers agree under this reading.
    """

    name: str
    value: str
    resolves: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check on printed numbers.

    Attributes
    ----------
    reported, recomputed : str
        What the paper prints, and what the other printed numbers imply (text, so that decimals survive).
    low, high : float or None
        Certified bounds of the recomputed value under rounding of its inputs.
    verdict : str
        consistent: the printed value can be what the inputs imply; inconsistent: it cannot; impossible: no data set
        gives such a value; undetermined: rounding allows both answers; not checkable: an input is missing or the
        check does not apply (the note says why).
    explanations : tuple of Explanation
        Readings that were tried, whether or not they resolve the disagreement.
    note : str
        One sentence in neutral words.
    """

    reported: str
    recomputed: str
    low: float | None
    high: float | None
    verdict: Verdict
    explanations: tuple[Explanation, ...] = ()
    note: str = ""

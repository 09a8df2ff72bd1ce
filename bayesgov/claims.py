"""Claims of a paper as declared in ``claims.toml``: the quoted sentence, the estimand, and what decides it.

For each source of evidence a claim names the numbers that decide, and the condition that they are held against;
:mod:`bayesgov.verdicts` rules on them.
"""

from __future__ import annotations

import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bayesgov.errors import InputError
from bayesgov.printed import PrintedNumber
from bayesgov.study import read_toml

Answer = Literal["holds", "does not hold", "undetermined", "not checkable"]
Expect = Literal["all", "any", "none"]

_COMPARISON = re.compile(r"\s*(abs)?\s*(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)\s*")
_OPERATORS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on single numbers: ``"< 0.05"``, ``"abs > 0.1"``."""

    magnitude: bool
    symbol: str
    threshold: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        match = _COMPARISON.fullmatch(text)
        if match is None:
            raise InputError(f"a condition such as '< 0.05' or 'abs > 0.1' was wanted; got {text!r}")
        return cls(match[1] is not None, match[2], float(match[3]))

    def of(self, values: np.ndarray) -> np.ndarray:
        """Element-wise truth of the condition."""
        compared: np.ndarray = _OPERATORS[self.symbol](np.abs(values) if self.magnitude else values, self.threshold)
        return compared

    def of_printed(self, number: PrintedNumber) -> bool | None:
        """Truth for a printed number under its rounding; None where rounding allows both answers."""
        if self.magnitude and number.value < 0:
            if number.comparator != "=":
                return None  # a bound on a negative number does not bound its magnitude
            number = replace(number, value=-number.value)
        side = number.below if self.symbol in ("<", "<=") else number.above
        return side(Decimal(repr(self.threshold)), or_equal=self.symbol in ("<=", ">="))


@dataclass(frozen=True, slots=True)
class Rule:
    """How single numbers decide a claim.

    Attributes
    ----------
    meets : Condition
        What a number must meet.
    refutes : Condition or None
        What refutes it; a number that meets neither is left open. None: whatever does not meet ``meets``.
    expect : {"all", "any", "none"}
    otherwise : {"does not hold", "undetermined"}
        What a failure means.
    """

    meets: Condition
    refutes: Condition | None = None
    expect: Expect = "all"
    otherwise: Answer = "does not hold"

    def at(self, threshold: float) -> Rule:
        """The same rule with another threshold; one that mirrors it (-t, or 1 - t of a p-value) moves with it."""
        meets = replace(self.meets, threshold=threshold)
        if self.refutes is None:
            return replace(self, meets=meets)
        own, other = self.meets.threshold, self.refutes.threshold
        moved = other
        if other == own:
            moved = threshold
        elif other == -own:
            moved = -threshold
        elif math.isclose(other, 1 - own):
            moved = 1 - threshold
        return replace(self, meets=meets, refutes=replace(self.refutes, threshold=moved))

    def combined(self, answers: Sequence[bool | None]) -> Answer:
        """Kleene's three-valued all, any or none of the numbers' answers."""
        if self.expect == "none":
            answers = [None if answer is None else not answer for answer in answers]
        stops, otherwise = (True, False) if self.expect == "any" else (False, True)
        if any(answer is stops for answer in answers):
            result: bool | None = stops
        else:
            result = None if any(answer is None for answer in answers) else otherwise
        return "undetermined" if result is None else "holds" if result else self.otherwise


class Evidence(BaseModel):
    """What every source of evidence says of the numbers that decide."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: str = ""
    expect: Expect = "all"
    quantity: str = ""  # how a reader calls the numbers; by default their column or variable
    # what it means if the condition fails: "undetermined" where failing to show an effect does not refute it
    otherwise: Literal["does not hold", "undetermined"] = "does not hold"
    # a condition that refutes a single number; one that meets neither condition is left open, as a posterior leaves it
    against: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for condition in filter(None, (self.each, self.against)):
            Condition.parse(condition)
        return self

    @property
    def decision(self) -> Rule:
        """The rule; only where there is a condition."""
        refutes = Condition.parse(self.against) if self.against else None
        return Rule(Condition.parse(self.each), refutes, self.expect, self.otherwise)


class PrintedEvidence(Evidence):
    """Printed cells, each held against a condition; or the verdict of audit checks; or why neither is possible."""

    cells: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> PrintedEvidence:
        if sum(map(bool, (self.cells, self.audit, self.reason))) != 1:
            raise ValueError("give one of cells (with each), audit, or reason")
        if self.cells and not self.each:
            raise ValueError("cells need a condition such as '< 0.05' in each")
        return self


class TableEvidence(Evidence):
    """Columns of a result table of the reanalysis, filtered by ``where``; or why there is none."""

    table: str = ""
    column: str | tuple[str, ...] = ""
    against_column: str = ""  # the other limit of an interval, say; by default the column itself
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> TableEvidence:
        if bool(self.table) == bool(self.reason):
            raise ValueError("give table, column and each, or a reason")
        if self.table and not (self.each and self.column):
            raise ValueError("a table needs column and a condition such as '< 0.05' in each")
        if self.against_column and not (self.against and isinstance(self.column, str)):
            raise ValueError("against_column needs a condition such as '< 0' in against, and one column")
        return self


class PosteriorEvidence(Evidence):
    """A posterior variable of one fit, filtered by ``select``; the claim's probability is that of the joint event.

    ``robust`` names further fits of the same variable, under other priors or readings.
    """

    fit: str = ""
    variable: str = ""
    select: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    robust: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> PosteriorEvidence:
        if bool(self.fit) == bool(self.reason):
            raise ValueError("give fit, variable and each, or a reason")
        if self.fit and not (self.each and self.variable):
            raise ValueError("a fit needs variable and a condition such as '> 0' in each")
        return self


class Claim(BaseModel):
    """One published sentence turned into an estimand and a decision rule.

    The posterior source is a fit's draws or, for quantities that are no parameter of a fit (Bayes factors), a column
    of a result table. A claim that is put to rows needs no printed table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    sentence: str
    place: str
    estimand: str
    rule: str
    printed: PrintedEvidence = PrintedEvidence(reason="no printed table")
    frequentist: TableEvidence
    posterior: PosteriorEvidence | TableEvidence


class _ClaimsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    claims: tuple[Claim, ...]


def read_claims(folder: Path) -> tuple[Claim, ...]:
    """Read ``claims.toml`` of a study's folder; a study without one makes no claims."""
    path = folder / "claims.toml"
    return read_claims_file(path) if path.is_file() else ()


def read_claims_file(path: Path) -> tuple[Claim, ...]:
    """Read a file of claims.

    Raises
    ------
    InputError
        If the file is not as it should be, or two claims have one id.
    """
    claims = read_toml(path, _ClaimsFile).claims
    twice = [name for name, number in Counter(claim.id for claim in claims).items() if number > 1]
    if twice:
        raise InputError(f"{path}: each claim needs an id of its own; {twice[0]!r} stands more than once")
    return claims

"""Claims of a paper, and what its printed table, a frequentist replication and a posterior say of each.

A claim is declared in ``claims.toml``: the quoted sentence, its place, the estimand, and for each source of evidence
which numbers decide it. The same four answers come out for every source, and one immutable :class:`ClaimVerdict` per
claim carries them; prose, tables and figures read it and none derives it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bayesgov.claims import Claim, Comparison, Evidence, PosteriorEvidence, TableEvidence
from bayesgov.errors import InputError
from bayesgov.fits import Fit
from bayesgov.printed import PrintedNumber
from bayesgov.study import Study

Answer = Literal["holds", "does not hold", "undetermined", "not checkable"]

# A posterior probability of the claim above this (or below its complement) decides it.
DECISIVE_PROBABILITY = 0.95


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one source says of a claim.

    Attributes
    ----------
    answer : {"holds", "does not hold", "undetermined", "not checkable"}
    text : str
        One sentence with the numbers that decide.
    probability : float or None
        Posterior probability of the claim, where the source is a posterior.
    """

    answer: Answer
    text: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """A claim with its rulings.

    Attributes
    ----------
    claim_id, sentence, place, estimand, rule : str
        The quoted sentence, where it stands, what it is about, and the decision rule applied to it.
    printed, frequentist, posterior : Ruling
    robustness : str
        How far the posterior ruling depends on prior, reading or rounding, in one sentence with numbers.
    """

    claim_id: str
    sentence: str
    place: str
    estimand: str
    rule: str
    printed: Ruling
    frequentist: Ruling
    posterior: Ruling
    robustness: str


def check_claims(claims: Sequence[Claim], study: Study, *, audited: Collection[str], blocks: Collection[str]) -> None:
    """Find what no analysis is needed to find wrong with a study's claims, before anything is sampled.

    Parameters
    ----------
    audited : collection of str
        Ids of the audit checks that ran.
    blocks : collection of str
        Blocks of the spec, which result tables and fits are named after.

    Raises
    ------
    InputError
        If a claim names a printed cell, an audit check or a block that does not exist.
    """
    verdicts = dict.fromkeys(audited, "")
    for claim in claims:
        _printed_ruling(claim, study, verdicts)
        for name in (*_blocks(claim.frequentist), *_blocks(claim.posterior)):
            if name not in blocks:
                raise InputError(
                    f"claim {claim.id!r}: {name!r} is no block of published.toml; there are: {', '.join(blocks)}"
                )


def judge(
    claim: Claim,
    study: Study,
    *,
    audit_verdicts: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    fits: Mapping[str, Fit],
    crashed: Sequence[str] = (),
) -> ClaimVerdict:
    """Rule on one claim from every source of evidence.

    Parameters
    ----------
    audit_verdicts : mapping
        Audit check id -> verdict.
    tables : mapping
        Result tables of the reanalysis by name ("contingency/screening").
    fits : mapping
        Fits by label.
    crashed : sequence of str
        Blocks that crashed: evidence from them is not checkable, and the ruling says so.

    Raises
    ------
    InputError
        If the claim names a table, column, fit, variable or check that does not exist.
    """
    posterior, robustness = claim.posterior, "No alternative fit applies"
    if lost := _lost(posterior, crashed):
        ruling, robustness = lost, ""
    elif isinstance(posterior, TableEvidence):
        ruling = _table_ruling(claim, posterior, tables)
    else:
        ruling = _posterior_ruling(claim, posterior, fits, posterior.fit)
        robustness = _robustness(claim, posterior, fits) if posterior.robust else robustness
    return ClaimVerdict(
        claim_id=claim.id,
        sentence=claim.sentence,
        place=claim.place,
        estimand=claim.estimand,
        rule=claim.rule,
        printed=_printed_ruling(claim, study, audit_verdicts),
        frequentist=_lost(claim.frequentist, crashed) or _table_ruling(claim, claim.frequentist, tables),
        posterior=ruling,
        robustness=robustness,
    )


def _blocks(evidence: TableEvidence | PosteriorEvidence) -> tuple[str, ...]:
    """Blocks that the evidence comes from: tables are named "<block>/<name>", fits "<block>-<name>"."""
    if isinstance(evidence, TableEvidence):
        names: tuple[str, ...] = (evidence.table.split("/")[0],)
    else:
        names = tuple(label.split("-")[0] for label in (evidence.fit, *evidence.robust))
    return tuple(filter(None, names))


def _lost(evidence: TableEvidence | PosteriorEvidence, crashed: Sequence[str]) -> Ruling | None:
    block = next((name for name in _blocks(evidence) if name in crashed), None)
    return Ruling("not checkable", f"the {block} analysis crashed") if block else None


def _printed_ruling(claim: Claim, study: Study, audit_verdicts: Mapping[str, str]) -> Ruling:
    evidence = claim.printed
    if evidence.reason:
        return Ruling("not checkable", evidence.reason)
    if evidence.audit:
        return _audit_ruling(claim, audit_verdicts)
    numbers = {key: cell for reference in evidence.cells for key, cell in study.cells(reference).items()}
    printed = {key: cell for key, cell in numbers.items() if isinstance(cell, PrintedNumber)}
    if not printed:
        raise InputError(f"claim {claim.id!r}: {', '.join(evidence.cells)} names no printed number")
    answers = {key: evidence.comparison.of_printed(cell) for key, cell in printed.items()}
    satisfied = sum(answer is True for answer in answers.values())
    unknown = sum(answer is None for answer in answers.values())
    if evidence.against:
        refuting = Comparison.parse(evidence.against)
        answers = {
            key: True if answer else False if refuting.of_printed(printed[key]) else None
            for key, answer in answers.items()
        }
    where = sorted({key.split("/")[0] for key in answers})
    text = _count(satisfied, len(answers), evidence.quantity or "printed values", evidence.each)
    if len(numbers) == 1:
        text = f"{evidence.quantity or 'printed value'} {next(iter(numbers.values()))}"
    text += f" (table {', '.join(where)})" + (f"; rounding leaves {unknown} open" if unknown else "")
    return Ruling(_three_valued(list(answers.values()), evidence), text)


def _audit_ruling(claim: Claim, audit_verdicts: Mapping[str, str]) -> Ruling:
    missing = [name for name in claim.printed.audit if name not in audit_verdicts]
    if missing:
        raise InputError(f"claim {claim.id!r}: no audit check {missing[0]!r} in study.toml")
    verdicts = [audit_verdicts[name] for name in claim.printed.audit]
    flagged = [v for v in verdicts if v in ("inconsistent", "impossible")]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    named = claim.printed.audit[0] + (f" to {claim.printed.audit[-1]}" if len(verdicts) > 1 else "")
    text = f"audit, {named}: {counted}" if len(verdicts) > 1 else f"audit, {named}: {verdicts[0]}"
    if flagged:
        return Ruling("does not hold", text)
    if all(v == "consistent" for v in verdicts):
        return Ruling("holds", text)
    return Ruling("not checkable" if "not checkable" in verdicts else "undetermined", text)


def _table_ruling(claim: Claim, evidence: TableEvidence, tables: Mapping[str, pd.DataFrame]) -> Ruling:
    if evidence.reason:
        return Ruling("not checkable", evidence.reason)
    frame = _named(tables, evidence.table, f"claim {claim.id!r}: result table")
    for column, allowed in evidence.where.items():
        frame = frame[_column(frame, column, claim).astype(str).isin(allowed)]
    columns = (evidence.column,) if isinstance(evidence.column, str) else evidence.column
    values = np.concatenate([_column(frame, name, claim).to_numpy(dtype=float) for name in columns])
    if values.size == 0:
        raise InputError(f"claim {claim.id!r}: no row of {evidence.table} matches {evidence.where}")
    finite = np.isfinite(values)
    truth = evidence.comparison.of(values)
    answers = [bool(t) if ok else None for t, ok in zip(truth, finite, strict=True)]
    if evidence.against:
        opposite = _column(frame, evidence.against_column, claim).to_numpy(float) if evidence.against_column else values
        contrary = Comparison.parse(evidence.against).of(opposite) & np.isfinite(opposite)
        answers = [True if a else False if no else None for a, no in zip(answers, contrary, strict=True)]
    quantity = evidence.quantity or f"values of {', '.join(columns)}"
    text = _count(sum(a is True for a in answers), len(answers), quantity, evidence.each)
    if values.size == 1:
        text = f"{quantity} = {values[0]:.3g}"
    elif evidence.against and answers.count(False):
        text += f"; {answers.count(False)} refuted"
    return Ruling(_three_valued(answers, evidence), text)


def _posterior_ruling(claim: Claim, evidence: PosteriorEvidence, fits: Mapping[str, Fit], label: str) -> Ruling:
    if evidence.reason:
        return Ruling("not checkable", evidence.reason)
    values = _draws(claim, evidence, _named(fits, label, f"claim {claim.id!r}: fit"))
    truth = evidence.comparison.of(values)  # draws x elements
    event = {"all": truth.all(axis=1), "any": truth.any(axis=1), "none": ~truth.any(axis=1)}[evidence.expect]
    probability = float(event.mean())
    each = truth.mean(axis=0)
    quantity = evidence.quantity or evidence.variable
    text = f"Pr({quantity} {_words(evidence.each)}) {_equals(probability)}"
    if truth.shape[1] > 1:
        text = (
            f"Pr({evidence.expect} {truth.shape[1]} {quantity} {_words(evidence.each)}) {_equals(probability)}; "
            f"one by one from {probability_words(float(each.min()))} to {probability_words(float(each.max()))}"
        )
    return Ruling(_decide(probability), text, probability)


def _robustness(claim: Claim, evidence: PosteriorEvidence, fits: Mapping[str, Fit]) -> str:
    labels = (evidence.fit, *evidence.robust)
    rulings = [_posterior_ruling(claim, evidence, fits, label) for label in labels]
    same = len({ruling.answer for ruling in rulings}) == 1
    sizes = [_draws(claim, evidence, fits[label]).shape[1] for label in labels]
    listed = ", ".join(
        f"{probability_words(ruling.probability or 0.0)} ({label.partition('-')[2]}"
        + (f", {size} of {sizes[0]} values" if size != sizes[0] else "")
        + ")"
        for label, ruling, size in zip(labels, rulings, sizes, strict=True)
    )
    return f"{'Same ruling' if same else 'The ruling changes'}: probability {listed}"


def _draws(claim: Claim, evidence: PosteriorEvidence, fit: Fit) -> np.ndarray:
    """Draws of the claim's variable, shape (n_draws, n_elements)."""
    posterior = fit.tree["posterior"].to_dataset()
    if evidence.variable not in posterior:
        raise InputError(f"claim {claim.id!r}: fit {fit.label!r} has no variable {evidence.variable!r}")
    variable = posterior[evidence.variable]
    for dim, labels in evidence.select.items():
        if dim not in variable.dims:
            raise InputError(f"claim {claim.id!r}: {evidence.variable!r} has no dimension {dim!r}")
        variable = variable.isel({dim: np.isin(variable[dim].values.astype(str), labels)})
    if variable.size == 0:
        raise InputError(f"claim {claim.id!r}: no element of {evidence.variable!r} matches {evidence.select}")
    stacked = variable.stack(sample=("chain", "draw")).transpose("sample", ...)
    values: np.ndarray = stacked.to_numpy().reshape(stacked.sizes["sample"], -1)
    return values


def _decide(probability: float) -> Answer:
    if probability >= DECISIVE_PROBABILITY:
        return "holds"
    return "does not hold" if probability <= 1 - DECISIVE_PROBABILITY else "undetermined"


def _three_valued(answers: Sequence[bool | None], evidence: Evidence) -> Answer:
    """Kleene's three-valued all, any and none."""
    if evidence.expect == "none":
        answers = [None if answer is None else not answer for answer in answers]
    stops, otherwise = (True, False) if evidence.expect == "any" else (False, True)
    if any(answer is stops for answer in answers):
        result: bool | None = stops
    else:
        result = None if any(answer is None for answer in answers) else otherwise
    return "undetermined" if result is None else "holds" if result else evidence.otherwise


def probability_words(probability: float) -> str:
    """A posterior probability at two decimals, never as certain as 0 or 1: draws are finite.

    Three decimals where two would hide on which side of the decision limit it lies.
    """
    if probability > 0.995:
        return "> 0.99"
    if probability < 0.005:
        return "< 0.01"
    near = min(abs(probability - DECISIVE_PROBABILITY), abs(probability - 1 + DECISIVE_PROBABILITY)) < 0.005
    return f"{probability:.3f}" if near else f"{probability:.2f}"


def _equals(probability: float) -> str:
    words = probability_words(probability)
    return words if words[0] in "<>" else f"= {words}"


def _count(satisfied: int, total: int, quantity: str, condition: str) -> str:
    return f"{satisfied} of {total} {quantity} {_words(condition)}"


def _words(condition: str) -> str:
    return condition.replace("abs", "in absolute value")


def _named[Value](mapping: Mapping[str, Value], name: str, what: str) -> Value:
    if name not in mapping:
        raise InputError(f"{what} {name!r} does not exist; there are: {', '.join(mapping)}")
    return mapping[name]


def _column(frame: pd.DataFrame, name: str, claim: Claim) -> pd.Series:
    if name not in frame:
        raise InputError(f"claim {claim.id!r}: no column {name!r}; there are: {', '.join(map(str, frame.columns))}")
    return frame[name]

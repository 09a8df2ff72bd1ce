"""Claims of a paper, and what its printed table, a frequentist replication and a posterior say of each.

A claim is declared in ``claims.toml``: the quoted sentence, its place, the estimand, and for each source of evidence
which numbers decide it. The same four answers come out for every source, and one immutable :class:`ClaimVerdict` per
claim carries them; prose, tables and figures read it and none derives it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bayesgov.claims import Answer, Claim, PosteriorEvidence, TableEvidence
from bayesgov.errors import InputError
from bayesgov.evidence import (
    DECISIVE_PROBABILITY,
    decided,
    event,
    named,
    posterior_draws,
    printed_answers,
    printed_numbers,
    table_values,
)
from bayesgov.fits import Fit
from bayesgov.study import Study


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
        How far the posterior ruling depends on prior, reading or rounding, with numbers, and the diagnostics of its fit
        that did not pass and so could overturn it.
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
    study: Study | None,
    *,
    audit_verdicts: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    fits: Mapping[str, Fit],
    crashed: Sequence[str] = (),
) -> ClaimVerdict:
    """Rule on one claim from every source of evidence.

    Parameters
    ----------
    claim : Claim
    study : Study or None
        None for rows, which have no printed tables.
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
        robustness += _doubts(posterior, fits)
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


def _printed_ruling(claim: Claim, study: Study | None, audit_verdicts: Mapping[str, str]) -> Ruling:
    evidence = claim.printed
    if evidence.reason:
        return Ruling("not checkable", evidence.reason)
    if evidence.audit:
        return _audit_ruling(claim, audit_verdicts)
    if study is None:
        raise InputError(f"claim {claim.id!r}: cells of printed tables were named; rows have none: leave printed out")
    numbers, rule = printed_numbers(claim, study), evidence.decision
    met = [rule.meets.of_printed(number) for number in numbers.values()]
    tables = ", ".join(sorted({key.split("/")[0] for key in numbers}))
    text = _count(met.count(True), len(met), evidence.quantity or "printed values", evidence.each)
    if len(numbers) == 1:
        text = f"{evidence.quantity or 'printed value'} {next(iter(numbers.values()))}"
    text += f" (table {tables})" + (f"; rounding leaves {met.count(None)} open" if None in met else "")
    return Ruling(rule.combined(printed_answers(numbers.values(), rule)), text)


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
    found, rule = table_values(claim, evidence, tables), evidence.decision
    answers = found.answers(rule)
    quantity = evidence.quantity or f"values of {', '.join(found.columns)}"
    text = _count(answers.count(True), len(answers), quantity, evidence.each)
    if found.values.size == 1:
        text = f"{quantity} = {found.values[0]:.3g}"
    elif rule.refutes and answers.count(False):
        text += f"; {answers.count(False)} refuted"
    return Ruling(rule.combined(answers), text)


def _posterior_ruling(claim: Claim, evidence: PosteriorEvidence, fits: Mapping[str, Fit], label: str) -> Ruling:
    if evidence.reason:
        return Ruling("not checkable", evidence.reason)
    values = posterior_draws(claim, evidence, named(fits, label, f"claim {claim.id!r}: fit"))
    truth = evidence.decision.meets.of(values)  # draws x elements
    probability = float(event(values, evidence.decision).mean())
    each = truth.mean(axis=0)
    quantity = evidence.quantity or evidence.variable
    text = f"Pr({quantity} {_words(evidence.each)}) {_equals(probability)}"
    if truth.shape[1] > 1:
        text = (
            f"Pr({evidence.expect} {truth.shape[1]} {quantity} {_words(evidence.each)}) {_equals(probability)}; "
            f"one by one from {probability_words(float(each.min()))} to {probability_words(float(each.max()))}"
        )
    return Ruling(decided(probability), text, probability)


def _robustness(claim: Claim, evidence: PosteriorEvidence, fits: Mapping[str, Fit]) -> str:
    labels = (evidence.fit, *evidence.robust)
    rulings = [_posterior_ruling(claim, evidence, fits, label) for label in labels]
    same = len({ruling.answer for ruling in rulings}) == 1
    sizes = [posterior_draws(claim, evidence, fits[label]).shape[1] for label in labels]
    listed = ", ".join(
        f"{probability_words(ruling.probability or 0.0)} ({label.partition('-')[2] or label}"
        + (f", {size} of {sizes[0]} values" if size != sizes[0] else "")
        + ")"
        for label, ruling, size in zip(labels, rulings, sizes, strict=True)
    )
    return f"{'Same ruling' if same else 'The ruling changes'}: probability {listed}"


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


def _doubts(evidence: PosteriorEvidence, fits: Mapping[str, Fit]) -> str:
    """The checks of the ruling's own fit that did not pass, and so could overturn it; empty if there is none."""
    if not evidence.fit:
        return ""
    doubtful = [check for check in fits[evidence.fit].checks() if check.status in ("fail", "warn")]
    listed = ", ".join(f"{check.name.replace('_', ' ')} ({check.status})" for check in doubtful)
    return f". Could be overturned by a diagnostic of {evidence.fit}: {listed}" if listed else ""


def _count(satisfied: int, total: int, quantity: str, condition: str) -> str:
    return f"{satisfied} of {total} {quantity} {_words(condition)}"


def _words(condition: str) -> str:
    return condition.replace("abs", "in absolute value")

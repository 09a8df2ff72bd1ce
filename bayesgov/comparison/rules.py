"""What each approach's own rules decide about an effect: there is one, there is none, or undecided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from bayesgov.comparison.bayes_factor import BayesFactor, prior_at_zero, savage_dickey
from bayesgov.fits import Check, ElementDraws, Fit, PosteriorFit, element_draws, element_names

Decision = Literal["effect", "no effect", "undecided"]
type Limits = tuple[float, float]

# p-values and posterior probabilities have columns of their own; ``value`` is what is neither.
COLUMNS = (
    "term", "fit", "approach", "rule", "p_value", "probability_of_direction", "value", "threshold", "decision",
    "frequency", "mc_error", "note",
)  # fmt: skip
_FACTOR = 3.0  # a Bayes factor beyond this decides (Jeffreys 1961: "substantial")


def decide(
    fit: Fit,
    estimates: pd.DataFrame,
    names: Mapping[str, str],
    *,
    level: float,
    ropes: Mapping[str, Limits],
) -> tuple[pd.DataFrame, tuple[Check, ...]]:
    """Decisions of every rule that applies to a fit.

    Parameters
    ----------
    fit : Fit
    estimates : DataFrame
        Of this fit, effects only, under the names that they are compared under.
    names : mapping of str to str
        The fit's terms and these names, where they differ.
    level : float
        Of the intervals; tests are at 1 - level, two-sided.
    ropes : mapping of str to (float, float)
        Limits of practical equivalence by term, in the term's units.

    Returns
    -------
    DataFrame
        Columns as in :data:`COLUMNS`.
    tuple of Check
        Rules that do not apply, and why.
    """
    terms = list(estimates["term"])
    found: list[dict[str, object]]
    if isinstance(fit, PosteriorFit):
        drawn = _drawn(fit, names, terms)
        factors, checks = _bayes_factors(fit, drawn, names)
        found = [*_directions(estimates, level), *_hdi_and_rope(drawn, level, ropes), *factors]
    else:
        found, checks = [*_tests(estimates, level), *_equivalence_tests(fit, estimates, names, level, ropes)], ()
    found += _selections(fit, names, terms)
    frame = pd.DataFrame(found, columns=list(COLUMNS)).assign(fit=fit.label, approach=fit.approach)
    numbers = ("p_value", "probability_of_direction", "value", "threshold", "frequency", "mc_error")
    return frame.astype(dict.fromkeys(numbers, float) | {"note": object}).fillna({"note": ""}), checks


def concordance(decisions: pd.DataFrame) -> pd.DataFrame:
    """Terms by rules; see :meth:`bayesgov.comparison.Comparison.concordance`."""
    fits_of_rule = decisions.groupby("rule")["fit"].nunique()
    column = [
        rule if fits_of_rule[rule] == 1 else f"{rule} ({fit})"
        for rule, fit in zip(decisions["rule"], decisions["fit"], strict=True)
    ]
    wide = decisions.assign(column=column).pivot(index="term", columns="column", values="decision")
    wide = wide.reindex(index=list(dict.fromkeys(decisions["term"])), columns=list(dict.fromkeys(column)))
    answers = wide.apply(lambda row: row.dropna().value_counts(), axis=1).fillna(0)
    total = answers.sum(axis=1)
    agreement = answers.max(axis=1) / total.where(total > 0)
    wide.columns.name = None
    return wide.assign(agreement=agreement)


def _tests(estimates: pd.DataFrame, level: float) -> list[dict[str, object]]:
    """A small p-value says that there is an effect; a large one decides nothing."""
    alpha = 1 - level
    return [
        {
            "term": term,
            "rule": f"p < {alpha:g}",
            "p_value": p,
            "threshold": alpha,
            "decision": "effect" if p < alpha else "undecided",
        }
        for term, p in zip(estimates["term"], estimates["p_value"], strict=True)
        if np.isfinite(p)
    ]


def _equivalence_tests(
    fit: Fit, estimates: pd.DataFrame, names: Mapping[str, str], level: float, ropes: Mapping[str, Limits]
) -> list[dict[str, object]]:
    """Two one-sided tests that the effect lies outside the limits (Schuirmann 1987, doi:10.1007/BF01068419)."""
    table, alpha = fit.tree["estimates"].to_dataset(), 1 - level
    pairs = zip(table["term"].values.tolist(), table["df"].values.tolist(), strict=True)
    reference = {names.get(term, term): df for term, df in pairs}
    rows: list[dict[str, object]] = []
    for term, estimate, error in estimates[["term", "estimate", "std_error"]].itertuples(index=False):
        if term not in ropes or not error > 0:
            continue
        lower, upper = ropes[term]
        t = stats.t(reference[term])
        p = float(max(t.sf((estimate - lower) / error), t.cdf((estimate - upper) / error)))
        if np.isfinite(p):
            decision = "no effect" if p < alpha else "undecided"
            rule = f"TOST p < {alpha:g}"
            rows.append({"term": term, "rule": rule, "p_value": p, "threshold": alpha, "decision": decision})
    return rows


def _directions(estimates: pd.DataFrame, level: float) -> list[dict[str, object]]:
    """The posterior probability of the more probable sign, against what a two-sided test of 1 - level answers to."""
    threshold = 0.5 * (1 + level)
    return [
        {
            "term": term,
            "rule": f"P(direction) > {threshold:g}",
            "probability_of_direction": max(p, 1 - p),
            "threshold": threshold,
            "decision": "effect" if max(p, 1 - p) > threshold else "undecided",
        }
        for term, p in zip(estimates["term"], estimates["probability_positive"], strict=True)
    ]


def _hdi_and_rope(drawn: ElementDraws, level: float, ropes: Mapping[str, Limits]) -> list[dict[str, object]]:
    """Highest-density interval against the region of practical equivalence (Kruschke 2018).

    doi:10.1177/2515245918771304: wholly outside, an effect; wholly inside, none; ``value`` is the share of the
    interval's draws inside.
    """
    from arviz_stats.base import array_stats  # loaded here: it takes seconds

    rows: list[dict[str, object]] = []
    for column, term in enumerate(drawn.terms):
        if term not in ropes:
            continue
        values, (lower, upper) = drawn.values[..., column].ravel(), ropes[term]
        low, high = array_stats.hdi(values, prob=level)
        inside = values[(values >= low) & (values <= high)]
        decision: Decision = "undecided"
        if low > upper or high < lower:
            decision = "effect"
        elif lower <= low and high <= upper:
            decision = "no effect"
        share = float(np.mean((inside >= lower) & (inside <= upper)))
        rows.append({"term": term, "rule": "ROPE", "value": share, "decision": decision})
    return rows


def _bayes_factors(
    fit: PosteriorFit, drawn: ElementDraws, names: Mapping[str, str]
) -> tuple[list[dict[str, object]], tuple[Check, ...]]:
    rule = f"Bayes factor > {_FACTOR:g}"
    rows: list[dict[str, object]] = []
    refused: dict[str, list[str]] = {}
    column = {term: position for position, term in enumerate(drawn.terms)}
    posterior = fit.tree["posterior"].to_dataset()
    for variable in fit.terms:
        for index, element in enumerate(element_names(posterior[variable])):
            term = names.get(element, element)
            if term not in column:
                continue
            prior = prior_at_zero(fit.tree, variable, index)
            if isinstance(prior, str):
                refused.setdefault(prior, []).append(term)
                continue
            factor = savage_dickey(drawn.values[..., column[term]], prior)
            if np.isfinite(factor.value):
                rows.append({"term": term, "rule": rule, "threshold": _FACTOR} | _judged(factor))
    checks = tuple(
        Check(rule, None, _FACTOR, "not applicable", f"{reason}: {', '.join(terms)}")
        for reason, terms in refused.items()
    )
    return rows, checks


def _judged(factor: BayesFactor) -> dict[str, object]:
    """A Bayes factor decides if it lies beyond the threshold by two Monte Carlo standard errors."""
    margin = 0.0 if factor.bound else 2 * factor.mc_error
    decision: Decision = "undecided"
    if factor.value - margin > _FACTOR:
        decision = "effect"
    elif factor.value + margin < 1 / _FACTOR and not factor.bound:
        decision = "no effect"
    beyond = factor.value > _FACTOR or factor.value < 1 / _FACTOR
    note = "at least: too few draws near zero" if factor.bound else ""
    if not factor.bound and beyond and decision == "undecided":
        note = "beyond the threshold by less than two Monte Carlo standard errors"
    return {"value": factor.value, "mc_error": factor.mc_error, "decision": decision, "note": note}


def _selections(fit: Fit, names: Mapping[str, str], terms: Sequence[str]) -> list[dict[str, object]]:
    """Group ``selection`` of a tree: dims rule, term; ``selected`` (1, 0) and ``frequency``."""
    if "selection" not in fit.tree:
        return []
    table = fit.tree["selection"].to_dataset().to_dataframe().reset_index()
    table = table.assign(term=table["term"].astype(str).replace(dict(names)), rule=table["rule"].astype(str))
    table = table[table["term"].isin(terms) & table["selected"].notna()]
    columns = (table[name].tolist() for name in ("term", "rule", "selected", "frequency"))
    return [
        {
            "term": term,
            "rule": rule,
            "value": float(selected),
            "decision": "effect" if selected else "no effect",
            "frequency": frequency,
        }
        for term, rule, selected, frequency in zip(*columns, strict=True)
    ]


def _drawn(fit: PosteriorFit, names: Mapping[str, str], terms: Sequence[str]) -> ElementDraws:
    """The fit's draws of these terms, under the names that they are compared under."""
    drawn = element_draws(fit.tree["posterior"].to_dataset(), fit.terms)
    known = {names.get(term, term): column for column, term in enumerate(drawn.terms)}
    return ElementDraws(tuple(terms), drawn.values[..., [known[term] for term in terms]])

"""``bayesgov.compare``: any number of fits, one vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from bayesgov.comparison import rules
from bayesgov.comparison.align import Names, aligned_estimates, effects_among, require_comparable
from bayesgov.comparison.pairs import compare_pairs
from bayesgov.errors import InputError
from bayesgov.fits import Check, Fit

type Rope = float | tuple[float, float]

_CHECKS = ("fit", "approach", "check", "value", "threshold", "status", "advice")
ALL_FITS = "all"  # the fit that checks of the comparison itself are about


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Fits aligned by estimand.

    Attributes
    ----------
    fits : tuple of str
        Labels, in the order given.
    level : float
        Of every interval; tests and probabilities of direction are held against what answers to it.
    estimates : DataFrame
        One row for each term and fit: ``term``, ``fit``, ``approach``, ``estimate``, ``std_error``, ``lower``,
        ``upper``, ``interval``, ``p_value``, ``probability_positive``, ``mc_error``.
    pairs : DataFrame
        One row for each term and pair of fits; see :func:`bayesgov.comparison.pairs.compare_pairs`.
    decisions : DataFrame
        One row for each term, fit and rule: ``term``, ``fit``, ``approach``, ``rule``, ``p_value``,
        ``probability_of_direction``, ``value`` (a Bayes factor, a share, 1 or 0 for selected or not; never a p-value or
        probability of direction), ``threshold``, ``decision``, ``frequency`` of selection (share of resamples or
        draws), ``mc_error`` of the Bayes factor, ``note``.
    checks : DataFrame
        ``fit``, ``approach``, ``check``, ``value``, ``threshold``, ``status``, ``advice``: those of all fits, and of
        the comparison itself under the fit "all".
    scores : DataFrame
        Held-out scores of the fits that have them: ``fit``, ``approach`` and the columns of the trees' groups
        ``scores``; empty without.
    """

    fits: tuple[str, ...]
    level: float
    estimates: pd.DataFrame
    pairs: pd.DataFrame
    decisions: pd.DataFrame
    checks: pd.DataFrame
    scores: pd.DataFrame

    @property
    def terms(self) -> tuple[str, ...]:
        """Terms that two fits or more have, in order of first appearance."""
        return tuple(dict.fromkeys(self.estimates["term"]))

    def concordance(self) -> pd.DataFrame:
        """The decision-concordance table.

        Returns
        -------
        DataFrame
            Index ``term``; a column for each rule, ``rule (fit)`` where several fits have the rule, with "effect",
            "no effect", "undecided", or nothing where the rule does not apply; and ``agreement``, the share of the
            term's answers that are the commonest one, "undecided" among them.
        """
        return rules.concordance(self.decisions)


def compare(
    *fits: Fit,
    level: float = 0.95,
    rope: Rope | Mapping[str, Rope] | None = None,
    names: Names | None = None,
) -> Comparison:
    """Set fits side by side.

    Parameters
    ----------
    *fits : Fit
        Two or more, of either school, of the same or of other models; their labels tell them apart. In pairs, an
        earlier fit is the first: put the unshrunken one there for shrinkage factors.
    level : float
        Of the intervals.
    rope : float, (float, float) or mapping of str to either, optional
        Region of practical equivalence in the terms' own units: ±rope, its limits, or either by term. Without it,
        rules that need one are left out.
    names : mapping of str to mapping of str to str, optional
        By label of a fit, its terms that are compared under another name.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the fits share no term or label, or ``rope`` or ``names`` do not fit them.
    ValueError
        If ``level`` is no probability.
    """
    known = names or {}
    require_comparable(fits, known)
    estimates = aligned_estimates(fits, level, known)
    terms = tuple(dict.fromkeys(estimates["term"]))
    effects = effects_among(terms, fits, known)
    ropes = _ropes(rope, terms, effects)
    decisions, inapplicable = [], {}
    for fit in fits:
        own = estimates[(estimates["fit"] == fit.label) & estimates["term"].isin(effects)]
        decided, inapplicable[fit.label] = rules.decide(fit, own, known.get(fit.label, {}), level=level, ropes=ropes)
        decisions.append(decided)
    checks = [_rows(fit.label, fit.approach, (*fit.checks(), *inapplicable[fit.label])) for fit in fits]
    checks.append(_rows(ALL_FITS, "", (_same_rows(fits), *_same_scale(fits), _left_out(fits, terms, known))))
    order = {term: position for position, term in enumerate(terms)}
    labels = tuple(fit.label for fit in fits)
    return Comparison(
        fits=labels,
        level=level,
        estimates=estimates,
        pairs=compare_pairs(estimates, labels),
        decisions=_joined(decisions, rules.COLUMNS).sort_values(
            "term", key=lambda column: column.map(order), kind="stable", ignore_index=True
        ),
        checks=_joined(checks, _CHECKS),
        scores=_joined([_scores(fit) for fit in fits], ("fit", "approach")),
    )


def _joined(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [part for part in parts if not part.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


def _ropes(
    rope: Rope | Mapping[str, Rope] | None, terms: Sequence[str], effects: Sequence[str]
) -> dict[str, rules.Limits]:
    if rope is None:
        return {}
    if not isinstance(rope, Mapping):
        return dict.fromkeys(effects, _limits(rope))
    if unknown := [term for term in rope if term not in terms]:
        raise InputError(f"rope: no fits share a term {unknown[0]!r}; they share: {', '.join(terms)}")
    return {term: _limits(value) for term, value in rope.items()}


def _limits(rope: Rope) -> rules.Limits:
    try:
        lower, upper = map(float, rope if isinstance(rope, Sequence) else (-rope, rope))
    except (TypeError, ValueError):
        lower = upper = np.nan
    if not (np.isfinite(lower) and np.isfinite(upper) and lower <= 0 <= upper and lower < upper):
        raise InputError(f"rope must be a positive number, or a lower and an upper limit around zero; got {rope!r}")
    return lower, upper


def _rows(label: str, approach: str, checks: Sequence[Check]) -> pd.DataFrame:
    rows = [{"fit": label, "approach": approach, "check": check.name} | asdict(check) for check in checks]
    return pd.DataFrame(rows, columns=list(_CHECKS))


def _same_rows(fits: Sequence[Fit]) -> Check:
    """Whether the fits are of the same observations: else not only the approach differs."""
    recorded = [(fit.tree.attrs.get("data_sha256"), fit.tree.attrs.get("n_obs")) for fit in fits]
    if any(checksum is None for checksum, _ in recorded):
        return Check("same_observations", None, None, "not applicable", "a fit does not say which data it is of")
    different = len(set(recorded))
    if different == 1:
        return Check("same_observations", 1.0, 1.0, "pass")
    sizes = "; ".join(
        f"{fit.label}: {fit.tree.attrs.get('data')}" + ("" if n is None else f", {n} rows")
        for fit, (_, n) in zip(fits, recorded, strict=True)
    )
    advice = f"the fits are of other observations, so that not only the approach differs ({sizes})"
    return Check("same_observations", float(different), 1.0, "warn", advice)


def _same_scale(fits: Sequence[Fit]) -> tuple[Check, ...]:
    """A warning where families or links differ: the size of an effect is in the units of the latent outcome."""
    specs = {fit.label: json.loads(fit.tree.attrs.get("spec", "{}")) for fit in fits}
    scales = {label: f"{spec['family']} {spec['link']}" for label, spec in specs.items() if "link" in spec}
    if (different := len(set(scales.values()))) < 2:
        return ()
    listed = "; ".join(f"{label}: {scale}" for label, scale in scales.items())
    advice = f"effects are on different scales: compare signs and decisions, not sizes or intervals ({listed})"
    return (Check("same_scale", float(different), 1.0, "warn", advice),)


def _left_out(fits: Sequence[Fit], terms: Sequence[str], names: Names) -> Check:
    """Terms that one fit alone has: not compared, and not lost without a word."""
    alone = [
        f"{fit.label}: {', '.join(own)}"
        for fit in fits
        if (own := [term for term in fit.estimates()["term"] if names.get(fit.label, {}).get(term, term) not in terms])
    ]
    advice = f"in one fit only, and not compared: {'; '.join(alone)}" if alone else ""
    return Check("terms_compared", float(len(terms)), None, "pass", advice)


def _scores(fit: Fit) -> pd.DataFrame:
    if "scores" not in fit.tree:
        return pd.DataFrame()
    table = fit.tree["scores"].to_dataset().to_dataframe().reset_index()
    table = table.drop(columns=["fit", "approach", "index"], errors="ignore")
    table.insert(0, "fit", fit.label)
    table.insert(1, "approach", fit.approach)
    return table

"""Which terms a public figure draws, under which labels, and which of them belong to a region."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from bayesgov.comparison.align import Names, effects_among, named_estimates, require_labels
from bayesgov.fits import ELEMENT, Fit
from bayesgov.report.row_tables import plain_term

ALL = "all"  # the region of a fit, or of one of its estimates, that holds for every region

_BARE = ("beta", "alpha", "theta")  # variables whose elements a reader knows without the variable's name
_ASIDE = ("period_effect", "delta")  # effects that nobody asks about: drawn where they are named


def all_estimates(fits: Sequence[Fit], level: float, names: Names | None) -> pd.DataFrame:
    """Estimates of all fits under the names that they are drawn with, and ``fit``, ``series`` for the legend.

    Raises
    ------
    ValueError
        If ``names`` has the label of no fit, what is no term of its fit, or makes two terms of a fit one.
    """
    known = names or {}
    require_labels(known, [fit.label for fit in fits])
    parts = []
    for fit in fits:
        frame = named_estimates(fit, level, known.get(fit.label, {}))
        kinds = "; ".join(dict.fromkeys(frame["interval"]))
        parts.append(frame.assign(series=f"{fit.label} ({kinds})"))
    return pd.concat(parts, ignore_index=True)


def chosen_terms(
    frame: pd.DataFrame, fits: Sequence[Fit], terms: Sequence[str] | None, names: Names | None
) -> list[str]:
    """Terms to draw, in order: those asked for; else the effects, of several fits those that two or more share.

    Raises
    ------
    ValueError
        If a term asked for is in no fit, or the fits share none.
    """
    every = list(dict.fromkeys(frame["term"]))
    if terms is not None:
        return matching(terms, every)
    counts = frame.groupby("term")["fit"].nunique()
    shared = [term for term in every if counts[term] >= min(2, len(fits))]
    if effects := effects_of(shared, fits, names):
        return effects
    examples = "; ".join(f"{label}: {', '.join(part['term'].head(3))}" for label, part in frame.groupby("fit"))
    raise ValueError(f"the fits share no effect ({examples}): choose with terms= or map them with names=")


def effects_of(terms: Sequence[str], fits: Sequence[Fit], names: Names | None) -> list[str]:
    """The terms that zero is a question about, what only serves the model left out."""
    return [term for term in effects_among(terms, fits, names or {}) if variable_of(term) not in _ASIDE]


def matching(wanted: Sequence[str], every: Iterable[str]) -> list[str]:
    """The elements that ``wanted`` names, by themselves or by their variable, in the order asked for.

    Raises
    ------
    ValueError
        If there is no such element.
    """
    known = list(dict.fromkeys(every))
    found: dict[str, None] = {}
    for name in (wanted,) if isinstance(wanted, str) else wanted:
        mine = [term for term in known if term == name or variable_of(term) == name]
        if not mine:
            shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
            raise ValueError(f"terms: there is no {name!r}; there are: {shown}")
        found |= dict.fromkeys(mine)
    return list(found)


def variable_of(term: str) -> str:
    """ "beta" of "beta[digital]"; a scalar is its own."""
    match = ELEMENT.fullmatch(term)
    return match[1] if match else term


def term_labels(terms: Iterable[str]) -> dict[str, str]:
    """A label for every term, its variable's name left out where a reader knows it and no other has the label."""
    every = list(dict.fromkeys(terms))
    short = {term: _short(term) for term in every}
    taken = list(short.values())
    return {term: label if taken.count(label) == 1 else term for term, label in short.items()}


def _short(term: str) -> str:
    match = ELEMENT.fullmatch(term)
    if match is None:
        return plain_term(term)
    if match[1] in _BARE:
        return match[2]
    return f"threshold {match[2]}" if match[1] == "threshold" else term


def regions_of(fit: Fit) -> tuple[str, ...]:
    """Regions that the fit has terms of, from the dims of its draws; empty for other fits."""
    found: dict[str, None] = {}
    for group in ("posterior", "sampling_distribution"):
        if group in fit.tree:
            coords = fit.tree[group].to_dataset().coords
            # a dim that two variables have with different labels is named apart: "beta_region"
            for name in coords:
                if name == "region" or str(name).endswith("_region"):
                    found |= dict.fromkeys(str(value) for value in coords[name].values)
    return tuple(found)


def by_region(terms: Iterable[str], regions: Sequence[str]) -> pd.DataFrame:
    """``variable``, ``what`` and ``region`` of every term: "alpha[north, L1.y]" is L1.y of north.

    ``region`` is empty for a term of no region.
    """
    longest_first = sorted(regions, key=len, reverse=True)  # "north" is the end of ", far north"
    return pd.DataFrame(
        [_parts(term, longest_first) for term in terms], columns=["variable", "what", "region"], dtype=object
    )


def _parts(term: str, regions: Sequence[str]) -> tuple[str, str, str]:
    match = ELEMENT.fullmatch(term)
    if match is None:
        return term, term, ""
    variable, inside = match[1], match[2]
    for region in regions:
        if inside == region:
            return variable, variable, region
        if inside.startswith(f"{region}, "):
            return variable, inside[len(region) + 2 :], region
        if inside.endswith(f", {region}"):
            return variable, inside[: -len(region) - 2], region
    return variable, inside, ""

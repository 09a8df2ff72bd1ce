"""Public figures of comparisons: what every rule decides, and how far an estimate depends on choices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bayesgov.comparison import Comparison
from bayesgov.comparison.multiverse import Multiverse
from bayesgov.report import comparison_figures
from bayesgov.report.plots_caption import captioned, interval_words, percent
from bayesgov.report.plots_terms import matching, term_labels


def plot_concordance(comparison: Comparison, *, terms: Sequence[str] | None = None) -> Figure:
    """What every rule of either school decides about every term: a mark in every cell.

    Parameters
    ----------
    comparison : Comparison
        Of :func:`bayesgov.compare`.
    terms : sequence of str, optional
        Terms or names of variables; by default all that a rule decides about.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If it is no comparison, no rule applies, or ``terms`` has what it has not.
    """
    if not isinstance(comparison, Comparison):
        raise ValueError(f"plot_concordance takes what bayesgov.compare returns; got {type(comparison).__name__}")
    if comparison.decisions.empty:
        raise ValueError("plot_concordance needs a decision; no rule applies to the terms compared")
    table = comparison.concordance()
    if terms is not None:
        table = table.loc[matching(terms, table.index)].dropna(axis="columns", how="all")
    labels = term_labels(table.index)
    return captioned(
        comparison_figures.decision_map(table.rename(index=labels)),
        f"Decisions about {len(table)} terms by every rule that applies, of the fits {', '.join(comparison.fits)}; "
        "agreement is the share of the commonest answer",
        f"Tests and probabilities of direction at {percent(comparison.level)}; a test that is not significant leaves "
        "the term undecided",
        interval_words(comparison.estimates),
    )


def plot_specification_curve(multiverse: Multiverse, term: str | None = None) -> Figure:
    """Estimates of a term under every combination of choices, in order of size, and which choices each is.

    Parameters
    ----------
    multiverse : Multiverse
        Of :func:`bayesgov.multiverse`.
    term : str, optional
        As in its estimates; by default the first.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If it is no multiverse, or has no such term.
    """
    if not isinstance(multiverse, Multiverse):
        came = type(multiverse).__name__
        raise ValueError(f"plot_specification_curve takes what bayesgov.multiverse returns; got {came}")
    estimates, fields = multiverse.estimates, list(multiverse.fields)
    chosen = str(estimates["term"].iloc[0]) if term is None else term
    drawn = estimates[(estimates["term"] == chosen) & np.isfinite(estimates["estimate"])]
    if drawn.empty:
        known = ", ".join(dict.fromkeys(estimates["term"]))
        raise ValueError(f"term: no specification has an estimate of {chosen!r}; there are: {known}")
    status = multiverse.universes.set_index("universe")["status"].reindex(drawn["universe"])
    series = ["a check of the fit failed" if found == "doubtful" else "every check passed" for found in status]
    # the sound ones first, whichever specification comes first: their style is the first one
    drawn = drawn.assign(series=series).sort_values("series", ascending=False, kind="stable")
    lost = len(multiverse.universes) - len(drawn)
    figure = comparison_figures.specification_curve(
        drawn, drawn[fields].astype(str), ylabel=term_labels([chosen])[chosen]
    )
    return captioned(
        figure,
        f"{multiverse.approach.capitalize()} estimates of {chosen} under {len(drawn)} combinations of "
        f"{', '.join(fields)}, in order of size; below them the choices that each is",
        f"{lost} combinations have no estimate of it" if lost else "",
        f"Intervals: {'; '.join(dict.fromkeys(drawn['interval']))}; one that leaves the panel is cut there",
    )

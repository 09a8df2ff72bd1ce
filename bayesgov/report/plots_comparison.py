"""Public figures of comparisons: what every rule decides about every term."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from bayesgov.comparison import Comparison
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

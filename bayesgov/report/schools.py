"""What the schools say of the same terms: the section of a report on a comparison of its fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bayesgov.comparison import Comparison, compare
from bayesgov.errors import InputError
from bayesgov.fits import Fit
from bayesgov.report import comparison_figures
from bayesgov.report.comparison_tables import comparison_tables
from bayesgov.report.content import Block, Paragraph, ReportFigure, ReportTable, Section
from bayesgov.report.pieces import figure_parts

_ROWS_PER_FIGURE = 24
_LONG = 24  # rows: a longer table is folded, the figures show the same
_RULES = {"lambda.min": "λ.min", "lambda.1se": "λ.1se"}  # as the rest of a report has them


def school_sections(
    fits: Sequence[Fit], names: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> tuple[Section, ...]:
    """The section that compares the fits of one report; none where only one school was fitted.

    Parameters
    ----------
    fits : sequence of Fit
        The unshrunken ones first.
    names : mapping of str to str
        Terms to compare, in the order of the page -> what its tables call them.
    labels : mapping of str to str, optional
        These names -> what figures call them.
    """
    if len({fit.approach for fit in fits}) < 2:
        return ()
    try:
        found = named(compare(*fits), names)
    except InputError as error:
        return (Section("schools", "The two schools compared", (Paragraph(f"Not compared: {error}.", "warning"),)),)
    blocks = decision_blocks(found, "schools", labels or {})
    return (Section("schools", "The two schools compared", blocks),) if blocks else ()


def named(found: Comparison, names: Mapping[str, str]) -> Comparison:
    """The comparison of the terms that ``names`` has, in its order and under its names."""
    place = {term: position for position, term in enumerate(names)}

    def kept(frame: pd.DataFrame) -> pd.DataFrame:
        mine = frame[frame["term"].isin(place)]
        order = mine["term"].map(place).sort_values(kind="stable").index
        mine = mine.loc[order].reset_index(drop=True)
        return mine.assign(term=mine["term"].map(dict(names)))

    return replace(found, estimates=kept(found.estimates), pairs=kept(found.pairs), decisions=kept(found.decisions))


def decision_blocks(found: Comparison, key: str, labels: Mapping[str, str]) -> tuple[Block, ...]:
    """What every rule decides, as figures and tables, and how far apart the fits are.

    Parameters
    ----------
    found : Comparison
    key : str
        First part of the blocks' keys.
    labels : mapping of str to str
        Terms -> what figures call them; a term that it lacks keeps its name.
    """
    # what a prior takes away is a question about effects, not about where an outcome lies
    effects = found.pairs["term"].isin(found.decisions["term"])
    found = replace(
        found,
        decisions=found.decisions.assign(rule=found.decisions["rule"].replace(_RULES)),
        pairs=found.pairs.assign(shrinkage=found.pairs["shrinkage"].where(effects)),
    )
    tables = {table.key.removeprefix(f"{key}-"): table for table in comparison_tables(found, key)}
    blocks: list[Block] = []
    if "concordance" in tables:
        blocks += [Paragraph(_agreement_words(found)), *_maps(found, key, labels)]
        blocks.append(_folded_if_long(tables["concordance"]))
    if "pairs" in tables:
        blocks.append(_folded_if_long(_without_names_of_one_pair(tables["pairs"])))
    for name in ("tests", "rules", "bayes-factors"):
        if name in tables:
            blocks.append(replace(tables[name], folded=True))
    return (*blocks, *_refusals(found))


def _agreement_words(found: Comparison) -> str:
    agreement = found.concordance()["agreement"]
    alike = int((agreement == 1).sum())
    several = found.decisions.groupby("term")["rule"].size()
    words = [
        f"All rules that apply say the same of {alike} of {len(agreement)} terms, each asked by "
        f"{_range(several)} rules of {len(found.fits)} fits."
    ]
    pairs = found.pairs[found.pairs["term"].isin(agreement.index)]
    if (known := pairs["same_sign"].dropna()).size:
        words.append(f"Estimates have the same sign in {int(known.sum())} of {len(known)} pairs of fits.")
    if (overlap := pairs["overlap"].dropna()).size:
        words.append(f"Intervals overlap by {100 * overlap.median():.0f}% of what they cover together (median).")
    return " ".join(words)


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _maps(found: Comparison, key: str, labels: Mapping[str, str]) -> list[ReportFigure]:
    table = found.concordance()
    drawn = []
    for key_end, title_end, terms in figure_parts(list(table.index), _ROWS_PER_FIGURE, "terms"):
        part = table.loc[list(terms)].dropna(axis="columns", how="all")
        drawn.append(
            ReportFigure(
                f"{key}-decisions{key_end}",
                f"Decisions of both schools{title_end}",
                f"Decisions about every term by the rules of either school, of the fits {', '.join(found.fits)}: tests "
                f"and probabilities of direction at {100 * found.level:g}%, and what else applies. On the right, the "
                "share of a term's answers that are the commonest one.",
                "A row of one word: the conclusion does not hang on the school. A test that is not significant and a "
                "probability of direction below its limit leave a term undecided; they do not say that it has no "
                "effect.",
                _words(part),
                comparison_figures.decision_map(part.rename(index=dict(labels))),
                part,
            )
        )
    return drawn


def _words(table: pd.DataFrame) -> str:
    """Every row as a sentence: what is drawn, for those who do not see it."""
    answers = table.drop(columns="agreement").T.to_dict()
    rows = [
        f"{term}: {', '.join(f'{rule} {word}' for rule, word in given.items() if isinstance(word, str))}"
        for term, given in answers.items()
    ]
    return "; ".join(rows) + f". Agreement is complete for {int((table['agreement'] == 1).sum())} of {len(table)}."


def _folded_if_long(table: ReportTable) -> ReportTable:
    return replace(table, folded=len(table.frame) > _LONG)


def _without_names_of_one_pair(table: ReportTable) -> ReportTable:
    """With one pair of fits the caption names them once."""
    fits = table.frame[["first_fit", "second_fit"]].drop_duplicates()
    if len(fits) > 1:
        return table
    first, second = fits.iloc[0]
    frame = table.frame.drop(columns=["first_fit", "second_fit"])
    return replace(table, frame=frame, caption=f"First: {first}; second: {second}. {table.caption}")


def _refusals(found: Comparison) -> list[Paragraph]:
    """Rules that cannot be applied, and why; warnings about the comparison itself."""
    about = found.checks[(found.checks["fit"] == "all") & (found.checks["status"] == "warn")]
    refused = found.checks[found.checks["check"].str.contains(" > ") & (found.checks["status"] == "not applicable")]
    lines = [Paragraph(f"{text[0].upper()}{text[1:]}.", "warning") for text in about["advice"]]
    pairs = [(fit, text.partition(": ")[0]) for fit, text in zip(refused["fit"], refused["advice"], strict=True)]
    return lines + [
        Paragraph(f"Bayes factors of {fit} are left out where there is none: {reason}.")
        for fit, reason in dict.fromkeys(pairs)
    ]

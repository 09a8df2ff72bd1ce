"""A comparison of fits as tables: on the terminal, in files, in a report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bayesgov.comparison import Comparison
from bayesgov.errors import InputError
from bayesgov.report.content import ReportTable
from bayesgov.report.document import check_writable
from bayesgov.report.tables import number_text, write_table

_MOST_COLUMNS = 4  # fits side by side on a terminal; more go below one another
_OPEN = ("fail", "warn")


def comparison_tables(found: Comparison, key: str = "comparison") -> tuple[ReportTable, ...]:
    """The tables of a comparison; p-values and posterior probabilities stand in tables of their own.

    Parameters
    ----------
    found : Comparison
    key : str
        First part of the tables' keys.
    """
    percent = f"{100 * found.level:g}%"
    drafts = (
        (
            "estimates",
            "Estimates side by side",
            f"Point estimates (posterior medians), standard errors (posterior standard deviations) and {percent} "
            "limits of the terms that two fits or more have.",
            found.estimates.drop(columns=["p_value", "probability_positive", "approach"]),
        ),
        (
            "concordance",
            "What each rule decides",
            "Agreement is the share of a term's answers that are the commonest one. A large p-value and a probability "
            "of direction near one half decide nothing; only an equivalence rule, a Bayes factor or a selection can "
            "say that there is no effect.",
            found.concordance(),
        ),
        (
            "pairs",
            "Fits in pairs",
            "Difference: second less first; standardised by the root mean square of both standard errors, no test. "
            f"Overlap of the {percent} intervals: shared over covered length. Shrinkage: the share of the first "
            "estimate that the second takes away. Precision ratio: squared ratio of standard errors, above 1 where "
            "the second is more precise.",
            found.pairs.rename(columns={"first": "first_fit", "second": "second_fit"}),
        ),
        ("tests", "Tests", "Two-sided tests of no effect; equivalence tests where limits were given.", _tests(found)),
        (
            "rules",
            "Rules other than tests",
            "Probability of direction; share of the highest-density interval inside the region of practical "
            "equivalence; selection (1 or 0) with the share of resamples or draws that select.",
            _rules(found, factors=False),
        ),
        (
            "bayes-factors",
            "Bayes factors",
            "Of an effect against none (Savage-Dickey), with Monte Carlo standard errors.",
            _rules(found, factors=True),
        ),
        ("scores", "Held-out scores", "Scores of predictions for the same held-out rows.", found.scores),
        ("checks", "Diagnostics of every fit", "Those of the comparison itself are of the fit “all”.", found.checks),
    )
    folded = ("pairs", "checks")
    return tuple(
        ReportTable(f"{key}-{name}", title, caption, frame, folded=name in folded)
        for name, title, caption, frame in drafts
        if not frame.empty
    )


def _tests(found: Comparison) -> pd.DataFrame:
    rows = found.decisions[found.decisions["p_value"].notna()]
    return _shown(rows[["term", "fit", "rule", "p_value", "threshold", "decision"]])


def _rules(found: Comparison, *, factors: bool) -> pd.DataFrame:
    rows = found.decisions[found.decisions["p_value"].isna()].drop(columns=["p_value", "approach"])
    rows = rows[rows["rule"].str.startswith("Bayes factor") == factors]
    rows = rows.assign(note=rows["note"].replace("", None)) if len(rows) else rows
    return _shown(rows.dropna(axis="columns", how="all"))


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """``threshold`` is what tables of ordinal models call another thing."""
    return rows.rename(columns={"threshold": "decision_limit"}).reset_index(drop=True)


def write_comparison(found: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write every table of a comparison as CSV, Markdown and LaTeX.

    Parameters
    ----------
    found : Comparison
    folder : Path
        Made if it is not there. It must be empty, or hold an earlier comparison, whose tables are replaced.

    Returns
    -------
    tuple of Path
        The CSV files.

    Raises
    ------
    InputError
        If the folder cannot be written or holds other things.
    """
    former = list(folder.glob("comparison-*"))
    if folder.is_dir() and len(former) < len(list(folder.iterdir())):  # a run among them
        raise InputError(f"{folder}: holds files that are no comparison's: choose an empty folder")
    if not former:
        check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in former:
        path.unlink()
    tables = comparison_tables(found)
    for table in tables:
        write_table(table, folder)
    return tuple(folder / f"{table.key}.csv" for table in tables)


def print_comparison(found: Comparison, console: Console) -> None:
    """Aligned estimates, the concordance of decisions, and the checks that did not pass."""
    console.print(_estimates(found))
    if not found.decisions.empty:
        console.print(_concordance(found))
    problems = found.checks[found.checks["status"].isin(_OPEN)]
    if problems.empty:
        console.print("No diagnostic failed.")
        return
    table = Table("Fit", "Check", "Status", "Advice", title="Diagnostics that failed or warn")
    for fit, check, status, advice in problems[["fit", "check", "status", "advice"]].astype(str).to_numpy():
        table.add_row(Text(fit), Text(check.replace("_", " ")), status, Text(advice))
    console.print(table)


# Text, not str, below: to Rich the brackets of beta[x] in a str are markup.
def _estimates(found: Comparison) -> Table:
    title = f"Estimates with {100 * found.level:g}% limits (confidence or credible, as the school has it)"
    columns = (found.estimates[name].tolist() for name in ("term", "fit", "estimate", "lower", "upper"))
    cells = {(term, fit): _interval_text(*numbers) for term, fit, *numbers in zip(*columns, strict=True)}
    if len(found.fits) <= _MOST_COLUMNS:
        table = Table("Term", *map(escape, found.fits), title=title)
        for term in found.terms:
            table.add_row(Text(term), *(cells.get((term, fit), Text()) for fit in found.fits))
        return table
    table = Table("Term", "Fit", "Estimate", title=title)
    for (term, fit), text in cells.items():
        table.add_row(Text(term), Text(fit), text)
    return table


def _interval_text(estimate: float, lower: float, upper: float) -> Text:
    limits = f" [{number_text(lower, 3)}, {number_text(upper, 3)}]" if pd.notna(lower) else ""
    return Text(number_text(estimate, 3) + limits)


def _concordance(found: Comparison) -> Table:
    """A row for each term and fit, so that rules that several fits have stand in one column."""
    wide = found.decisions.pivot(index=["term", "fit"], columns="rule", values="decision").fillna("")
    rules = list(dict.fromkeys(found.decisions["rule"]))
    agreement = found.concordance()["agreement"]
    table = Table("Term", "Agreement", "Fit", *map(escape, rules), title="What each rule decides")
    decided = found.decisions[["term", "fit"]].drop_duplicates()
    for term, rows in decided.groupby("term", sort=False):
        for number, fit in enumerate(rows["fit"]):
            head = ("", "") if number else (escape(str(term)), number_text(float(agreement[term]), 2))
            table.add_row(*head, escape(fit), *wide.loc[(term, fit), rules].astype(str))
    return table

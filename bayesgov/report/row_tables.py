"""Tables of an analysis of rows as a reader wants them: one question a table, one word for one thing."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bayesgov.report.content import ReportTable

type Tables = Mapping[str, pd.DataFrame]

# Column names that mean something else in the report's glossary of headings.
_RENAMED = {
    "parallel_lines": {"name": "tested", "statistic": "chi2"},
    "brant": {"name": "tested", "statistic": "chi2"},
    "fit_statistics": {"label": "quantity"},
    "condition": {"(Intercept)": "intercept"},
    "models": {"problems": "remarks"},
    "prior_shares": {"median": "prior_median", "lower": "prior_lower", "upper": "prior_upper"},
    "held_out_differences": {"first": "first_fit", "second": "second_fit"},
}
# What the caption says once instead of the table in every row, or what only a program reads.
_DROPPED = {
    "frequentist_estimates": ("interval",),
    "fit_statistics": ("statistic",),
    "posterior_effects": ("factor", "interval"),
    "effects": ("interval",),
    "binary_logits": ("interval",),
    "profile_intervals": ("interval",),
    "departures": ("interval",),
    "prior_shares": ("observed",),
    "selection_frequency": ("resampled",),
    "probability_curves": ("std_error", "interval"),
    "dial": ("log_lambda",),
    "dial_path": ("log_lambda",),
}
_SCOPES = {"omnibus": "likelihood-ratio, all", "score": "score, all", "factor": "likelihood-ratio, one term"}
_WALD_SCOPES = {"omnibus": "Wald, all", "factor": "Wald, one term", "term": "Wald, one coefficient"}
_SCORES = {"log_score": "log score", "rps": "ranked probability score", "brier": "Brier score"}
_CHANGES = {"step": "one step up", "contrast": "from the reference level", "derivative": "per unit"}


def displayed(tables: Tables) -> dict[str, pd.DataFrame]:
    """The tables with columns renamed, dropped and parted for the page; figures take the originals.

    The posterior's coefficients part into "posterior_coefficients", "posterior_ratios" (where the link has such a
    reading) and "equivalence"; held-out scores into those of all folds and "held_out_folds". Average probabilities of
    both schools join.
    """
    shown = {name: _plain(name, frame) for name, frame in tables.items() if not frame.empty}
    if "posterior_coefficients" in shown:
        shown |= _parted(shown["posterior_coefficients"])
    if "held_out_scores" in shown:
        scores = shown["held_out_scores"]
        every = scores["fold"] == "all"
        shown |= {"held_out_scores": scores[every].drop(columns="fold"), "held_out_folds": scores[~every]}
    schools = {"average_probabilities": "frequentist", "posterior_average": "bayesian"}
    averages = [shown[name].assign(approach=school) for name, school in schools.items() if name in shown]
    if averages:
        joined = pd.concat(averages, ignore_index=True)
        columns = ("approach", "level", "observed", "estimate", "std_error", "lower", "upper", "mc_error")
        shown["average_probabilities"] = joined[[name for name in columns if name in joined]]
    return shown


def plain_term(term: str) -> str:
    """ "beta[temp[warm]]" as "temp[warm]", "group_sd" in words; other names as they are."""
    if term.startswith("beta["):
        return term[len("beta[") : -1]
    return "sd of group intercepts" if term == "group_sd" else term


def _plain(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    dropped = [column for column in _DROPPED.get(name, ()) if column in frame]
    result = frame.drop(columns=dropped).rename(columns=_RENAMED.get(name, {}))
    if "scope" in result:
        words = _WALD_SCOPES if name == "brant" else _SCOPES
        result["scope"] = result["scope"].map(lambda scope: words.get(scope, scope))
        result = result.rename(columns={"scope": "test"})
    if "change" in result:
        result["change"] = result["change"].map(lambda change: _CHANGES.get(change, change))
    if "score" in result:
        result["score"] = result["score"].map(lambda score: _SCORES.get(score, score))
    for column in ("term", "parameter"):
        if column in result:
            result[column] = [plain_term(term) if isinstance(term, str) else term for term in result[column]]
    return result


def _parted(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    estimates = ["term", "estimate", "std_error", "lower", "upper", "probability_positive", "mc_error"]
    parts = {
        "posterior_coefficients": frame[estimates],
        "equivalence": frame[["term", "change", "largest_change", "probability_negligible"]]
        .dropna()
        .rename(columns={"largest_change": "largest_effect"}),
    }
    if frame["ratio"].notna().any():
        ratios = frame[["term", "ratio_name", "ratio", "ratio_lower", "ratio_upper"]]
        parts["posterior_ratios"] = ratios.rename(columns={"ratio_name": "quantity"})
    return parts


def table(
    shown: Tables, name: str, title: str, caption: str, *, folded: bool = False, digits: int = 3
) -> tuple[ReportTable, ...]:
    """The table if there is one."""
    frame = shown.get(name)
    if frame is None or frame.empty:
        return ()
    return (ReportTable(name.replace("_", "-"), title, caption, frame, digits=digits, folded=folded),)


def label_of(term: str, labels: Mapping[str, str]) -> str:
    """ "item_1" or "temp[warm]" with the codebook's label for the variable."""
    variable, bracket, level = term.partition("[")
    inside = variable[len("mo(") : -1] if variable.startswith("mo(") and variable.endswith(")") else variable
    label = labels.get(inside)
    return f"{label}: {level.rstrip(']')}" if label and bracket else label or term
